/** What a view means: how fast the guest dirties, how fast that goes out, and where that leads. */
import { formatBytes, formatMs } from '../../../report/format.js';
import type { ExpectedPoint, Goal, View, ViewedPass } from '../../policy.js';
import { ramSendingMs, sendingRate } from './budget.js';
import { fitCurve, measuredCurve, windowsOf, type Curve, type PassWindow } from './curve.js';
import { prospect, type Prospect } from './prospect.js';

export interface Sight {
  /** Of the guest's own time, that is without throttle. */
  readonly curve: Curve;
  /** The curve's bend was seen; otherwise shorter windows may hold more than it says. */
  readonly bendKnown: boolean;
  /** RAM to send after the last pass, bytes. */
  readonly left: number;
  /** What the round before left. */
  readonly leftBefore: number;
  readonly bytesPerMs: number;
  /** In the blackout, where max-bandwidth does not bind, bytes/ms. */
  readonly switchoverBytesPerMs: number;
  /** What fits into the blackout, bytes. */
  readonly thresholdBytes: number;
  /** Part of the vCPUs' time in which they work, as far as a throttle showed it; else 1. */
  readonly busyShare: number;
  /** In force now, percent. */
  readonly throttlePercent: number;
  /** Where it leads if nothing is changed. */
  readonly ahead: Prospect;
  /** The figures, for reasons. */
  readonly fits: string;
}

/** Undefined until a round has shown something. */
export function look(view: View, goal: Goal): Sight | undefined {
  const last = view.passes.at(-1);
  const bytesPerMs = sendingRate(view);
  if (!last || bytesPerMs === undefined || bytesPerMs <= 0) return undefined;
  const windows = windowsOf(view.passes);
  const busyShare = busyShareOf(windows);
  const curve = curveOf(windows, busyShare, view.expectation?.curve);
  if (!curve) return undefined;
  const switchoverBytesPerMs =
    goal.linkBytesPerSecond === undefined ? bytesPerMs : goal.linkBytesPerSecond / 1000;
  const ms = ramSendingMs(view, goal);
  const thresholdBytes = switchoverBytesPerMs * ms;
  const left = last.sample.remainingBytes;
  const throttlePercent = last.sample.throttlePercent ?? 0;
  const share = speedAt(throttlePercent, busyShare);
  return {
    curve,
    bendKnown: windows.length > 1 || view.expectation !== undefined,
    left,
    leftBefore: leftBeforeOf(view.passes),
    bytesPerMs,
    switchoverBytesPerMs,
    thresholdBytes,
    busyShare,
    throttlePercent,
    ahead: prospect(curve, left, bytesPerMs, share, thresholdBytes),
    fits: `${formatBytes(thresholdBytes)} fit into ${formatMs(ms)}`,
  };
}

function leftBeforeOf(passes: readonly ViewedPass[]): number {
  return passes.at(-2)?.sample.remainingBytes ?? Infinity;
}

/** Part of its own speed at which a guest gets on under a throttle. */
export function speedAt(throttlePercent: number, busyShare: number): number {
  return Math.min(1, (1 - throttlePercent / 100) / busyShare);
}

function curveOf(
  windows: readonly PassWindow[],
  busyShare: number,
  expected: readonly ExpectedPoint[] | undefined,
): Curve | undefined {
  const own = windows.map(({ windowMs, bytes, throttlePercent }) => ({
    windowMs: windowMs * speedAt(throttlePercent, busyShare),
    bytes,
  }));
  const measured = expected && measuredCurve(expected);
  const first = own[0];
  if (!measured || own.length > 1) return fitCurve(own);
  // What a rehearsal saw has the bend; the first round tells how much the guest does now.
  const then = first ? measured(first.windowMs) : 0;
  const scale = first && then > 0 ? first.bytes / then : 1;
  return (ms) => scale * measured(ms);
}

/** Throttles below this show too little to tell from chance. */
const tellingPercent = 10;

/**
 * A throttle that had less effect than it should took idle time only. Found by comparing the newest
 * throttled window with the curve of those without throttle.
 */
function busyShareOf(windows: readonly PassWindow[]): number {
  const throttled = windows.findLast(({ throttlePercent }) => throttlePercent >= tellingPercent);
  const free = fitCurve(windows.filter(({ throttlePercent }) => throttlePercent < tellingPercent));
  if (!throttled || !free) return 1;
  const { windowMs, bytes, throttlePercent } = throttled;
  let [low, high] = [0, 1];
  for (let step = 0; step < 20; step += 1) {
    const middle = (low + high) / 2;
    if (free(middle * windowMs) < bytes) low = middle;
    else high = middle;
  }
  const speed = Math.max(0.01, high);
  return Math.min(1, Math.max(0.02, (1 - throttlePercent / 100) / speed));
}
