import { Command } from 'commander';
import { runShell } from 'qemu-qmp-client-ts/shell';
import { PrecopyError, exitCodes, type ExitCode } from '../errors.js';
import { reportError } from './output.js';

export function shellCommand(): Command {
  return new Command('shell')
    .description('QMP by hand: history, completion and help from the connected QEMU')
    .requiredOption('--qmp <address>', 'monitor of the QEMU, e.g. unix:/run/vm.qmp')
    .option('--raw', 'QMP commands as QEMU has them (the only mode so far)')
    .action(async (flags: { qmp: string; raw?: true }) => {
      process.exitCode = await shell(flags.qmp, flags.raw === true);
    });
}

async function shell(address: string, raw: boolean): Promise<ExitCode> {
  try {
    if (!raw) {
      throw new PrecopyError(
        'USAGE',
        'There is no shell yet that steps a migration by hand.',
        'Add --raw for one that takes QMP commands.',
      );
    }
    return (await runShell(address)) > 0 ? exitCodes.failed : exitCodes.done;
  } catch (error) {
    return reportError('shell', error, false);
  }
}
