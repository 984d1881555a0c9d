/** What fits into the blackout. */
import type { Goal, View } from '../../policy.js';

/**
 * What a switchover takes beside RAM where nothing better is known, ms: stopping the vCPUs, saving and
 * loading the machine without VFIO devices, starting there.
 */
const usualFixedMs = 20;
/** No more than this part of the limit is set aside unmeasured: a tight limit must stay reachable. */
const mostFixedShare = 0.25;

/** Downtime that RAM and device state may take, ms: the limit less what the switchover costs anyway. */
export function sendingMs(view: Pick<View, 'expectation'>, { downtimeLimitMs }: Goal): number {
  const ledger = view.expectation?.forecast.downtime;
  const fixedMs = ledger
    ? ledger.transitionsMs.p90 + ledger.destinationLoadMs.p90
    : Math.min(usualFixedMs, mostFixedShare * downtimeLimitMs);
  return Math.max(1, downtimeLimitMs - fixedMs);
}

/** How fast RAM goes out while the guest runs, bytes/ms; undefined before there is a measurement. */
export function sendingRate({ bandwidths }: Pick<View, 'bandwidths'>): number | undefined {
  if (bandwidths.length === 0) return undefined;
  const sorted = [...bandwidths].sort((a, b) => a - b);
  // Windows spent on synchronising or on pages of zeros show less than the link takes.
  return (sorted[Math.floor(0.75 * (sorted.length - 1))] ?? 0) / 1000;
}
