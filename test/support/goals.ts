/** What policies and passes are tested with. */
import type { Goal, MigrationSample } from 'precopy';

const MiB = 2 ** 20;

/** A downtime of 300 ms at 32 MiB/s, unless told otherwise. */
export function goalWith(changes: Partial<Goal> = {}): Goal {
  return {
    downtimeLimitMs: 300,
    totalLimitMs: undefined,
    slowdownLimitPercent: 99,
    bandwidthBytesPerSecond: 32 * MiB,
    bandwidthLimitBytesPerSecond: 32 * MiB,
    linkBytesPerSecond: undefined,
    onTimeout: 'cancel',
    ...changes,
  };
}

/** What QEMU says after its first synchronisation: 100 MiB to send at 100 MiB/s, unless told otherwise. */
export function sampleWith(changes: Partial<MigrationSample> = {}): MigrationSample {
  return {
    dirtySyncCount: 1,
    remainingBytes: 100 * MiB,
    transferredBytes: 0,
    handledBytes: 0,
    bandwidthBytesPerSecond: 100 * MiB,
    dirtyBytesPerSecond: 0,
    vfioBytes: undefined,
    expectedDowntimeMs: undefined,
    throttlePercent: undefined,
    ...changes,
  };
}
