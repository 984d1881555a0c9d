import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationResult } from '../../journal/records.js';
import type { MigrationControl } from '../control.js';
import type { PassFollower } from '../pass-follower.js';
import type { MigrationSample } from '../passes.js';
import type { MigrationInfo } from '../qemu-replies.js';
import type { TraceLog } from '../trace-log.js';
import type { RunSoFar } from '../unfinished.js';

/** Who has watched the migration. */
export interface Witnesses {
  readonly control: MigrationControl;
  readonly passes: PassFollower;
  /** With what an earlier run saw of it. */
  readonly soFar: RunSoFar;
  readonly traceLogs: readonly TraceLog[];
  /** When it was started, ms since the epoch; 0 if that was not seen. */
  readonly startedAtMs: number;
}

/** What a completed migration was. */
export async function resultOf(witnesses: Witnesses): Promise<MigrationResult> {
  const { control, passes, soFar, traceLogs, startedAtMs } = witnesses;
  const info = await finalInfo(control);
  for (const log of traceLogs) log.collect();
  return {
    outcome: 'completed',
    totalMs: info['total-time'] ?? Date.now() - startedAtMs,
    // QEMU counts those that nobody saw as well.
    passes: Math.max(passes.passes, info.ram?.['dirty-sync-count'] ?? 0),
    transferredBytes: info.ram?.transferred ?? 0,
    blackoutRamBytes: info.ram?.['multifd-bytes'] ? undefined : info.ram?.['downtime-bytes'],
    downtime: soFar.downtime.measure(),
    qemuDowntimeMs: info.downtime,
    expectedDowntimeMs: estimatedDowntime(passes.lastSample ?? soFar.view.lastPass?.sample),
  };
}

/**
 * An older QEMU (7.2) computes total-time and downtime shortly after it says `completed` (migration_iteration_finish);
 * until then both are 0.
 */
async function finalInfo(control: MigrationControl): Promise<MigrationInfo> {
  for (let attempt = 0; ; attempt += 1) {
    const info = await control.info();
    if ((info['total-time'] ?? 0) > 0 || attempt === 100) return info;
    await sleep(10);
  }
}

/**
 * QEMU's `expected-downtime` starts as the downtime limit, and is an estimate only from when QEMU has
 * seen a dirty rate (migration_update_counters).
 */
function estimatedDowntime(sample: MigrationSample | undefined): number | undefined {
  return sample && sample.dirtyBytesPerSecond > 0 ? sample.expectedDowntimeMs : undefined;
}
