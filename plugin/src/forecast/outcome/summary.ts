import { quantile } from '../curve/estimate.js';
import type { DowntimeLedger, LimitingTerm, ModelParameters, ModelResult } from '../qemu-model.js';
import {
  forecastVersion,
  type Forecast,
  type ForecastInput,
  type Range,
  type Samples,
} from './types.js';

export function rangeOf(values: readonly number[]): Range | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
}

export function convergedShare(samples: Samples): number {
  return samples.filter(({ converged }) => converged).length / samples.length;
}

/** Simulated migrations in ranges. */
export function summarise(
  samples: Samples,
  input: ForecastInput,
  warnings: readonly string[],
): Forecast {
  const share = convergedShare(samples);
  const done = samples.filter(({ converged }) => converged);
  const of = (value: (result: ModelResult) => number): Range | null => rangeOf(done.map(value));
  const limitedBy =
    share === 1 ? null : mostFrequent(samples.filter(({ converged }) => !converged));
  return {
    version: forecastVersion,
    converges: share === 1 ? 'yes' : share === 0 ? 'no' : 'perhaps',
    convergedShare: share,
    limitedBy,
    why: explain(samples, limitedBy, input.parameters),
    passes: of(({ passCount }) => passCount),
    totalMs: of(({ totalMs }) => totalMs),
    sentBytes: of(({ sentBytes }) => sentBytes),
    downtimeMs: of(({ downtimeMs }) => downtimeMs ?? 0),
    downtime: ledgerRanges(done.flatMap(({ downtime }) => (downtime ? [downtime] : []))),
    qemuExpectedDowntimeMs: of(({ expectedDowntimeMs }) => expectedDowntimeMs),
    throttlePercent: of(({ throttlePercent }) => throttlePercent),
    samples: samples.length,
    horizonMs: input.horizonMs,
    warnings,
  };
}

function ledgerRanges(ledgers: readonly DowntimeLedger[]): Forecast['downtime'] {
  const of = (term: keyof DowntimeLedger): Range | null =>
    rangeOf(ledgers.map((ledger) => ledger[term]));
  const [ramMs, deviceStateMs, transitionsMs, destinationLoadMs, waitingMs] = [
    of('ramMs'),
    of('deviceStateMs'),
    of('transitionsMs'),
    of('destinationLoadMs'),
    of('waitingMs'),
  ];
  if (!ramMs || !deviceStateMs || !transitionsMs || !destinationLoadMs || !waitingMs) return null;
  return { ramMs, deviceStateMs, transitionsMs, destinationLoadMs, waitingMs };
}

function mostFrequent(samples: Samples): LimitingTerm | null {
  const counts = new Map<LimitingTerm, number>();
  for (const { limitedBy } of samples) {
    if (limitedBy) counts.set(limitedBy, (counts.get(limitedBy) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

const MiB = 2 ** 20;
const inMiB = (bytes: number): string => `${(bytes / MiB).toFixed(1)} MiB`;

function explain(
  samples: Samples,
  limitedBy: LimitingTerm | null,
  parameters: ModelParameters,
): string {
  const limit = `${parameters.downtimeLimitMs} ms`;
  const held = samples.find((sample) => !sample.converged && sample.limitedBy === limitedBy);
  const last = held?.passes.at(-1);
  if (limitedBy === null || last === undefined) {
    return `What is left after a pass falls below what fits into ${limit}.`;
  }
  const threshold = `${inMiB(last.thresholdBytes)}, what fits into ${limit}`;
  switch (limitedBy) {
    case 'first-round':
      return 'The first round does not end within the time that was given.';
    case 'ram':
      return `After each pass some ${inMiB(last.remainingBytes)} of RAM are dirty again; the threshold is ${threshold}.`;
    case 'device-state':
      return `RAM would fit, but the devices' stop-copy size does not: together they must be below ${threshold}. QEMU synchronises over and over meanwhile.`;
    case 'device-precopy':
      return `Devices have PRE_COPY data left that keeps the estimate above ${threshold}.`;
    case 'switchover-ack':
      return "The destination can't say switchover-ack before the devices' initial data has come.";
  }
}
