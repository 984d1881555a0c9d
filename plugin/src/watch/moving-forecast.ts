import type { CurveBuilder } from '../forecast/curve.js';
import { forecast, type ForecastInput } from '../forecast/forecast.js';
import { curveOfRates, type RateReading } from '../forecast/rate-curve.js';
import { rehearsed } from '../forecast/rehearsed.js';
import type { DirtySource } from '../forecast/qemu-model.js';
import { cpuName } from '../harvest/soft-dirty-source.js';
import type { WatchedForecast } from './records.js';

/** Harvests that are this old say nothing of now. */
const memoryMs = 60_000;
/** Fewer harvests than this are no curve. */
const leastHarvests = 5;
/** Of the simulated migrations behind each forecast: fewer than for a rehearsal, as another one follows. */
const samples = 16;

/** What was dirtied lately. */
export interface Recent {
  readonly sources: readonly DirtySource[];
  /** Since when it counts, ms before now. */
  readonly fromLastMs: number;
}

export interface MovingForecastOptions {
  /** Undefined before there is a curve. @param nowMs end of what was seen */
  readonly recent: (nowMs: number) => Recent | undefined;
  /** The input with these sources. */
  readonly inputOf: (sources: readonly DirtySource[]) => ForecastInput;
  /** Part of one core that forecasts may take. */
  readonly overheadShare: number;
  /** CPU time of this process, ms. */
  readonly cpuMs: () => number;
}

/** The forecast as it moves: made anew as often as it may cost. */
export class MovingForecast {
  readonly #options: MovingForecastOptions;
  #last: WatchedForecast | null = null;
  #dueMs = 0;

  constructor(options: MovingForecastOptions) {
    this.#options = options;
  }

  /** @param nowMs end of the last harvest */
  at(nowMs: number): WatchedForecast | null {
    const { recent, inputOf, overheadShare, cpuMs } = this.#options;
    if (nowMs < this.#dueMs) return this.#last;
    const before = cpuMs();
    const seen = recent(nowMs);
    if (seen === undefined) return this.#last;
    const outcome = forecast({ ...inputOf(seen.sources), samples });
    this.#dueMs = nowMs + (cpuMs() - before) / overheadShare;
    this.#last = {
      converges: outcome.converges,
      convergedShare: outcome.convergedShare,
      limitedBy: outcome.limitedBy,
      passes: outcome.passes,
      totalMs: outcome.totalMs,
      downtimeMs: outcome.downtimeMs,
      qemuExpectedDowntimeMs: outcome.qemuExpectedDowntimeMs,
      fromLastMs: seen.fromLastMs,
    };
    return this.#last;
  }
}

/** Drops readings that say nothing of now. @param readings oldest first */
export function forgetOld(readings: RateReading[], nowMs: number): void {
  while ((readings[0]?.startMs ?? nowMs) < nowMs - memoryMs) readings.shift();
}

/**
 * What rates of the last minute say; see {@link forgetOld}.
 *
 * @param readings grows while it is watched
 * @param ramPages no window can have more
 */
export function recentReadings(
  readings: readonly RateReading[],
  ramPages: number,
): (nowMs: number) => Recent | undefined {
  return (nowMs) => {
    const [oldest] = readings;
    if (oldest === undefined || readings.length < leastHarvests) return undefined;
    const curve = curveOfRates(readings, ramPages);
    if (curve === undefined) return undefined;
    return {
      sources: [{ name: cpuName, kind: 'cpu', curve }],
      fromLastMs: nowMs - oldest.startMs,
    };
  };
}

/** What harvests of the last minute say, or of the workload's last phase if that is shorter. */
export function recentHarvests(
  builder: CurveBuilder,
  kinds: ReadonlyMap<string, DirtySource['kind']>,
): (nowMs: number) => Recent | undefined {
  return (nowMs) => {
    if (builder.harvests < leastHarvests) return undefined;
    const phaseMs = builder.phases().at(-1)?.startMs ?? 0;
    const startMs = Math.max(nowMs - memoryMs, phaseMs);
    const { sources } = rehearsed(builder, kinds, undefined, { startMs });
    return { sources, fromLastMs: nowMs - startMs };
  };
}
