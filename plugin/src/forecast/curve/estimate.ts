import type { DirtyCurve } from '../dirty.js';
import { type ConcaveCurve, concaveThrough } from './concave.js';

/** A measured window: how long it was watched, and how many pages were dirtied in it. */
export interface WindowCount {
  readonly windowMs: number;
  readonly pages: number;
}

/** What was measured of windows of about one length. */
export interface CurvePoint {
  /** Mean length of the windows. */
  readonly windowMs: number;
  readonly windows: number;
  /** Distinct pages in a window: mean, and what one window in ten is below and above. */
  readonly pages: number;
  readonly p10: number;
  readonly p90: number;
}

/** D(t) as measured: a curve for the model, and how far single windows lie from it. */
export interface EstimatedCurve extends DirtyCurve {
  readonly points: readonly CurvePoint[];
  /** Longest measured window; beyond it D(t) is extrapolated. */
  readonly knownToMs: number;
  /** Standard deviation of single windows of this length around D(t), relative to it. */
  spread(windowMs: number): number;
  /** Standard error of D(t) itself, relative to it: what more harvests would make smaller. */
  uncertainty(windowMs: number): number;
}

interface SpreadPoint {
  /** Windows from this length on are nearer to this point than to the one before. */
  readonly nearestFromMs: number;
  readonly spread: number;
  readonly error: number;
}

/** Makes a curve of the windows that were measured, by class of length; undefined if there are none. */
export function estimateCurve(
  classes: readonly (readonly WindowCount[])[],
  totalPages: number,
): EstimatedCurve | undefined {
  const points = classes
    .filter((windows) => windows.length > 0)
    .map(pointOf)
    .sort((a, b) => a.windowMs - b.windowMs);
  if (points.length === 0) return undefined;
  const curve = concaveThrough(
    points.map(({ windowMs, pages, windows }) => ({ x: windowMs, y: pages, weight: windows })),
  );
  return new Estimate(curve, points, spreads(classes, points), totalPages);
}

class Estimate implements EstimatedCurve {
  readonly points: readonly CurvePoint[];
  readonly #curve: ConcaveCurve;
  readonly #spreads: readonly SpreadPoint[];
  readonly #totalPages: number;

  constructor(
    curve: ConcaveCurve,
    points: readonly CurvePoint[],
    spreadPoints: readonly SpreadPoint[],
    totalPages: number,
  ) {
    this.#curve = curve;
    this.points = points;
    this.#spreads = spreadPoints;
    this.#totalPages = totalPages;
  }

  get knownToMs(): number {
    return this.#curve.knownTo;
  }

  pagesIn(windowMs: number): number {
    return Math.min(this.#totalPages, this.#curve.at(windowMs));
  }

  spread(windowMs: number): number {
    return this.#nearest(windowMs).spread;
  }

  uncertainty(windowMs: number): number {
    // What is extrapolated is less sure the further it is from what was seen.
    const beyond = Math.max(1, windowMs / this.knownToMs);
    return this.#nearest(windowMs).error * Math.sqrt(beyond) + 0.05 * Math.log2(beyond);
  }

  /** Nearest on a logarithmic scale. A forecast asks thousands of times: no logarithms here. */
  #nearest(windowMs: number): SpreadPoint {
    let nearest = this.#spreads[0];
    for (const point of this.#spreads) {
      if (windowMs < point.nearestFromMs) break;
      nearest = point;
    }
    return nearest ?? { nearestFromMs: 0, spread: 0, error: 0 };
  }
}

function pointOf(windows: readonly WindowCount[]): CurvePoint {
  const counts = windows.map(({ pages }) => pages).sort((a, b) => a - b);
  return {
    windowMs: mean(windows.map(({ windowMs }) => windowMs)),
    windows: windows.length,
    pages: mean(counts),
    p10: quantile(counts, 0.1),
    p90: quantile(counts, 0.9),
  };
}

/** Windows too few to show their own spread are taken to vary as the next shorter ones do. */
const leastForSpread = 4;

function spreads(
  classes: readonly (readonly WindowCount[])[],
  points: readonly CurvePoint[],
): SpreadPoint[] {
  let before = 0;
  return points.map(({ windowMs, windows, pages }, i) => {
    const members = classes.find(
      (members) => members.length > 0 && pointOf(members).windowMs === windowMs,
    );
    const own =
      members === undefined || windows < leastForSpread || pages === 0
        ? before
        : relativeDeviation(members, pages);
    before = own;
    const nearestFromMs = Math.sqrt(windowMs * (points[i - 1]?.windowMs ?? 0));
    return { nearestFromMs, spread: own, error: own / Math.sqrt(windows) };
  });
}

/** Without what differing lengths of the windows explain. */
function relativeDeviation(windows: readonly WindowCount[], pages: number): number {
  const length = mean(windows.map(({ windowMs }) => windowMs));
  const sum = windows.reduce((total, { windowMs, pages: count }) => {
    const expected = (pages * windowMs) / length;
    const nearer = Math.min(Math.abs(count - expected), Math.abs(count - pages));
    return total + nearer * nearer;
  }, 0);
  return Math.sqrt(sum / (windows.length - 1)) / pages;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Linear between order statistics. @param sorted ascending, not empty */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at - Math.floor(at));
}
