/** A measured window: when it was, and how many pages were dirtied in it. */
export interface WindowCount {
  readonly startMs: number;
  readonly endMs: number;
  readonly pages: number;
}

/** A stretch of time in which the guest dirtied about as much all the time. */
export interface WorkloadPhase {
  readonly startMs: number;
  readonly endMs: number;
  /** Distinct pages per window, per second of it. */
  readonly pagesPerSecond: number;
}

/** A phase has at least so many windows. */
const leastWindows = 5;
/** What differs by less is the same phase, however sure it is. */
const leastRelativeChange = 0.25;
/** Standard errors by which two phases differ. */
const leastStandardErrors = 5;
/** More changes than that are no phases: the workload is bursty, and the spread tells. */
const mostPhases = 8;

/**
 * Finds where the workload changed, by binary segmentation: the split that separates two means best is
 * taken if they clearly differ, and both parts are looked at again.
 *
 * @param windows ascending, of about the same length, not overlapping
 */
export function findPhases(windows: readonly WindowCount[]): WorkloadPhase[] {
  const rates = windows.map(({ startMs, endMs, pages }) => (pages * 1000) / (endMs - startMs));
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
        pagesPerSecond: mean(rates.slice(start, end)),
      },
    ];
  });
}

function splits(rates: readonly number[], start: number, end: number): number[] {
  const at = bestSplit(rates.slice(start, end));
  if (at === undefined) return [];
  const middle = start + at;
  return [...splits(rates, start, middle), middle, ...splits(rates, middle, end)];
}

function bestSplit(rates: readonly number[]): number | undefined {
  const n = rates.length;
  const total = rates.reduce((a, b) => a + b, 0);
  let best: { at: number; gain: number } | undefined;
  let left = 0;
  for (let at = 1; at <= n - leastWindows; at++) {
    left += rates[at - 1] ?? 0;
    if (at < leastWindows) continue;
    const difference = left / at - (total - left) / (n - at);
    const gain = (difference * difference * at * (n - at)) / n;
    if (best === undefined || gain > best.gain) best = { at, gain };
  }
  return best !== undefined && differ(rates.slice(0, best.at), rates.slice(best.at))
    ? best.at
    : undefined;
}

function differ(one: readonly number[], other: readonly number[]): boolean {
  const [a, b] = [mean(one), mean(other)];
  const difference = Math.abs(a - b);
  if (difference < leastRelativeChange * Math.max(a, b)) return false;
  const error = Math.sqrt(variance(one, a) / one.length + variance(other, b) / other.length);
  return difference > leastStandardErrors * error;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function variance(values: readonly number[], average: number): number {
  const sum = values.reduce((total, value) => total + (value - average) ** 2, 0);
  return sum / Math.max(1, values.length - 1);
}
