/**
 * Runs inside the lab: a guest that writes as fast as it can, beside rehearsals. Prints a {@link Measured}
 * a line.
 *
 *   node measure-work.js TURNS
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeMemory } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { Guest } from '../../lab/guest.js';
import { trackingIsOn } from '../../lab/tracking.js';
import { startVfioGuest } from '../../lab/vfio-guest.js';
import { WorkloadReader } from '../../lab/workload-reader.js';
import { workloadRate } from '../../lab/workload.js';
import { repositoryRoot } from '../../repository.js';
import { processorMs } from '../processor-time.js';

/** How the guest is rehearsed meanwhile. */
export interface Setting {
  readonly name: string;
  /** Undefined: not at all. */
  readonly intervalMs: number | undefined;
  readonly overheadPercent: number;
}

export interface Measured {
  /** Of the setting. */
  readonly name: string;
  readonly writesPerSecond: number;
  /** CPU time of precopy, percent of one core. */
  readonly corePercent: number;
}

export const settings: readonly Setting[] = [
  { name: 'no rehearsal', intervalMs: undefined, overheadPercent: 0 },
  { name: 'one harvest every 2 s', intervalMs: 2000, overheadPercent: 100 },
  { name: 'one harvest every 500 ms', intervalMs: 500, overheadPercent: 100 },
  { name: 'one harvest every 200 ms', intervalMs: 200, overheadPercent: 100 },
  { name: 'bounded to 2 % (the default)', intervalMs: 100, overheadPercent: 2 },
];

const memoryMiB = 128;
const measuredMs = 10_000;
/** From the first harvest on, until trial harvests are over and the interval is chosen. */
const settleMs = 8000;

if (process.argv[1] === import.meta.filename) await measureAll(Number(process.argv[2] ?? 1));

async function measureAll(turns: number): Promise<void> {
  await using at = await startVfioGuest({
    memoryMiB,
    workload: { baseAddress: 0x200_0000, pages: 4096, pagesPerSecond: 0 },
    dirty: { rangeIova: 0x100_0000n, rangePages: 2048, rate: 500, pattern: 'uniform' },
    sharedRam: true,
  });
  using workload = await readerOf(at.guest);
  for (let turn = 0; turn < turns; turn++) {
    for (const setting of turn % 2 === 0 ? settings : settings.toReversed()) {
      const rehearsal = await startRehearsal(at.guest, setting);
      await sleep(settleMs);
      const [before, cpuBeforeMs] = [workload.read(), cpuMs(rehearsal)];
      await sleep(measuredMs);
      const writesPerSecond = workloadRate(before, workload.read());
      const corePercent = (100 * (cpuMs(rehearsal) - cpuBeforeMs)) / measuredMs;
      await end(rehearsal);
      const { name } = setting;
      console.log(JSON.stringify({ name, writesPerSecond, corePercent } satisfies Measured));
    }
  }
}

/** Returns when it harvests. */
async function startRehearsal(
  { pid, qmp }: Guest,
  { intervalMs, overheadPercent }: Setting,
): Promise<ChildProcess | undefined> {
  if (intervalMs === undefined) return undefined;
  const child = spawn(
    process.execPath,
    [
      join(repositoryRoot(), 'plugin/dist/cli/main.js'),
      ...['rehearse', '--qmp', qmp, '--bandwidth', '100M', '--duration', '300s'],
      ...['--interval', `${intervalMs}ms`, '--overhead', String(overheadPercent)],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  while (!(await trackingIsOn(pid))) {
    expectRunning(child);
    await sleep(50);
  }
  return child;
}

function expectRunning(child: ChildProcess): void {
  if (child.exitCode !== null) throw new Error('The rehearsal ended before it was measured.');
}

async function end(rehearsal: ChildProcess | undefined): Promise<void> {
  if (rehearsal === undefined) return;
  expectRunning(rehearsal);
  const closed = once(rehearsal, 'close');
  rehearsal.kill('SIGINT');
  await closed;
}

/** User and system time so far. */
function cpuMs(child: ChildProcess | undefined): number {
  return child?.pid === undefined ? 0 : processorMs(child.pid);
}

async function readerOf({ pid, secondQmp }: Guest): Promise<WorkloadReader> {
  await using client = await QmpClient.connect(secondQmp);
  const layout = await describeMemory((line) =>
    client.execute('human-monitor-command', { 'command-line': line }),
  );
  return new WorkloadReader(pid, layout);
}
