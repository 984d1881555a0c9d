/**
 * The forecast of a migration: the model of QEMU, run many times over what is uncertain.
 *
 * outcome/types     what goes in and comes out; plain data
 * outcome/samples   simulated migrations that differ in what is uncertain
 * outcome/summary   samples to ranges, and why
 * outcome/remedies  what would make it converge
 */
import type { CurveBuilder } from './curve.js';
import type { DirtySource, ModelGuest } from './qemu-model.js';
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

/** What harvests say of a guest. */
export interface Rehearsed {
  readonly sources: ModelGuest['sources'];
  readonly warnings: readonly string[];
}

/** Windows longer than this many times what was measured are mostly guesses. */
const farBeyond = 4;
/** Sources that write the same pages make their sum too large; below this it does not matter. */
const overlapToTell = 1.05;

/**
 * The sources for a forecast from harvests. If the workload changed meanwhile, only the last phase
 * counts, and a warning says so.
 *
 * @param kinds of each source; one that is not named is a device
 * @param longestWindowMs the longest window that the forecast will look at, such as the first round
 */
export function rehearsed(
  builder: CurveBuilder,
  kinds: ReadonlyMap<string, DirtySource['kind']>,
  longestWindowMs: number,
): Rehearsed {
  const warnings: string[] = [];
  const phases = builder.phases();
  const last = phases.length > 1 ? phases.at(-1) : undefined;
  if (last) {
    const rates = phases.map(({ pagesPerSecond }) => pagesPerSecond.toFixed(0)).join(', ');
    warnings.push(
      `The workload changed while it was watched (${rates} pages/s, one phase after the other). ` +
        `The forecast is for the last of ${phases.length} phases, of ${(last.endMs - last.startMs).toFixed(0)} ms.`,
    );
  }
  const within = last ? { startMs: last.startMs, endMs: last.endMs } : {};
  const sources = builder.sources.flatMap((name): DirtySource[] => {
    const curve = builder.curve({ source: name, ...within });
    return curve ? [{ name, kind: kinds.get(name) ?? 'device', curve }] : [];
  });
  const together = builder.curve(within);
  if (together && longestWindowMs > farBeyond * together.knownToMs) {
    warnings.push(
      `Windows of up to ${longestWindowMs.toFixed(0)} ms count, and the longest that was watched has ` +
        `${together.knownToMs.toFixed(0)} ms: beyond it the curve is extrapolated. Watch longer.`,
    );
  }
  if (together && sources.length > 1) {
    const ms = together.knownToMs;
    const sum = sources.reduce((pages, { curve }) => pages + curve.pagesIn(ms), 0);
    if (sum > overlapToTell * together.pagesIn(ms)) {
      warnings.push(
        `Sources dirty some of the same pages, which the forecast counts twice: ` +
          `${sum.toFixed(0)} instead of ${together.pagesIn(ms).toFixed(0)} pages in ${ms.toFixed(0)} ms.`,
      );
    }
  }
  if (builder.sampledPages > 1) {
    warnings.push(
      `To save memory, one of ${builder.sampledPages} stretches of 32 pages was looked at.`,
    );
  }
  return { sources, warnings };
}
