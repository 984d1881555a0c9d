import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '#scripts/repository.js';

export interface Finished {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A precopy that runs as a user would start it. */
export interface Running {
  process: ChildProcess;
  finished: Promise<Finished>;
  /** Resolves once its output so far contains `text`; rejects if it ends without. */
  printed(text: string): Promise<void>;
}

export function startPrecopy(args: readonly string[]): Running {
  const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finished = once(child, 'close').then(() => ({ exitCode: child.exitCode, stdout, stderr }));
  const printed = async (text: string): Promise<void> => {
    while (!stdout.includes(text)) {
      const end = await Promise.race([once(child.stdout, 'data').then(() => undefined), finished]);
      if (end && !stdout.includes(text)) {
        throw new Error(`precopy ended without printing "${text}": ${stdout}${stderr}`);
      }
    }
  };
  return { process: child, finished, printed };
}

export async function precopy(...args: string[]): Promise<Finished> {
  return await startPrecopy(args).finished;
}
