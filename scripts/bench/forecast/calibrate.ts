/**
 * Measures the link and the hosts' costs with migrations that are no scenarios: what a history of past
 * migrations would know.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { defaultCosts } from 'precopy';
import { median } from '../measure.js';
import { deviceStateBytes, type Calibration } from './predict.js';
import { eventMs, measureWriteSpeed, runScenario, type Actual, type RunOptions } from './run.js';
import { quietDevice, type DeviceScenario, type Scenario } from './scenarios.js';

const pageBytes = 4096;
/** MAX_MIGRATE_DOWNTIME of migration/options.h. */
const longestLimitMs = 2_000_000;

/** What is migrated to calibrate. */
export interface CalibrationPlan {
  /** Migrations of each kind; medians count. */
  readonly runs: number;
  readonly emptyMiB: number;
  readonly fullPages: number;
  readonly fewPages: number;
  readonly manyPages: number;
  /** Each guest has such a device. */
  readonly device: DeviceScenario | undefined;
  /** And one has so much more state, */
  readonly stateBytes: number;
  /** one so much PRE_COPY data: QEMU reads it in pieces of the stop-copy size, which is little. */
  readonly precopyBytes: number;
}

export const hostPlan: CalibrationPlan = {
  runs: 5,
  emptyMiB: 2048,
  fullPages: 98_304,
  fewPages: 1000,
  manyPages: 20_000,
  device: undefined,
  stateBytes: 0,
  precopyBytes: 0,
};
export const labPlan: CalibrationPlan = {
  runs: 3,
  emptyMiB: 512,
  fullPages: 20_000,
  fewPages: 500,
  manyPages: 8000,
  device: quietDevice,
  stateBytes: 24 * 2 ** 20,
  precopyBytes: 6 * 2 ** 20,
};

/** Writes a second: enough to write all of a working set while it is sent, or soon. */
const blackoutRate = 20_000;
const fullRate = 100_000;

function plannedScenarios({
  device,
  emptyMiB,
  fullPages,
  fewPages,
  manyPages,
  stateBytes,
  precopyBytes,
}: CalibrationPlan): Record<'empty' | 'full' | 'few' | 'many' | 'state' | 'turns', Scenario> {
  const common = {
    memoryMiB: Math.ceil(Math.max(fullPages, manyPages) / 256) + 32,
    device,
    bandwidthBytesPerSecond: 0,
    downtimeLimitMs: 300,
    multifdChannels: 0,
    autoConverge: false,
    timeoutMs: 60_000,
  };
  const inOrder = { kind: 'sequential' } as const;
  // All of the working set in the blackout: with limit 0, QEMU completes after the first round.
  const blackout = (pages: number): Scenario => ({
    ...common,
    name: `${pages} pages`,
    workload: { pages, pagesPerSecond: blackoutRate, pattern: inOrder },
    bandwidthBytesPerSecond: 24 * 2 ** 20,
    downtimeLimitMs: 0,
  });
  return {
    // A guest that does nothing: pages of zeros.
    empty: { ...common, name: 'empty', memoryMiB: emptyMiB, workload: undefined },
    // A stopped guest full of pages that are not zeros: what the link does.
    full: {
      ...common,
      name: 'full',
      workload: { pages: fullPages, pagesPerSecond: fullRate, pattern: inOrder },
    },
    few: blackout(fewPages),
    many: blackout(manyPages),
    state: {
      ...common,
      name: 'device state',
      workload: undefined,
      // An idle guest sends hardly anything: QEMU measures a bandwidth with which no limit seems enough.
      downtimeLimitMs: longestLimitMs,
      device: device && { ...device, stopCopyBytes: stateBytes },
    },
    turns: {
      ...common,
      name: 'turns',
      workload: undefined,
      // Nearly all of it is sent before.
      downtimeLimitMs: 30,
      device: device && {
        ...device,
        precopy: { initialBytes: precopyBytes, bytesPerSecond: 0 },
      },
    },
  };
}

export async function calibrate(plan: CalibrationPlan, options: RunOptions): Promise<Calibration> {
  const scenarios = plannedScenarios(plan);
  const done = { empty: [], full: [], few: [], many: [], state: [], turns: [] } as Record<
    keyof typeof scenarios,
    Actual[]
  >;
  for (let i = 0; i < plan.runs; i++) {
    options.signal.throwIfAborted();
    done.empty.push(await runScenario(scenarios.empty, options));
    done.full.push(await runScenario(scenarios.full, { ...options, paused: true }));
    done.few.push(await runScenario(scenarios.few, options));
    done.many.push(await runScenario(scenarios.many, options));
    if (plan.device) {
      done.state.push(await runScenario(scenarios.state, options));
      done.turns.push(await runScenario(scenarios.turns, options));
    }
  }
  for (const [kind, actuals] of Object.entries(done)) {
    const failed = actuals.filter(({ completed }) => !completed).length;
    if (failed > 0)
      throw new Error(`To calibrate: ${failed} migrations "${kind}" did not complete.`);
  }
  const setupMs = median([...done.empty, ...done.few, ...done.many].map(setupOf));
  const totalMs = (actuals: readonly Actual[]): number =>
    median(actuals.map((actual) => actual.totalMs));
  const downtimeMs = (actuals: readonly Actual[]): number =>
    median(actuals.map((actual) => actual.downtimeMs ?? NaN));
  // Two points of a line: what a switchover costs anyway, and what each page adds.
  const { fewPages, manyPages, fullPages, stateBytes, precopyBytes, device } = plan;
  const pageMs = (downtimeMs(done.many) - downtimeMs(done.few)) / (manyPages - fewPages);
  const anywayMs = Math.max(0, downtimeMs(done.few) - fewPages * pageMs - defaultCosts.syncMs);
  const zeroPages = (scenarios.empty.memoryMiB * 2 ** 20) / pageBytes;
  const zeroPagesPerSecond =
    (zeroPages * 1000) / (totalMs(done.empty) - setupMs - downtimeMs(done.empty));
  const zerosMs = ({ memoryMiB }: Scenario, otherPages: number): number =>
    (((memoryMiB * 2 ** 20) / pageBytes - otherPages) * 1000) / zeroPagesPerSecond;
  const bytesPerSecond =
    (fullPages * pageBytes * 1000) /
    (totalMs(done.full) - setupMs - zerosMs(scenarios.full, fullPages));
  const turnsMs =
    totalMs(done.turns) - setupMs - zerosMs(scenarios.turns, 0) - downtimeMs(done.turns);
  return {
    version: versionOf(options.qemu),
    writesPerSecond: await measureWriteSpeed(options),
    deviceBytesPerSecond: device
      ? (stateBytes * 1000) / Math.max(1, downtimeMs(done.state) - downtimeMs(done.empty))
      : Infinity,
    link: {
      bytesPerSecond,
      channelBytesPerSecond: bytesPerSecond,
      switchoverBytesPerSecond: (pageBytes * 1000) / pageMs,
    },
    costs: {
      ...defaultCosts,
      setupMs,
      ...(device ? { turnMs: turnsMs / (precopyBytes / deviceStateBytes(device)) } : {}),
      zeroPagesPerSecond,
      sendingCpus: availableParallelism(),
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
