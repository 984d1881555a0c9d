/**
 * How much the guest dirties in a window of some length, from what the passes found. Two parameters, W
 * (working set, bytes) and x (1/ms): D(t) = W (1 - exp(-x t)), the curve of writes that fall evenly on
 * a working set. It is refitted at each pass, so it need only hold for the lengths that come next.
 */
import type { ExpectedPoint, ViewedPass } from '../../policy.js';

/** Bytes dirtied in a window of the guest's own time. */
export type Curve = (windowMs: number) => number;

/** The time between two passes, and what was dirtied in it. */
export interface PassWindow extends ExpectedPoint {
  /** The vCPUs were throttled by this meanwhile. */
  readonly throttlePercent: number;
}

/** The windows between passes, newest last. */
export function windowsOf(passes: readonly ViewedPass[]): PassWindow[] {
  return passes.slice(1).flatMap((pass, index): PassWindow[] => {
    const before = passes[index];
    if (!before || pass.kind === 'blackout') return [];
    const windowMs = pass.atMs - before.atMs;
    const sent = pass.sample.handledBytes - before.sample.handledBytes;
    const unsent = Math.max(0, before.sample.remainingBytes - sent);
    // Passes that come every few ms (exact retries) tell about QEMU's queue, not about the guest.
    if (windowMs < shortestWindowMs) return [];
    return [
      {
        windowMs,
        bytes: Math.max(0, pass.sample.remainingBytes - unsent),
        throttlePercent: before.sample.throttlePercent ?? 0,
      },
    ];
  });
}

const shortestWindowMs = 20;

/** Below this ratio of lengths, two windows say nothing about the curve's bend. */
const distinctRatio = 1.2;

/** The curve through the newest window and the one before it that differs most in length. */
export function fitCurve(windows: readonly ExpectedPoint[]): Curve | undefined {
  const newest = windows.at(-1);
  if (!newest || newest.windowMs <= 0) return undefined;
  const other = windows
    .slice(-6, -1)
    .filter(({ windowMs }) => ratio(windowMs, newest.windowMs) >= distinctRatio)
    .sort((a, b) => ratio(b.windowMs, newest.windowMs) - ratio(a.windowMs, newest.windowMs))[0];
  if (!other) return straight(newest);
  const [short, long] = other.windowMs < newest.windowMs ? [other, newest] : [newest, other];
  return bent(short, long);
}

/** Nothing is known of the bend: a straight line. Shorter windows may hold more than it says. */
function straight({ windowMs, bytes }: ExpectedPoint): Curve {
  return (ms) => (bytes * ms) / windowMs;
}

function bent(short: ExpectedPoint, long: ExpectedPoint): Curve {
  if (short.bytes <= 0) return straight(long);
  const wanted = long.bytes / short.bytes;
  if (wanted >= long.windowMs / short.windowMs) return straight(short);
  const grown = (x: number): number =>
    Math.expm1(-x * long.windowMs) / Math.expm1(-x * short.windowMs);
  // From a straight line to one that is flat after the shorter window already.
  let [low, high] = [1e-3 / long.windowMs, 5 / short.windowMs];
  for (let step = 0; step < 40; step += 1) {
    const middle = Math.sqrt(low * high);
    if (grown(middle) > wanted) low = middle;
    else high = middle;
  }
  const workingSet = short.bytes / -Math.expm1(-high * short.windowMs);
  return (ms) => workingSet * -Math.expm1(-high * ms);
}

function ratio(a: number, b: number): number {
  return a > b ? a / b : b / a;
}

/** A measured curve, straight between its points and beyond the last. */
export function measuredCurve(points: readonly ExpectedPoint[]): Curve | undefined {
  const last = points.at(-1);
  if (!last) return undefined;
  return (ms) => {
    let before = { windowMs: 0, bytes: 0 };
    for (const point of points) {
      if (ms <= point.windowMs) {
        const part = (ms - before.windowMs) / (point.windowMs - before.windowMs);
        return before.bytes + part * (point.bytes - before.bytes);
      }
      before = point;
    }
    return (last.bytes * ms) / last.windowMs;
  };
}
