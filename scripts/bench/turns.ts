/** How long a turn of the event loop takes. */
import koffi from 'koffi';

/** Notes the longest time between two turns of the event loop, in ms of the given clock. */
export function watchTurns(clockMs: () => number): { longest(): number } {
  let longest = 0;
  let last = clockMs();
  const look = (): void => {
    const now = clockMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  let pending = setImmediate(function turn() {
    look();
    pending = setImmediate(turn);
  });
  return {
    longest: () => {
      look();
      clearImmediate(pending);
      return longest;
    },
  };
}

const CLOCK_THREAD_CPUTIME_ID = 3;

/** A clock that runs while the calling thread is on a processor: other load does not add to it. */
export function threadClockMs(): () => number {
  const gettime = koffi.load(null).func('int clock_gettime(int clock, void *time)') as (
    clock: number,
    time: Uint8Array,
  ) => number;
  const time = new Uint8Array(16);
  const view = new DataView(time.buffer);
  return () => {
    gettime(CLOCK_THREAD_CPUTIME_ID, time);
    return Number(view.getBigInt64(0, true)) * 1000 + Number(view.getBigInt64(8, true)) / 1e6;
  };
}
