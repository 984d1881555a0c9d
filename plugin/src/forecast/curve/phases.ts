/** Where a workload changed: how much it dirties, or where. Pure. */

/** Dirty pages of a measured window, by region of the address space. */
export interface RegionCounts {
  readonly startMs: number;
  readonly endMs: number;
  /** As many regions in each window. */
  readonly pages: readonly number[];
}

/** A stretch of time in which the guest dirtied about as much all the time, and about there. */
export interface WorkloadPhase {
  readonly startMs: number;
  readonly endMs: number;
  /** Distinct pages per window, per second of it. */
  readonly pagesPerSecond: number;
}

/** A phase has at least so many windows. */
const leastWindows = 5;
/** What differs by less (or of which less moved) is the same phase, however sure it is. */
const leastRelativeChange = 0.25;
/** Standard errors by which the rates of two phases differ. */
const leastStandardErrors = 5;
/** The same for what moved: chance alone makes each region differ a little, and all are added up. */
const leastStandardErrorsMoved = 10;
/** More changes than that are no phases: the workload is bursty, and the spread tells. */
const mostPhases = 8;

/** Rates by region, pages/s. */
type Rates = readonly number[];

/**
 * Finds where the workload changed, by binary segmentation: the split that separates two means best is
 * taken if they clearly differ, and both parts are looked at again.
 *
 * @param windows ascending, of about the same length, not overlapping
 */
export function findPhases(windows: readonly RegionCounts[]): WorkloadPhase[] {
  const rates = windows.map(({ startMs, endMs, pages }) =>
    pages.map((count) => (count * 1000) / (endMs - startMs)),
  );
  const bounds = [0, ...splits(rates, 0, rates.length), rates.length];
  if (bounds.length - 1 > mostPhases) bounds.splice(1, bounds.length - 2);
  return bounds.slice(1).flatMap((end, i) => {
    const start = bounds[i] ?? 0;
    const [first, last] = [windows[start], windows[end - 1]];
    if (first === undefined || last === undefined) return [];
    return [
      {
        startMs: first.startMs,
        endMs: last.endMs,
        pagesPerSecond: mean(rates.slice(start, end).map(sum)),
      },
    ];
  });
}

function splits(rates: readonly Rates[], start: number, end: number): number[] {
  const at = bestSplit(rates.slice(start, end));
  if (at === undefined) return [];
  const middle = start + at;
  return [...splits(rates, start, middle), middle, ...splits(rates, middle, end)];
}

function bestSplit(rates: readonly Rates[]): number | undefined {
  const n = rates.length;
  const totals = sumByRegion(rates);
  const left = totals.map(() => 0);
  let best: { at: number; gain: number } | undefined;
  for (let at = 1; at <= n - leastWindows; at++) {
    for (const [region, rate] of (rates[at - 1] ?? []).entries()) {
      left[region] = (left[region] ?? 0) + rate;
    }
    if (at < leastWindows) continue;
    const squares = totals.map((total, region) => {
      const mine = left[region] ?? 0;
      return (mine / at - (total - mine) / (n - at)) ** 2;
    });
    const gain = (sum(squares) * at * (n - at)) / n;
    if (best === undefined || gain > best.gain) best = { at, gain };
  }
  return best !== undefined && differ(rates.slice(0, best.at), rates.slice(best.at))
    ? best.at
    : undefined;
}

function differ(before: readonly Rates[], after: readonly Rates[]): boolean {
  const meanBefore = sumByRegion(before).map((total) => total / before.length);
  const meanAfter = sumByRegion(after).map((total) => total / after.length);
  const least = leastRelativeChange * Math.max(sum(meanBefore), sum(meanAfter));
  // More or less than before ...
  const total = comparison(before.map(sum), after.map(sum));
  if (total.difference >= least && total.difference > leastStandardErrors * total.error)
    return true;
  // ... or elsewhere: what was gained where there was gain, and lost where there was loss.
  const signs = meanAfter.map((rate, region) => Math.sign(rate - (meanBefore[region] ?? 0)));
  const along = (rates: Rates): number =>
    sum(rates.map((rate, region) => rate * (signs[region] ?? 0)));
  const moved = comparison(before.map(along), after.map(along));
  return moved.difference / 2 >= least && moved.difference > leastStandardErrorsMoved * moved.error;
}

/** How far two means are apart, and the standard error of that. */
function comparison(
  one: readonly number[],
  other: readonly number[],
): { difference: number; error: number } {
  const [a, b] = [mean(one), mean(other)];
  return {
    difference: Math.abs(a - b),
    error: Math.sqrt(variance(one, a) / one.length + variance(other, b) / other.length),
  };
}

function sumByRegion(rates: readonly Rates[]): number[] {
  const totals = (rates[0] ?? []).map(() => 0);
  for (const row of rates) {
    for (const [region, rate] of row.entries()) totals[region] = (totals[region] ?? 0) + rate;
  }
  return totals;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function variance(values: readonly number[], average: number): number {
  const squares = values.reduce((total, value) => total + (value - average) ** 2, 0);
  return squares / Math.max(1, values.length - 1);
}
