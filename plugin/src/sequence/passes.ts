/**
 * What each MIGRATION_PASS was. QEMU emits one whenever it synchronises its dirty bitmap, which is
 * not only once a round (`migration_bitmap_sync` and its callers in QEMU's migration/ram.c):
 *
 *   round           what was known dirty had been sent down to the threshold; QEMU looked again
 *   exact-retry     the RAM left was already below the threshold, yet something kept QEMU from
 *                   switching over (device state, switchover-ack): it asks for exact sizes each step
 *   throttle-timer  auto-converge's own 5 s timer looked, in the middle of a round
 *   blackout        the final synchronisation, the guest already stopped
 */
import { thresholdBytes, type SwitchoverSettings, type WhyNot } from './why-not.js';

export type PassKind = 'round' | 'exact-retry' | 'throttle-timer' | 'blackout';

/** What `query-migrate` on the source says, as much of it as a pass needs. */
export interface MigrationSample {
  /** QEMU's dirty-sync-count; may already be ahead of the pass that caused the query. */
  dirtySyncCount: number;
  /** RAM still to send, bytes: dirty at the last synchronisation less what was sent since. */
  remainingBytes: number;
  /** All that was sent so far, bytes. */
  transferredBytes: number;
  /** RAM pages handled so far (sent whole, or as "zero"), in bytes of guest RAM. */
  handledBytes: number;
  /** Bandwidth that QEMU measured over its last window of at least 100 ms, bytes/s. */
  bandwidthBytesPerSecond: number;
  /** RAM dirtied per second as QEMU measured it between synchronisations >= 1 s apart, bytes/s. */
  dirtyBytesPerSecond: number;
  /** VFIO device state sent so far, bytes; undefined when QEMU reports none. */
  vfioBytes: number | undefined;
  /** QEMU's `expected-downtime`, ms. RAM only: no device state, no destination load. */
  expectedDowntimeMs: number | undefined;
  /** vCPU throttle of auto-converge, percent. */
  throttlePercent: number | undefined;
}

/** What a pass is judged by: the settings in force when it was announced. */
export interface PassContext extends SwitchoverSettings {
  /** The source's STOP event came before this pass. */
  readonly sourceStopped: boolean;
  /** auto-converge is on, so that its timer can synchronise too. */
  readonly autoConverge: boolean;
}

/**
 * The passes `first`...`pass` in a journal: more than one when they came faster than they are sampled.
 * None is left out: each was announced by QEMU, and `gapsUs` has the time of each.
 */
export interface PassEntry {
  type: 'pass';
  first: number;
  pass: number;
  kind: PassKind;
  sample: MigrationSample;
  /** QEMU answered only when all was over, so `sample` tells the end and not how this pass stood. */
  late: boolean;
  /** QEMU's time stamp of the MIGRATION_PASS of `first`, microseconds since the epoch. */
  qemuUs: number | undefined;
  /** Microseconds from each to the next, by QEMU's time stamps; `pass - first` of them. */
  gapsUs?: readonly number[] | undefined;
  /** What the migration states of the source's VFIO devices were, by QOM path, where QEMU tells. */
  devices?: Readonly<Record<string, string>> | undefined;
  /** Why QEMU did not switch over at the last of them; absent in the blackout. */
  why?: WhyNot | undefined;
}

/**
 * Classifies a pass from the sample taken at the one before it (`previous`; undefined for the first
 * pass, which QEMU emits at set-up and which starts round 1) and the sample taken at this one.
 */
export function classifyPass(
  previous: MigrationSample | undefined,
  current: MigrationSample,
  context: Pick<
    PassContext,
    'sourceStopped' | 'autoConverge' | 'downtimeLimitMs' | 'switchoverBytesPerSecond'
  >,
): PassKind {
  if (context.sourceStopped) return 'blackout';
  if (!previous) return 'round';
  if (previous.remainingBytes < thresholdBytes(previous, context)) {
    return wasOverThreshold(previous, current, context) ? 'round' : 'exact-retry';
  }
  const unsent = previous.remainingBytes - (current.handledBytes - previous.handledBytes);
  if (context.autoConverge && unsent > thresholdBytes(current, context)) return 'throttle-timer';
  return 'round';
}

/**
 * A sample comes after QEMU's comparison, and what was sent in between is missing in it: RAM that fits by
 * the sample may have been over the threshold. The next sample tells: `expected-downtime` is what the last
 * synchronisation before QEMU's last window found, over the bandwidth of the threshold
 * (migration_update_counters in migration/migration.c); QEMU leaves it as it was in a window that sent
 * next to nothing.
 */
function wasOverThreshold(
  { expectedDowntimeMs: before }: MigrationSample,
  { expectedDowntimeMs: now }: MigrationSample,
  { downtimeLimitMs }: Pick<PassContext, 'downtimeLimitMs'>,
): boolean {
  return now !== undefined && now !== before && now >= downtimeLimitMs;
}
