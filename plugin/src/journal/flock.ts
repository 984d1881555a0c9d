import koffi from 'koffi';

/** <sys/file.h>; the same on every Linux. */
const LOCK_EX = 2;
const LOCK_NB = 4;

type Flock = (fd: number, operation: number) => number;
let bound: Flock | undefined;

/**
 * Takes the exclusive flock(2) of an open file, without waiting. The kernel frees it when the process
 * ends, however it ends, so that no stale lock is ever to be judged. Node.js has no call for it.
 *
 * @returns whether it was free
 */
export function tryLock(fd: number): boolean {
  // Bound at the first use: who only reads journals needs no libc.
  bound ??= koffi.load(null).func('int flock(int fd, int operation)') as Flock;
  return bound(fd, LOCK_EX | LOCK_NB) === 0;
}
