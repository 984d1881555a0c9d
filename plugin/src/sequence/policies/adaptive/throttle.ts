/** How far the vCPUs must be throttled, and how far they may. */
import type { Goal } from '../../policy.js';
import type { Curve } from './curve.js';
import { prospect } from './prospect.js';

/** CPU_THROTTLE_TIMESLICE_NS of QEMU's cpu-throttle.c: a vCPU runs so long between two sleeps, ms. */
const timesliceMs = 10;

/**
 * The strongest throttle that the goal allows, percent. A vCPU throttled by p sleeps p / (1 - p) times
 * 10 ms in a row (cpu_throttle_thread): longer than the downtime limit would be a downtime of its own.
 */
export function strongestThrottle({ downtimeLimitMs, slowdownLimitPercent }: Goal): number {
  const longestSleep = Math.floor((100 * downtimeLimitMs) / (downtimeLimitMs + timesliceMs));
  return Math.max(0, Math.min(slowdownLimitPercent, longestSleep, 99));
}

export interface ThrottleNeed {
  readonly percent: number;
  readonly ms: number;
}

/**
 * A stronger throttle for a shorter time costs the guest less of its work than a weak one that takes
 * long: with k = dirty rate / bandwidth and a throttle that leaves the part r of k, the loss is in
 * proportion to (1 - r/k) / (1 - r), which rises with r. So each round is to leave a third.
 */
const roundShare = 1 / 3;

/** A throttle under which it takes more rounds than so many of the present length is not worth its cost. */
const longestRounds = 5;

/**
 * The weakest throttle with which the migration converges as fast as that; where none does, the
 * strongest if it converges at all.
 *
 * @param busyShare part of the vCPUs' time in which they work: throttling takes their idle time first
 */
export function neededThrottle(
  curve: Curve,
  leftBytes: number,
  bytesPerMs: number,
  thresholdBytes: number,
  busyShare: number,
  mostPercent: number,
): ThrottleNeed | undefined {
  const share = (percent: number): number => Math.min(1, (1 - percent / 100) / busyShare);
  const enoughMs = leftBytes / bytesPerMs / (1 - roundShare);
  for (let percent = 5; percent <= mostPercent; percent += 1) {
    const { rounds, ms } = prospect(curve, leftBytes, bytesPerMs, share(percent), thresholdBytes);
    if (rounds !== undefined && ms <= enoughMs) return { percent, ms };
  }
  const strongest = prospect(curve, leftBytes, bytesPerMs, share(mostPercent), thresholdBytes);
  const tooLong = strongest.ms > longestRounds * (leftBytes / bytesPerMs);
  if (strongest.rounds === undefined || tooLong || mostPercent < 1) return undefined;
  return { percent: mostPercent, ms: strongest.ms };
}
