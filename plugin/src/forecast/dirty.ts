/**
 * Dirty curves that are known rather than measured: what a workload of known rate and working set
 * does. Measured ones are made in curve.ts; the model of QEMU takes either.
 */

/** D(t) of one source of dirtying. */
export interface DirtyCurve {
  /**
   * Expected number of distinct pages dirtied in a window of `windowMs`: 0 at 0, never falling, and
   * concave (a longer window adds less, since it meets pages again).
   */
  pagesIn(windowMs: number): number;
}

/** Nothing is ever dirtied. */
export const idle: DirtyCurve = { pagesIn: () => 0 };

/** `writesPerSecond` independent writes, each to any of `pages` with the same chance. */
export function uniformCurve(pages: number, writesPerSecond: number): DirtyCurve {
  const perMs = writesPerSecond / 1000 / pages;
  return { pagesIn: (windowMs) => -pages * Math.expm1(-perMs * windowMs) };
}

/** `writesPerSecond` writes to `pages` in order, round and round. */
export function sequentialCurve(pages: number, writesPerSecond: number): DirtyCurve {
  return { pagesIn: (windowMs) => Math.min(pages, (writesPerSecond * windowMs) / 1000) };
}

/**
 * A container whose dirty page scope is `all`: each harvest says every page, however short the window
 * (type1 with an IOMMU-backed device that has no dirty tracking of its own).
 */
export function allDirtyCurve(pages: number): DirtyCurve {
  return { pagesIn: (windowMs) => (windowMs > 0 ? pages : 0) };
}

/** Sources that write different pages: their curves add up. */
export function sumOfCurves(...curves: readonly DirtyCurve[]): DirtyCurve {
  return { pagesIn: (windowMs) => curves.reduce((sum, curve) => sum + curve.pagesIn(windowMs), 0) };
}

/**
 * The chance that a page dirtied in a window of `beforeMs` is dirtied again in the `thenMs` that
 * follow it: both windows together hold D(before) + D(then) pages less those that are in both.
 */
export function chanceOfRepeat(curve: DirtyCurve, beforeMs: number, thenMs: number): number {
  const before = curve.pagesIn(beforeMs);
  if (before <= 0) return 0;
  const both = before + curve.pagesIn(thenMs) - curve.pagesIn(beforeMs + thenMs);
  return Math.min(1, Math.max(0, both / before));
}
