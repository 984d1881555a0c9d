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

export interface PassContext {
  /** The source's STOP event came before this pass. */
  sourceStopped: boolean;
  /** auto-converge is on, so that its timer can synchronise too. */
  autoConverge: boolean;
  /** The parameter `downtime-limit`, ms. */
  downtimeLimitMs: number;
  /** The parameter `avail-switchover-bandwidth`, bytes/s; 0: QEMU uses what it measured. */
  switchoverBytesPerSecond: number;
}

/** Below this many bytes QEMU may switch over (`threshold_size` in migration_update_counters). */
export function thresholdBytes(
  sample: MigrationSample,
  context: Pick<PassContext, 'downtimeLimitMs' | 'switchoverBytesPerSecond'>,
): number {
  const bandwidth = context.switchoverBytesPerSecond || sample.bandwidthBytesPerSecond;
  return (bandwidth * context.downtimeLimitMs) / 1000;
}

/**
 * Classifies a pass from the sample taken at the one before it (`previous`; undefined for the first
 * pass, which QEMU emits at set-up and which starts round 1) and the sample taken at this one.
 */
export function classifyPass(
  previous: MigrationSample | undefined,
  current: MigrationSample,
  context: PassContext,
): PassKind {
  if (context.sourceStopped) return 'blackout';
  if (!previous) return 'round';
  if (previous.remainingBytes < thresholdBytes(previous, context)) return 'exact-retry';
  const unsent = previous.remainingBytes - (current.handledBytes - previous.handledBytes);
  if (context.autoConverge && unsent > thresholdBytes(current, context)) return 'throttle-timer';
  return 'round';
}
