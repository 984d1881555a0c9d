/**
 * The forecast of a migration: the model of QEMU, run many times over what is uncertain.
 *
 * outcome/types     what goes in and comes out; plain data
 * outcome/samples   simulated migrations that differ in what is uncertain
 * outcome/summary   samples to ranges, and why
 * outcome/remedies  what would make it converge
 * rehearsed         harvests to what goes in
 */
import { quantile } from './curve/estimate.js';
import { findRemedies } from './outcome/remedies.js';
import { simulateMany } from './outcome/samples.js';
import { convergedShare, summarise } from './outcome/summary.js';
import type { Forecast, ForecastCell, ForecastInput, Remedy, Samples } from './outcome/types.js';

export { forecastVersion } from './outcome/types.js';
export type {
  Forecast,
  ForecastCell,
  ForecastInput,
  Range,
  Remedy,
  UncertainCurve,
} from './outcome/types.js';

/** Says how a migration will go, from what is known now. The same input gives the same forecast. */
export function forecast(input: ForecastInput, warnings: readonly string[] = []): Forecast {
  return summarise(simulateMany(input), input, warnings);
}

/**
 * What would make a migration converge that does not: each change alone. Empty where it converges, and
 * where nothing helps.
 */
export function remediesFor(input: ForecastInput, outcome: Forecast): Remedy[] {
  return outcome.converges === 'yes' ? [] : findRemedies(input);
}

/** The outcome for each pair of limits. */
export function forecastTable(
  input: ForecastInput,
  bandwidths: readonly number[],
  downtimeLimitsMs: readonly number[],
  samples = 9,
): ForecastCell[] {
  return bandwidths.flatMap((maxBandwidthBytesPerSecond) =>
    downtimeLimitsMs.map((downtimeLimitMs) => {
      const limits = { maxBandwidthBytesPerSecond, downtimeLimitMs };
      const parameters = { ...input.parameters, ...limits };
      return { ...limits, ...cellOf(simulateMany({ ...input, parameters }, samples)) };
    }),
  );
}

type CellOutcome = Omit<ForecastCell, 'maxBandwidthBytesPerSecond' | 'downtimeLimitMs'>;

function cellOf(samples: Samples): CellOutcome {
  const done = samples.filter(({ converged }) => converged);
  const median = (value: (sample: Samples[number]) => number): number | null =>
    done.length === 0
      ? null
      : quantile(
          done.map(value).sort((a, b) => a - b),
          0.5,
        );
  return {
    convergedShare: convergedShare(samples),
    passes: median(({ passCount }) => passCount),
    totalMs: median(({ totalMs }) => totalMs),
    downtimeMs: median(({ downtimeMs }) => downtimeMs ?? 0),
  };
}
