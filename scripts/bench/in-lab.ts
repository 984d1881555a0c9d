/** The part of a bench that runs in the lab. */
import { createInterface } from 'node:readline';
import { bootLab } from '../lab/boot.js';
import { aheadOfOthers } from './priority.js';

/**
 * Puts QEMU's main loop, where the timers of its guest expire, ahead of the vCPUs: these would else let it
 * wait for as long as 100 ms, and with it the lab's scheduler.
 */
const mainLoopFirst = ['sh', '-c', '(sleep 3; chrt --rr -p 2 $$ >&2) & exec "$@"', 'sh'];

/**
 * Boots the lab, ahead of other programs, for one of our scripts, and yields the lines of its stdout.
 *
 * @throws Error if the script fails; LabError; the signal's reason when aborted
 */
export async function* linesFromLab(
  script: string,
  args: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const ahead = aheadOfOthers();
  await using lab = await bootLab({
    command: ['node', '--enable-source-maps', script, ...args],
    launcher: ahead.length === 0 ? [] : [...mainLoopFirst, ...ahead],
    signal,
    report: (line) => {
      console.error(line);
    },
  });
  lab.stderr.pipe(process.stderr, { end: false });
  yield* createInterface({ input: lab.stdout });
  const exitCode = await lab.exitCode;
  if (exitCode !== 0) throw new Error(`${script} ended in the lab with exit code ${exitCode}.`);
}
