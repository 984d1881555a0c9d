/** CPU time of a QEMU's vCPU threads, from /proc/PID/task/TID/stat, which anybody may read. */
import { readFileSync } from 'node:fs';
import type { ExecuteOptions, QmpClient } from 'qemu-qmp-client-ts';
import { z } from 'zod';
import { checked } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import type { VcpuTime } from './pace.js';

const cpuList = z.array(z.object({ 'thread-id': z.number().int() }));
/** USER_HZ: the unit of times in /proc, 10 ms. */
const tickMs = 10;

/** As QEMU's own pid namespace has them. @throws errors of qemu-qmp-client-ts */
export async function vcpuThreadIds(
  client: QmpClient,
  options: ExecuteOptions = {},
): Promise<number[]> {
  const cpus = await client.execute('query-cpus-fast', undefined, options);
  return checked(cpuList, cpus, 'query-cpus-fast').map((cpu) => cpu['thread-id']);
}

export class VcpuThreads {
  readonly #pid: number;
  readonly #threads: readonly number[];

  /** @param threads `thread-id` of query-cpus-fast; one may run several vCPUs (TCG without MTTCG) */
  constructor(pid: number, threads: readonly number[]) {
    this.#pid = pid;
    this.#threads = [...new Set(threads)];
  }

  static async of({ client }: QemuSide, pid: number): Promise<VcpuThreads> {
    return new VcpuThreads(pid, await vcpuThreadIds(client));
  }

  get count(): number {
    return this.#threads.length;
  }

  /** Since they began; undefined if one can't be read, as its vCPU was unplugged or QEMU has ended. */
  read(): VcpuTime | undefined {
    let [userMs, systemMs] = [0, 0];
    try {
      for (const thread of this.#threads) {
        const stat = readFileSync(`/proc/${this.#pid}/task/${thread}/stat`, 'latin1');
        // The name, field 2, may hold spaces and parentheses; utime and stime are fields 14 and 15.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        userMs += Number(fields[14 - 3]) * tickMs;
        systemMs += Number(fields[15 - 3]) * tickMs;
      }
    } catch {
      return undefined;
    }
    return { runMs: userMs + systemMs, systemMs };
  }
}

/**
 * Starts to measure how busy the vCPUs are: what throttling takes away first is the time in which they idle.
 *
 * @returns a function that says which part of the time since then they ran, 0 to 1, averaged over the
 *   vCPUs; undefined if that can't be read
 */
export function measureBusyShare(
  pid: number,
  threads: readonly number[],
): () => number | undefined {
  const vcpus = new VcpuThreads(pid, threads);
  const startedMs = performance.now();
  const before = vcpus.read();
  return () => {
    const after = vcpus.read();
    const ms = (performance.now() - startedMs) * vcpus.count;
    if (before === undefined || after === undefined || ms <= 0) return undefined;
    return Math.min(1, Math.max(0, (after.runMs - before.runMs) / ms));
  };
}
