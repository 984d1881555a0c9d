/** Runs a scenario on two real QEMUs of this machine through `precopy migrate`. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { JournalRecord, MigrationResult } from 'precopy';
import { Guest, startPair } from '../../lab/guest.js';
import { startVfioPair } from '../../lab/vfio-guest.js';
import {
  DEFAULT_STATE_ADDRESS,
  workloadProgress,
  workloadRate,
  type WorkloadProgress,
} from '../../lab/workload.js';
import { repositoryRoot } from '../../repository.js';
import { processorMs } from '../processor-time.js';
import type { Scenario } from './scenarios.js';

/** Where the working set begins. */
export const workloadAddress = 16 * 2 ** 20;
/** Where the device's begins. */
export const deviceAddress = 96 * 2 ** 20;

export interface Actual {
  readonly completed: boolean;
  readonly passes: number;
  /** The source's MIGRATION `setup` to `completed`, or to the last pass of one that was cancelled. */
  readonly totalMs: number;
  readonly transferredBytes: number;
  readonly downtimeMs: number | undefined;
  /** What query-migrate said last before the guest stopped. */
  readonly expectedDowntimeMs: number | undefined;
  /** Writes that the guest had done when the migration began. */
  readonly writesBefore: number;
  /** Writes per second in the warm-up. */
  readonly writesPerSecond: number;
  readonly records: readonly JournalRecord[];
}

/** What is known before the migration begins. */
type WarmUp = 'writesBefore' | 'writesPerSecond';

interface WarmedUp {
  readonly writes: number;
  /** When `writes` was read, ms since the epoch. */
  readonly atMs: number;
  readonly writesPerSecond: number;
}

export interface RunOptions {
  /** The QEMU to run; undefined: `qemu-system-x86_64`. */
  readonly qemu: string | undefined;
  /** See aheadOfOthers() of ../priority.ts. */
  readonly launcher: readonly string[];
  readonly signal: AbortSignal;
  /** The guest is stopped and stays so: what only the link does. */
  readonly paused?: boolean | undefined;
}

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Actual> {
  const folder = mkdtempSync(join(tmpdir(), 'precopy-forecast-'));
  try {
    await using pair = await startBoth(scenario, folder, options);
    const before = await warmUp(pair.source, scenario, folder, options.signal);
    if (options.paused === true) await execute(pair.source, 'stop');
    await setUp(pair, scenario);
    const run = await migrate(pair, scenario);
    const started = run.records.find(
      (record) => record.type === 'effect' && record.command === 'migrate',
    );
    const waitedMs = options.paused === true || !started ? 0 : started.at - before.atMs;
    const writesBefore = before.writes + (before.writesPerSecond * waitedMs) / 1000;
    return { ...run, ...before, writesBefore };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Pair extends AsyncDisposable {
  readonly source: Guest;
  readonly destination: Guest;
}

async function startBoth(scenario: Scenario, folder: string, options: RunOptions): Promise<Pair> {
  const { memoryMiB, device } = scenario;
  const workload = scenario.workload && { ...scenario.workload, baseAddress: workloadAddress };
  if (device) {
    const pair = await startVfioPair({
      memoryMiB,
      workload,
      deviceOptions: { migrationFlags: device.precopy ? 7 : 3 },
      dirty: {
        rangeIova: BigInt(deviceAddress),
        rangePages: Math.max(1, device.pages),
        rate: Math.max(1, device.pagesPerSecond),
        stopCopyBytes: device.stopCopyBytes,
        reportedBytes: device.reportedBytes ?? 0,
        precopyBytes: device.precopy?.initialBytes ?? 4096,
        precopyRate: device.precopy?.bytesPerSecond ?? 0,
      },
    });
    if (device.pages === 0) await pair.source.device.halt();
    const { source, destination } = pair;
    return {
      source: source.guest,
      destination: destination.guest,
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  }
  return await startPair({
    memoryMiB,
    folder,
    workload,
    ...(options.qemu === undefined ? {} : { qemu: options.qemu }),
    launcher: options.launcher,
  });
}

/** Lets the guest write most of its working set, and measures how fast it really writes. */
async function warmUp(
  source: Guest,
  { workload, device }: Scenario,
  folder: string,
  signal: AbortSignal,
): Promise<WarmedUp> {
  if (device && device.pages > 0) {
    // Nearly all of its pages: e^-3 of them are not yet written.
    await sleep((3000 * device.pages) / device.pagesPerSecond, undefined, { signal });
  }
  if (!workload) {
    await sleep(2000, undefined, { signal });
    return { writes: 0, atMs: Date.now(), writesPerSecond: 0 };
  }
  const enough = Math.min(2 * workload.pages, 12 * workload.pagesPerSecond);
  let first: WorkloadProgress | undefined;
  for (;;) {
    await sleep(500, undefined, { signal });
    const progress = await readProgress(source, folder);
    if (!progress) continue;
    if (first === undefined) first = progress;
    else if (Number(progress.writes) >= enough) {
      return {
        writes: Number(progress.writes),
        atMs: Date.now(),
        writesPerSecond: workloadRate(first, progress),
      };
    }
  }
}

/** How many pages the guest writes in a second of processor time, when nothing holds it back. */
export async function measureWriteSpeed(options: RunOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'precopy-forecast-'));
  try {
    const workload = { baseAddress: workloadAddress, pages: 6000, pagesPerSecond: 0 };
    const { qemu } = options;
    await using guest = await Guest.start({ memoryMiB: 128, workload, ...(qemu ? { qemu } : {}) });
    let before: { readonly writes: number; readonly cpuMs: number } | undefined;
    for (;;) {
      await sleep(1000, undefined, { signal: options.signal });
      const progress = await readProgress(guest, folder);
      if (!progress) continue;
      const now = { writes: Number(progress.writes), cpuMs: processorMs(guest.pid) };
      if (before) return ((now.writes - before.writes) * 1000) / (now.cpuMs - before.cpuMs);
      before = now;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readProgress(guest: Guest, folder: string): Promise<WorkloadProgress | undefined> {
  const file = join(folder, 'state');
  await execute(guest, 'pmemsave', { val: DEFAULT_STATE_ADDRESS, size: 4096, filename: file });
  return workloadProgress(await readFile(file));
}

async function setUp(
  pair: { readonly source: Guest; readonly destination: Guest },
  { multifdChannels, autoConverge }: Scenario,
): Promise<void> {
  const capabilities = [
    { capability: 'multifd', state: multifdChannels > 0 },
    { capability: 'auto-converge', state: autoConverge },
  ];
  for (const side of [pair.source, pair.destination]) {
    await execute(side, 'migrate-set-capabilities', { capabilities });
    if (multifdChannels > 0) {
      await execute(side, 'migrate-set-parameters', { 'multifd-channels': multifdChannels });
    }
  }
}

async function execute(guest: Guest, command: string, args?: Record<string, unknown>) {
  await using client = await QmpClient.connect(guest.secondQmp);
  return await client.execute(command, args ?? {});
}

async function migrate(
  pair: { readonly source: Guest; readonly destination: Guest },
  scenario: Scenario,
): Promise<Omit<Actual, WarmUp>> {
  const child = spawn(
    process.execPath,
    [
      join(repositoryRoot(), 'plugin/dist/cli/main.js'),
      ...[
        'migrate',
        '--qmp',
        pair.source.qmp,
        '--to-qmp',
        pair.destination.qmp,
        '--json',
        '--no-history',
        ...['--policy', 'qemu'],
      ],
      ...['--bandwidth', String(scenario.bandwidthBytesPerSecond)],
      ...['--downtime-limit', `${scenario.downtimeLimitMs}ms`],
      ...['--timeout', `${scenario.timeoutMs}ms`],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  for await (const text of child.stdout.setEncoding('utf8')) output += String(text);
  const records = output
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const record = JSON.parse(line) as JournalRecord | { readonly error: unknown };
      return 'type' in record ? [record] : [];
    });
  return fromJournal(records);
}

function fromJournal(records: readonly JournalRecord[]): Omit<Actual, WarmUp> {
  const result: MigrationResult | undefined = records
    .flatMap((record) => (record.type === 'result' ? [record.result] : []))
    .at(-1);
  const passes = records.flatMap((record) => (record.type === 'pass' ? [record] : []));
  const startMs = eventMs(records, 'setup') ?? NaN;
  const endMs = eventMs(records, 'completed') ?? passes.at(-1)?.at ?? NaN;
  return {
    completed: result?.outcome === 'completed',
    passes: result?.passes ?? passes.at(-1)?.pass ?? 0,
    totalMs: endMs - startMs,
    transferredBytes: result?.transferredBytes ?? passes.at(-1)?.sample.transferredBytes ?? 0,
    downtimeMs: result?.downtime?.ms,
    expectedDowntimeMs: result?.expectedDowntimeMs,
    records,
  };
}

/** When the source said that the migration has this status, by its own clock; ms since the epoch. */
export function eventMs(records: readonly JournalRecord[], status: string): number | undefined {
  for (const record of records) {
    if (record.type !== 'event' || record.side !== 'source' || record.event !== 'MIGRATION')
      continue;
    const { data } = record;
    if (typeof data !== 'object' || data === null || !('status' in data)) continue;
    if (data.status === status) return (record.qemuUs ?? NaN) / 1000;
  }
  return undefined;
}
