/** Runs borrow-attempt.ts and peer-attempt.ts with other rights than the tests have. */
import { execFile, spawnSync, type ExecFileOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BorrowAttempt } from './borrow-attempt.js';

/**
 * Runs a script of this folder under a command that changes its rights, and reads what it prints.
 *
 * @param as a user to run it as
 */
export async function attempt(
  prefix: readonly string[],
  script: 'borrow-attempt.js' | 'peer-attempt.js',
  args: readonly string[],
  as: Pick<ExecFileOptions, 'uid' | 'gid'> = {},
): Promise<BorrowAttempt> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const [program = '', ...rest] = [...prefix, process.execPath, path, ...args];
  const { stdout } = await promisify(execFile)(program, rest, as);
  return JSON.parse(stdout) as BorrowAttempt;
}

/** Whether the command can be run here at all: as root, or where users have namespaces. */
export function works(command: readonly string[]): boolean {
  const [program, ...args] = [...command, 'true'];
  return spawnSync(program, args).status === 0;
}
