/** What `precopy watch` says; with `--json` a line each, as it stands (docs/watch.md). */
import type { Forecast } from '../forecast/forecast.js';

/** Raised whenever a member changes its meaning or goes away. */
export const watchVersion = 1;

/** What one source, or all of them, dirtied since the sample before. */
export interface WatchedRate {
  /** Distinct pages of each harvest, added up, for a second: near the rate of writes, as harvests are short. */
  readonly pagesPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface WatchedSource extends WatchedRate {
  readonly name: string;
  readonly kind: 'cpu' | 'device';
}

/** The forecast of a migration that would begin now. */
export interface WatchedForecast extends Pick<
  Forecast,
  | 'converges'
  | 'convergedShare'
  | 'limitedBy'
  | 'passes'
  | 'totalMs'
  | 'downtimeMs'
  | 'qemuExpectedDowntimeMs'
> {
  /** Made from harvests of the last so many ms. */
  readonly fromLastMs: number;
}

export interface WatchSample {
  readonly type: 'sample';
  readonly version: typeof watchVersion;
  /** Wall clock at its end, ms since the epoch. */
  readonly atMs: number;
  /** Time that it covers. */
  readonly windowMs: number;
  readonly harvests: number;
  readonly sources: readonly WatchedSource[];
  /** All of them; a page that two dirtied in one harvest counts once. */
  readonly together: WatchedRate;
  /** The last one that was made; null before the first. */
  readonly forecast: WatchedForecast | null;
  /** CPU time that precopy took meanwhile, as a part of one core. */
  readonly overheadShare: number;
}

/** A migration that somebody started: nothing is harvested, only asked. */
export interface WatchedMigration {
  readonly type: 'migration';
  readonly version: typeof watchVersion;
  readonly atMs: number;
  /** QAPI `MigrationStatus`. */
  readonly status: string;
  /** Of query-migrate; null while QEMU has no figures. */
  readonly passes: number | null;
  readonly remainingBytes: number | null;
  readonly bandwidthBytesPerSecond: number | null;
  readonly dirtyBytesPerSecond: number | null;
  readonly expectedDowntimeMs: number | null;
}

/** Something that the reader must know. */
export interface WatchNotice {
  readonly type: 'notice';
  readonly version: typeof watchVersion;
  readonly atMs: number;
  readonly text: string;
}

export type WatchRecord = WatchSample | WatchedMigration | WatchNotice;
