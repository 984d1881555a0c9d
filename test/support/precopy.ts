import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
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

export interface StartOptions {
  /** Descriptors from 3 on that precopy gets, each one end of a socket pair. */
  extraPipes?: number;
  /** What it gets on standard input, which stays open then. */
  stdin?: string;
  /** Added to its environment. */
  env?: Readonly<Record<string, string>>;
}

/** History of its own: what tests do must not calibrate the developer's forecasts. */
const stateHome = mkdtempSync(join(tmpdir(), 'precopy-state-'));
process.once('exit', () => {
  rmSync(stateHome, { recursive: true, force: true });
});

export function startPrecopy(args: readonly string[], options: StartOptions = {}): Running {
  const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['pipe', 'pipe', 'pipe', ...Array<'pipe'>(options.extraPipes ?? 0).fill('pipe')],
    env: { ...process.env, XDG_STATE_HOME: stateHome, ...options.env },
  }) as ChildProcessByStdio<Writable, Readable, Readable>;
  if (options.stdin === undefined) child.stdin.end();
  else child.stdin.write(options.stdin);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finished = once(child, 'close').then(() => {
    if (child.signalCode !== null) stderr += `precopy was ended by ${child.signalCode}\n`;
    return { exitCode: child.exitCode, stdout, stderr };
  });
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
