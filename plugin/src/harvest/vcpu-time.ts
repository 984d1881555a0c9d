/** How busy the vCPUs are: what throttling takes away first is the time in which they idle. */
import { readFileSync } from 'node:fs';

/** USER_HZ: the unit of times in /proc, 10 ms. */
const tickMs = 10;

/**
 * Starts to measure.
 *
 * @param threads of the vCPUs in QEMU's process (`thread-id` of query-cpus-fast)
 * @returns a function that says which part of the time since then they ran, 0 to 1, averaged over the
 *   vCPUs; undefined if that can't be read
 */
export function measureBusyShare(
  pid: number,
  threads: readonly number[],
): () => number | undefined {
  const startedMs = performance.now();
  // One thread may run several vCPUs (TCG without MTTCG).
  const own = [...new Set(threads)];
  const before = ranMs(pid, own);
  return () => {
    const after = ranMs(pid, own);
    const ms = (performance.now() - startedMs) * own.length;
    if (before === undefined || after === undefined || ms <= 0) return undefined;
    return Math.min(1, Math.max(0, (after - before) / ms));
  };
}

function ranMs(pid: number, threads: readonly number[]): number | undefined {
  try {
    return threads.reduce((sum, thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
      // The name, field 2, may hold spaces and parentheses; utime and stime are fields 14 and 15.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return sum + (Number(fields[14 - 3]) + Number(fields[15 - 3])) * tickMs;
    }, 0);
  } catch {
    return undefined;
  }
}
