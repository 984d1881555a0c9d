import type { MeasuredDowntime } from '../journal/records.js';

/** The moments that bound the time for which the guest ran nowhere; ms since the epoch, one clock. */
export interface SwitchoverMoments {
  /** STOP on the source. */
  stopped: number | undefined;
  /** MIGRATION `completed` on the destination. */
  loaded: number | undefined;
  /** RESUME on the destination. */
  resumed: number | undefined;
  /** We sent `cont` to a destination that had been held stopped; undefined if it started by itself. */
  started: number | undefined;
}

/**
 * The downtime, from QEMU's time stamps. A destination that was held (for verify) stood still between
 * `loaded` and `started` because of us and not because of the migration: that part is kept apart.
 */
export function measureDowntime(moments: SwitchoverMoments): MeasuredDowntime | undefined {
  const { stopped, loaded, resumed, started } = moments;
  if (stopped === undefined || resumed === undefined) return undefined;
  if (started === undefined || loaded === undefined) {
    return { ms: resumed - stopped, loadedMs: undefined, startMs: undefined, heldMs: 0 };
  }
  const loadedMs = loaded - stopped;
  const startMs = resumed - started;
  return { ms: loadedMs + startMs, loadedMs, startMs, heldMs: started - loaded };
}
