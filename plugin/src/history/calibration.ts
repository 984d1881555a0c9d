/** What past migrations say of the next one. Pure. */
import { quantile } from '../forecast/curve/estimate.js';
import { defaultCosts, type ModelCosts } from '../forecast/qemu-model.js';
import type { About } from './recorder.js';
import type { Foretold, HistoryEntry, MigrationEntry } from './entries.js';

/** Costs and bandwidths as measured by migrations like the one that is to be forecast. */
export interface Calibration {
  /** How many migrations it is made of. */
  readonly migrations: number;
  /** Where they went; the latest one's where they differ. */
  readonly destination: string | null;
  readonly costs: Pick<ModelCosts, 'setupMs' | 'saveMs' | 'loadMs'>;
  /** How far single migrations lie from `costs`, as a relative standard deviation. */
  readonly costDeviation: number;
  /** In the blackout, bytes/s; undefined where what was sent in it did not differ enough to tell. */
  readonly switchoverBytesPerSecond: number | undefined;
  /** In precopy, where no max-bandwidth bound it; undefined if it always did. */
  readonly linkBytesPerSecond: number | undefined;
  /** Pages of zeros that went through, a second; undefined where there were too few to tell. */
  readonly zeroPagesPerSecond: number | undefined;
  /** How far single migrations lie from that, as a relative standard deviation. */
  readonly zeroPageDeviation: number;
}

/** The guest that is to be forecast. */
export interface Likeness extends Pick<About, 'host' | 'qemu'> {
  readonly ramBytes: number;
  readonly vfio: boolean;
  /** Its RAM is shared memory. */
  readonly sharedRam: boolean;
}

/** Older ones say more of what the hosts were than of what they are. */
const migrationsUsed = 20;
/** Guests whose RAM differs by more than this take another time to synchronise. */
const ramFactor = 4;
/** Of fewer than three values nobody knows how far they scatter: within a factor of two, mostly. */
const unknownDeviation = 0.5;
/** Two blackouts must differ by this much for their difference to tell a bandwidth. */
const leastDifferenceBytes = 4 * 2 ** 20;

/** @returns undefined if no migration like that is remembered */
export function calibrationFrom(
  entries: readonly HistoryEntry[],
  { host, qemu, ramBytes, vfio, sharedRam }: Likeness,
): Calibration | undefined {
  const alike = entries.filter(
    (entry): entry is MigrationEntry =>
      entry.type === 'migration' &&
      entry.completed &&
      entry.downtimeMs !== null &&
      entry.host === host &&
      entry.qemu === qemu &&
      entry.vfio === vfio &&
      entry.ramBytes <= ramFactor * ramBytes &&
      ramBytes <= ramFactor * entry.ramBytes,
  );
  const destination = alike.at(-1)?.destination ?? null;
  const used = alike.filter((entry) => entry.destination === destination).slice(-migrationsUsed);
  if (used.length === 0) return undefined;

  const blackouts = used.flatMap(({ blackoutRamBytes, downtimeMs }) =>
    blackoutRamBytes === null || downtimeMs === null
      ? []
      : [{ bytes: blackoutRamBytes, ms: downtimeMs }],
  );
  const msPerByte = slopeOf(blackouts);
  const links = used.flatMap(({ linkBytesPerSecond }) => linkBytesPerSecond ?? []);
  const linkBytesPerSecond = links.length === 0 ? undefined : median(links);
  const perByte = msPerByte ?? (linkBytesPerSecond === undefined ? 0 : 1000 / linkBytesPerSecond);
  // Multifd does not tell its bytes: there the downtime is taken whole.
  const withoutRam = blackouts.map(({ bytes, ms }) => Math.max(0, ms - bytes * perByte));
  const rests =
    withoutRam.length > 0 ? withoutRam : used.flatMap(({ downtimeMs }) => downtimeMs ?? []);
  const restMs = Math.max(0, median(rests) - defaultCosts.syncMs);
  const setups = used.flatMap(({ setupMs }) => setupMs ?? []);
  const zeroRates = used.flatMap((entry) =>
    entry.sharedRam === sharedRam ? (entry.zeroPagesPerSecond ?? []) : [],
  );
  return {
    migrations: used.length,
    destination,
    // From outside, saving and loading can't be told apart: one term holds both.
    costs: {
      setupMs: setups.length === 0 ? defaultCosts.setupMs : median(setups),
      saveMs: restMs,
      loadMs: 0,
    },
    costDeviation: deviationOf(rests),
    switchoverBytesPerSecond: msPerByte === undefined ? undefined : 1000 / msPerByte,
    linkBytesPerSecond,
    zeroPagesPerSecond: zeroRates.length === 0 ? undefined : median(zeroRates),
    zeroPageDeviation: deviationOf(zeroRates),
  };
}

/**
 * What the link took in migrations from this host, in precopy and where no max-bandwidth bound it: to the
 * host where the latest of them went, completed or not, and whatever guest they moved.
 *
 * @returns bytes/s; undefined if no migration tells it
 */
export function linkFrom(entries: readonly HistoryEntry[], host: string): number | undefined {
  const telling = entries.flatMap((entry) =>
    entry.type === 'migration' && entry.host === host && entry.linkBytesPerSecond !== null
      ? [{ to: entry.destination, bytesPerSecond: entry.linkBytesPerSecond }]
      : [],
  );
  const to = telling.at(-1)?.to;
  const used = telling.filter((entry) => entry.to === to).slice(-migrationsUsed);
  return used.length === 0 ? undefined : median(used.map(({ bytesPerSecond }) => bytesPerSecond));
}

/** Theil and Sen's: the median of the slopes between any two points, which a few outliers don't move. */
function slopeOf(
  points: readonly { readonly bytes: number; readonly ms: number }[],
): number | undefined {
  const slopes = points.flatMap((one, i) =>
    points
      .slice(i + 1)
      .filter((other) => Math.abs(other.bytes - one.bytes) >= leastDifferenceBytes)
      .map((other) => (other.ms - one.ms) / (other.bytes - one.bytes)),
  );
  const slope = slopes.length === 0 ? 0 : median(slopes);
  return slope > 0 ? slope : undefined;
}

/** The median distance from the median, as the standard deviation that it is of a normal distribution. */
function deviationOf(values: readonly number[]): number {
  if (values.length < 3) return unknownDeviation;
  const middle = median(values);
  if (middle <= 0) return unknownDeviation;
  return (1.4826 * median(values.map((value) => Math.abs(value - middle)))) / middle;
}

/**
 * How past forecasts on this host compare with what happened. A forecast is of what QEMU does by itself, so
 * only migrations under the policy `qemu` count.
 */
export interface Accuracy {
  readonly forecasts: number;
  /** Convergence called right; `perhaps` is right either way. */
  readonly right: number;
  /** Medians of forecast / actual - 1, in percent; null if none completed. */
  readonly totalErrorPercent: number | null;
  readonly downtimeErrorPercent: number | null;
}

const forecastsJudged = 5;

/** Who cancels early does not learn whether it would have converged. */
function tellsConvergence(
  { completed, totalMs }: MigrationEntry,
  { totalMs: foretold }: Foretold,
): boolean {
  return completed || foretold === null || totalMs > 1.5 * foretold;
}

/** @returns undefined if no migration on this host had been forecast */
export function accuracyFrom(entries: readonly HistoryEntry[], host: string): Accuracy | undefined {
  const judged = entries
    .flatMap((entry) =>
      entry.type === 'migration' &&
      entry.host === host &&
      entry.policy === 'qemu' &&
      entry.forecast &&
      tellsConvergence(entry, entry.forecast)
        ? [{ ...entry, forecast: entry.forecast }]
        : [],
    )
    .slice(-forecastsJudged);
  if (judged.length === 0) return undefined;
  const errors = (
    of: (entry: (typeof judged)[number]) => readonly [number | null, number | null],
  ) =>
    judged.flatMap((entry) => {
      const [foretold, actual] = of(entry);
      return !entry.completed || foretold === null || actual === null || actual === 0
        ? []
        : [100 * (foretold / actual - 1)];
    });
  const medianOrNull = (values: readonly number[]): number | null =>
    values.length === 0 ? null : median(values);
  return {
    forecasts: judged.length,
    right: judged.filter(
      ({ forecast, completed }) =>
        forecast.converges === 'perhaps' || (forecast.converges === 'yes') === completed,
    ).length,
    totalErrorPercent: medianOrNull(errors((e) => [e.forecast.totalMs, e.totalMs])),
    downtimeErrorPercent: medianOrNull(errors((e) => [e.forecast.downtimeMs, e.downtimeMs])),
  };
}

function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
