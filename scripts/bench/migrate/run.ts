/** One migration of one contender between two real QEMUs of this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { JournalRecord } from 'precopy';
import { startPair, type Guest, type GuestOptions } from '../../lab/guest.js';
import { DEFAULT_STATE_ADDRESS, workloadProgress } from '../../lab/workload.js';
import { suiteQemu } from '../../qmp-types/suites.js';
import { repositoryRoot } from '../../repository.js';
import type { Contender } from './contenders.js';
import { downtimeLimitMs, memoryMiB, timeoutMs, type Scenario } from './scenarios.js';

export interface Outcome {
  readonly converged: boolean;
  readonly totalMs: number;
  readonly downtimeMs: number;
  /** Work that the guest would have done in the time of the migration and did not do, in ms of its work. */
  readonly lostMs: number;
  readonly records: readonly JournalRecord[];
}

export type BenchQemu = Pick<GuestOptions, 'launcher' | 'qemu' | 'args'>;

export async function benchQemu(): Promise<BenchQemu> {
  // QEMU 10.0: 7.2 has no avail-switchover-bandwidth, and loses pages under TCG.
  return await suiteQemu('trixie');
}

const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');

export async function runOnce(
  scenario: Scenario,
  contender: Contender,
  qemu: BenchQemu,
  signal: AbortSignal,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'precopy-bench-'));
  try {
    const { pages, spin, pattern } = scenario;
    const workload = { baseAddress: 16 << 20, pages, pagesPerSecond: 0, spin, pattern };
    await using pair = await startPair({ memoryMiB, workload, folder, ...qemu });
    const rate = await undisturbedRate(pair.source, folder, 2 * pages, signal);
    const before = await writesOf(pair.source, folder);
    const records = await migrate(pair, scenario, contender, folder, signal);
    const result = records.find((record) => record.type === 'result')?.result;
    const guest = result ? pair.destination : pair.source;
    const after = await writesOf(guest, folder);
    const passedMs = after.atMs - before.atMs;
    return {
      converged: result?.outcome === 'completed',
      totalMs: result?.totalMs ?? NaN,
      downtimeMs: result?.downtime?.ms ?? NaN,
      records,
      lostMs: Math.max(0, passedMs - (after.writes - before.writes) / rate),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes per ms once the working set was written. */
async function undisturbedRate(
  guest: Guest,
  folder: string,
  enough: number,
  signal: AbortSignal,
): Promise<number> {
  let first = await writesOf(guest, folder);
  while (first.writes < enough) {
    await sleep(250, undefined, { signal });
    first = await writesOf(guest, folder);
  }
  await sleep(1500, undefined, { signal });
  const second = await writesOf(guest, folder);
  return (second.writes - first.writes) / (second.atMs - first.atMs);
}

async function writesOf(guest: Guest, folder: string): Promise<{ writes: number; atMs: number }> {
  const filename = join(folder, 'state');
  await using client = await QmpClient.connect(guest.secondQmp);
  await client.execute('pmemsave', { val: DEFAULT_STATE_ADDRESS, size: 4096, filename });
  const atMs = performance.now();
  return { writes: Number(workloadProgress(readFileSync(filename))?.writes ?? 0n), atMs };
}

async function migrate(
  { source, destination }: { readonly source: Guest; readonly destination: Guest },
  { bandwidthBytesPerSecond }: Scenario,
  { flags, schedule }: Contender,
  folder: string,
  signal: AbortSignal,
): Promise<JournalRecord[]> {
  const file = join(folder, 'schedule.yaml');
  if (schedule !== undefined) writeFileSync(file, schedule);
  const child = spawn(
    process.execPath,
    [
      ...[main, 'migrate', '--qmp', source.qmp, '--to-qmp', destination.qmp, '--json'],
      ...['--bandwidth', String(bandwidthBytesPerSecond), '--timeout', `${timeoutMs}ms`],
      ...['--downtime-limit', `${downtimeLimitMs}ms`, ...flags],
      ...(schedule === undefined ? [] : ['--policy', `schedule:${file}`]),
    ],
    { stdio: ['ignore', 'pipe', 'ignore'], signal },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JournalRecord);
}
