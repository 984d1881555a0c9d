import type { DirtyBitmap } from 'linux-vfio-ts';

/**
 * The time that a harvest watched, ms on the monotonic clock (performance.now). Where it is not the same for all
 * pages: the mean over the pages.
 */
export interface HarvestWindow {
  /** From here on writes are in the harvest; what came before was in the one before it, or in none. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Something that says which pages were dirtied, and forgets it in doing so. */
export interface HarvestSource {
  /** Unique among the sources of a guest, for people. */
  readonly name: string;
  /** `cpu` can be throttled by QEMU, `device` can not. */
  readonly kind: 'cpu' | 'device';
  /**
   * Switches tracking on; writes from now on are in the next harvest.
   *
   * @throws an error with `code` if this host or guest has no such tracking; nothing is on then
   */
  start(signal: AbortSignal): Promise<void>;
  /**
   * Reads and clears: sets the bits of the pages dirtied since the last harvest (or the start) in
   * `bitmap`, which is clear and is the caller's.
   *
   * @returns the window that was really watched
   */
  harvest(bitmap: DirtyBitmap, signal: AbortSignal): Promise<HarvestWindow>;
  /**
   * Called after the last harvest.
   *
   * @throws an error with `code` if what was harvested was of other pages than it seemed
   */
  check?(signal: AbortSignal): Promise<void>;
  /** Undoes what `start` did. Does nothing where that is impossible or not ours to do. */
  stop(): void;
  /** What `stop` left on, as a migration had begun: QEMU ends it then, but for one that fails in its set-up. */
  readonly leftOn?: boolean;
  /** What the reader of the figures must know, as far as it showed until now. */
  caveats(): string[];
}
