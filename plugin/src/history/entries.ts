/**
 * What is remembered of past forecasts and migrations, a JSON line each. Written by this user's precopy
 * and by none other, but by any version of it, and a crash can tear the last line: each line is checked,
 * and one that is not understood is passed over.
 */
import { z } from 'zod';

/** Raised whenever a member changes its meaning; entries of another version are passed over. */
export const historyVersion = 1;

const finite = z.number().refine(Number.isFinite);
const orNull = finite.nullable();

const common = {
  version: z.literal(historyVersion),
  /** When it was written, ms since the epoch. */
  at: finite,
  /** Host of the source. */
  host: z.string(),
  /** Version of the source's QEMU: major.minor. */
  qemu: z.string(),
  /** The QEMU process (boot, pid, start), so that a forecast finds its migration; null if unknown. */
  guest: z.string().nullable(),
  ramBytes: finite,
  /** The guest has VFIO devices. */
  vfio: z.boolean(),
};

/** Medians of a forecast. */
const foretold = z.object({
  converges: z.enum(['yes', 'perhaps', 'no']),
  /** Null where no simulated migration converged. */
  passes: orNull,
  totalMs: orNull,
  downtimeMs: orNull,
});

const limits = {
  maxBandwidthBytesPerSecond: finite,
  downtimeLimitMs: finite,
};

const forecastEntry = z.object({
  ...common,
  ...limits,
  type: z.literal('forecast'),
  forecast: foretold,
});

const migrationEntry = z.object({
  ...common,
  ...limits,
  type: z.literal('migration'),
  /** Who decided; the limits are those of its goal. */
  policy: z.string(),
  /** Host of the destination; null if unknown. The source's own host for a channel that is no TCP. */
  destination: z.string().nullable(),
  completed: z.boolean(),
  passes: finite,
  totalMs: finite,
  /** STOP on the source to RESUME on the destination, less what the destination was held for. */
  downtimeMs: orNull,
  /** RAM sent in it, bytes; null where QEMU does not tell (multifd). */
  blackoutRamBytes: orNull,
  /** `migrate` to the first pass. */
  setupMs: orNull,
  /** The best bandwidth that QEMU measured, where max-bandwidth did not bound it, bytes/s. */
  linkBytesPerSecond: orNull,
  /** How fast pages of zeros went through, by one thread; null where they were too few to tell. */
  zeroPagesPerSecond: orNull.default(null),
  /** Guest RAM is shared memory; null if that was not asked. */
  sharedRam: z.boolean().nullable().default(null),
  /** What had been forecast of this migration, if it was. */
  forecast: foretold.nullable(),
});

export const historyEntry = z.discriminatedUnion('type', [forecastEntry, migrationEntry]);
export type HistoryEntry = z.output<typeof historyEntry>;
export type ForecastEntry = z.output<typeof forecastEntry>;
export type MigrationEntry = z.output<typeof migrationEntry>;
export type Foretold = z.output<typeof foretold>;
