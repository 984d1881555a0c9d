/**
 * D(t) from rates over windows of different length, where nothing says which pages were dirtied. Each
 * window is one reading of D at its length; many lengths give the curve. Pure.
 */
import { estimateCurve, type EstimatedCurve } from './curve/estimate.js';
import { idle, type DirtyCurve } from './dirty.js';

/** What was dirtied in one window, as a mean rate in whole MiB/s, rounded down. */
export interface RateReading {
  readonly startMs: number;
  readonly windowMs: number;
  readonly mibPerSecond: number;
}

const pagesPerMib = 256;
/** Standard deviation of a value of which only an interval of length 1 is known. */
const unknownInInterval = 1 / Math.sqrt(12);

/**
 * Lengths of windows for a given time: doublings of the shortest, each for about the same time altogether,
 * mixed, so that a workload that changes does so for all lengths.
 *
 * @param shortestMs a window; the longest is at most 0.4 of the time
 */
export function planWindows(durationMs: number, shortestMs: number): number[] {
  const lengths: number[] = [];
  for (let ms = shortestMs; ms <= Math.max(shortestMs, 0.4 * durationMs); ms *= 2) lengths.push(ms);
  const eachMs = durationMs / lengths.length;
  return lengths
    .flatMap((windowMs) => {
      const count = Math.max(1, Math.floor(eachMs / windowMs));
      return Array.from({ length: count }, (_, i) => ({ windowMs, at: (i + 0.5) / count }));
    })
    .sort((a, b) => a.at - b.at)
    .map(({ windowMs }) => windowMs);
}

/**
 * @param totalPages no window can have more
 * @param known of what is read as well, but belongs to somebody else: taken away
 * @returns undefined without readings
 */
export function curveOfRates(
  readings: readonly RateReading[],
  totalPages: number,
  known: DirtyCurve = idle,
): EstimatedCurve | undefined {
  const classes = byLength(readings).map((members) => {
    // Where all were rounded down to nothing, nothing is the best guess; else half a MiB/s is missing.
    const missing = members.every(({ mibPerSecond }) => mibPerSecond === 0) ? 0 : 0.5;
    return members.map(({ windowMs, mibPerSecond }) => {
      const pages = ((mibPerSecond + missing) * pagesPerMib * windowMs) / 1000;
      return {
        windowMs,
        pages: Math.min(totalPages, Math.max(0, pages - known.pagesIn(windowMs))),
      };
    });
  });
  const estimate = estimateCurve(classes, totalPages);
  return estimate && new RoundedCurve(estimate);
}

/** Lengths are doublings, but for some ms. */
function byLength(readings: readonly RateReading[]): RateReading[][] {
  const classes = new Map<number, RateReading[]>();
  for (const reading of readings) {
    const doublings = Math.round(Math.log2(reading.windowMs));
    classes.set(doublings, [...(classes.get(doublings) ?? []), reading]);
  }
  return [...classes.values()];
}

/** Adds what rounding, and the lack of short windows, leave open. */
class RoundedCurve implements EstimatedCurve {
  readonly #estimate: EstimatedCurve;

  constructor(estimate: EstimatedCurve) {
    this.#estimate = estimate;
  }

  get points(): EstimatedCurve['points'] {
    return this.#estimate.points;
  }

  get knownToMs(): number {
    return this.#estimate.knownToMs;
  }

  pagesIn(windowMs: number): number {
    return this.#estimate.pagesIn(windowMs);
  }

  spread(windowMs: number): number {
    return this.#estimate.spread(windowMs);
  }

  uncertainty(windowMs: number): number {
    const pages = this.pagesIn(windowMs);
    const rounded = pages === 0 ? 0 : (unknownInInterval * pagesPerMib * windowMs) / 1000 / pages;
    // Below the shortest window D(t) lies between its line to 0 and its value there.
    const shortestMs = this.points[0]?.windowMs ?? windowMs;
    const below = unknownInInterval * Math.log(Math.max(1, shortestMs / windowMs));
    return Math.hypot(this.#estimate.uncertainty(windowMs), rounded, below);
  }
}
