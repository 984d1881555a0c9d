import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { PrecopyError, exitCodes } from '../errors.js';
import { describeError } from './output.js';

/** The lab is no part of the package: it needs the repository (image recipes, kernel module, tests). */
const labMain = join(import.meta.dirname, '../../../scripts/dist/lab/main.js');

export function labCommand(): Command {
  return new Command('lab')
    .description('a VM with real VFIO on a machine without: setup | run -- COMMAND | shell | help')
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: string[]) => {
      if (!existsSync(labMain)) {
        const error = new PrecopyError(
          'NOT_SUPPORTED',
          'The lab needs the precopy repository, and this precopy was installed without it.',
          'Clone the repository and run `npm run demo` there.',
        );
        process.stderr.write(`precopy lab: ${describeError(error)}\n`);
        process.exitCode = error.exitCode;
        return;
      }
      process.exitCode = await runLab(words);
    });
}

async function runLab(words: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ['--enable-source-maps', labMain, ...words], {
    stdio: 'inherit',
  });
  // A terminal's Ctrl-C reaches the lab by itself, and it needs a moment to tidy up; what is sent to
  // this process alone is passed on.
  process.on('SIGINT', () => undefined);
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill(name));
  return await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      resolve(code ?? exitCodes.failed);
    });
  });
}
