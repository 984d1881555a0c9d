/** What fits into the blackout. */
import type { Goal, View } from '../../policy.js';

/**
 * What a switchover takes beside RAM where nothing better is known, ms: stopping the vCPUs, saving and
 * loading the machine without VFIO devices, starting there.
 */
const usualFixedMs = 20;
/** No more than this part of the limit is set aside unmeasured: a tight limit must stay reachable. */
const mostFixedShare = 0.25;

/** However much a rehearsal expects a switchover to cost, this part of the limit is left for RAM. */
const leastRamShare = 0.1;

/** Downtime that RAM may take, ms: the limit less what the switchover costs anyway. */
export function ramSendingMs(view: Pick<View, 'expectation'>, { downtimeLimitMs }: Goal): number {
  const ledger = view.expectation?.forecast.downtime;
  const fixedMs = ledger
    ? ledger.transitionsMs.p90 + ledger.deviceStateMs.p90 + ledger.destinationLoadMs.p90
    : Math.min(usualFixedMs, mostFixedShare * downtimeLimitMs);
  return Math.max(1, leastRamShare * downtimeLimitMs, downtimeLimitMs - fixedMs);
}

/** The downtime limit that lets QEMU send so much RAM: it counts the state that devices have to send, too. */
export function qemuLimitMs(
  view: Pick<View, 'expectation'>,
  goal: Goal,
  switchoverBytesPerMs: number,
): number {
  const stateMs = (view.expectation?.stopCopyBytes ?? 0) / switchoverBytesPerMs;
  return Math.round(Math.min(goal.downtimeLimitMs, ramSendingMs(view, goal) + stateMs));
}

/** How fast RAM goes out while the guest runs, bytes/ms; undefined before there is a measurement. */
export function sendingRate(
  view: Pick<View, 'bandwidths' | 'passes' | 'parameters'>,
): number | undefined {
  const { bandwidths, passes, parameters } = view;
  if (bandwidths.length === 0) return undefined;
  // The first round has the pages of zeros, of which hardly a byte is sent: it shows too little.
  if (passes.length < 2) return parameters.maxBandwidthBytesPerSecond / 1000;
  const sorted = [...bandwidths].sort((a, b) => a - b);
  // Windows spent on synchronising or on pages of zeros show less than the link takes.
  return (sorted[Math.floor(0.75 * (sorted.length - 1))] ?? 0) / 1000;
}
