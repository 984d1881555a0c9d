/** The outcome over bandwidth and downtime limit. */
import { quantile } from '../curve/estimate.js';
import { smallestLimit } from './remedies.js';
import { simulateMany } from './samples.js';
import { convergedShare } from './summary.js';
import type { ForecastCell, ForecastInput, ForecastTable, Samples } from './types.js';

/**
 * The outcome for each pair, and for each bandwidth the smallest limit that converges. A bandwidth is that
 * of the link, with max-bandwidth at the same.
 */
export function forecastTable(
  input: ForecastInput,
  bandwidths: readonly number[],
  downtimeLimitsMs: readonly number[],
  samples = 9,
): ForecastTable {
  const inputs = bandwidths.map((bytesPerSecond) => ({
    bytesPerSecond,
    input: withBandwidth(input, bytesPerSecond),
  }));
  const cells: ForecastCell[] = [];
  // From what is the easiest on, as what never converges takes long to simulate: not needed where more of
  // both is known not to converge.
  for (const at of inputs.toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond)) {
    for (const downtimeLimitMs of downtimeLimitsMs.toSorted((a, b) => b - a)) {
      const limits = { bytesPerSecond: at.bytesPerSecond, downtimeLimitMs };
      const hopeless = cells.some((cell) => cell.convergedShare === 0 && isEasier(cell, limits));
      cells.push({
        ...limits,
        ...(hopeless ? never : outcomeOf(at.input, downtimeLimitMs, samples)),
      });
    }
  }
  return {
    cells: cells.reverse(),
    smallestLimits: inputs.map(({ bytesPerSecond, input }) => ({
      bytesPerSecond,
      downtimeLimitMs: smallestLimit(input) ?? null,
    })),
  };
}

/** Bandwidth and limit as given, and up to four (ten) times less and more. */
export function tableAround(input: ForecastInput): ForecastTable {
  const { link, parameters } = input;
  return forecastTable(
    input,
    [0.25, 0.5, 1, 2, 4].map((factor) => Math.round(factor * link.bytesPerSecond)),
    [0.1, 0.3, 1, 3, 10].map((factor) =>
      Math.max(1, Math.round(factor * parameters.downtimeLimitMs)),
    ),
  );
}

type Limits = Pick<ForecastCell, 'bytesPerSecond' | 'downtimeLimitMs'>;
type Outcome = Omit<ForecastCell, keyof Limits>;

const never: Outcome = { convergedShare: 0, passes: null, totalMs: null, downtimeMs: null };

function isEasier(one: Limits, other: Limits): boolean {
  return one.bytesPerSecond >= other.bytesPerSecond && one.downtimeLimitMs >= other.downtimeLimitMs;
}

function withBandwidth(input: ForecastInput, bytesPerSecond: number): ForecastInput {
  return {
    ...input,
    link: { bytesPerSecond, channelBytesPerSecond: bytesPerSecond },
    parameters: { ...input.parameters, maxBandwidthBytesPerSecond: bytesPerSecond },
  };
}

function outcomeOf(input: ForecastInput, downtimeLimitMs: number, samples: number): Outcome {
  const parameters = { ...input.parameters, downtimeLimitMs };
  return summary(simulateMany({ ...input, parameters }, samples));
}

function summary(samples: Samples): Outcome {
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
