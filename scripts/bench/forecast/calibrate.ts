/**
 * Measures the link and the hosts' costs with migrations that are no scenarios: what a history of past
 * migrations would know.
 */
import { execFileSync } from 'node:child_process';
import { defaultCosts } from 'precopy';
import { median } from '../measure.js';
import type { Calibration } from './predict.js';
import { eventMs, measureWriteSpeed, runScenario, type Actual, type RunOptions } from './run.js';
import type { Scenario } from './scenarios.js';

/** Migrations of each kind; medians count. */
const runs = 5;
const pageBytes = 4096;

const common = {
  memoryMiB: 256,
  bandwidthBytesPerSecond: 0,
  downtimeLimitMs: 300,
  multifdChannels: 0,
  autoConverge: false,
  timeoutMs: 60_000,
} as const;

/** A guest that does nothing: pages of zeros. */
const empty: Scenario = { ...common, name: 'empty', memoryMiB: 2048, workload: undefined };

/** A stopped guest with 384 MiB that are not zeros: what the link does. */
const fullPages = 98_304;
const full: Scenario = {
  ...common,
  name: 'full',
  memoryMiB: 512,
  workload: { pages: fullPages, pagesPerSecond: 100_000, pattern: { kind: 'sequential' } },
};

/** All of the working set in the blackout: with limit 0, QEMU completes after the first round. */
const blackout = (pages: number): Scenario => ({
  ...common,
  name: `${pages} pages`,
  workload: { pages, pagesPerSecond: 20_000, pattern: { kind: 'sequential' } },
  bandwidthBytesPerSecond: 24 * 2 ** 20,
  downtimeLimitMs: 0,
});
const fewPages = 1000;
const manyPages = 20_000;

export async function calibrate(options: RunOptions): Promise<Calibration> {
  const done: Record<'empty' | 'full' | 'few' | 'many', Actual[]> = {
    empty: [],
    full: [],
    few: [],
    many: [],
  };
  for (let i = 0; i < runs; i++) {
    options.signal.throwIfAborted();
    done.empty.push(await runScenario(empty, options));
    done.full.push(await runScenario(full, { ...options, paused: true }));
    done.few.push(await runScenario(blackout(fewPages), options));
    done.many.push(await runScenario(blackout(manyPages), options));
  }
  const setupMs = median([...done.empty, ...done.few, ...done.many].map(setupOf));
  const totalMs = (actuals: readonly Actual[]): number =>
    median(actuals.map((actual) => actual.totalMs));
  const downtimeMs = (actuals: readonly Actual[]): number =>
    median(actuals.map((actual) => actual.downtimeMs ?? NaN));
  // Two points of a line: what a switchover costs anyway, and what each page adds.
  const pageMs = (downtimeMs(done.many) - downtimeMs(done.few)) / (manyPages - fewPages);
  const anywayMs = Math.max(0, downtimeMs(done.few) - fewPages * pageMs - defaultCosts.syncMs);
  const zeroPages = (empty.memoryMiB * 2 ** 20) / pageBytes;
  const zeroPagesPerSecond =
    (zeroPages * 1000) / (totalMs(done.empty) - setupMs - downtimeMs(done.empty));
  const zerosMs =
    (((full.memoryMiB * 2 ** 20) / pageBytes - fullPages) * 1000) / zeroPagesPerSecond;
  const bytesPerSecond = (fullPages * pageBytes * 1000) / (totalMs(done.full) - setupMs - zerosMs);
  return {
    version: versionOf(options.qemu),
    writesPerSecond: await measureWriteSpeed(options),
    link: {
      bytesPerSecond,
      channelBytesPerSecond: bytesPerSecond,
      switchoverBytesPerSecond: (pageBytes * 1000) / pageMs,
    },
    costs: {
      ...defaultCosts,
      setupMs,
      zeroPagesPerSecond,
      // Save and load can't be told apart from outside; only their sum counts here.
      saveMs: anywayMs / 2,
      loadMs: anywayMs / 2,
      completeMs: 0,
    },
  };
}

/** MIGRATION `setup` to the first pass. */
function setupOf({ records }: Actual): number {
  const first = records.find((record) => record.type === 'pass');
  return (first?.qemuUs ?? NaN) / 1000 - (eventMs(records, 'setup') ?? NaN);
}

function versionOf(qemu = 'qemu-system-x86_64'): [number, number] {
  const said = execFileSync(qemu, ['--version'], { encoding: 'utf8' });
  const match = /version (\d+)\.(\d+)/.exec(said);
  if (!match) throw new Error(`${qemu} --version does not tell a version: ${said}`);
  return [Number(match[1]), Number(match[2])];
}
