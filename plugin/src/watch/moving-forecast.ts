import type { CurveBuilder } from '../forecast/curve.js';
import { forecast, type ForecastInput } from '../forecast/forecast.js';
import { rehearsed } from '../forecast/rehearsed.js';
import type { DirtySource } from '../forecast/qemu-model.js';
import type { WatchedForecast } from './records.js';

/** Harvests that are this old say nothing of now. */
const memoryMs = 60_000;
/** Fewer harvests than this are no curve. */
const leastHarvests = 5;
/** Of the simulated migrations behind each forecast: fewer than for a rehearsal, as another one follows. */
const samples = 16;

export interface MovingForecastOptions {
  readonly builder: CurveBuilder;
  readonly kinds: ReadonlyMap<string, DirtySource['kind']>;
  /** The input with these sources. */
  readonly inputOf: (sources: readonly DirtySource[]) => ForecastInput;
  /** What the first round of a migration takes. */
  readonly firstRoundMs: number;
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
    const { builder, overheadShare, cpuMs } = this.#options;
    if (nowMs < this.#dueMs || builder.harvests < leastHarvests) return this.#last;
    const before = cpuMs();
    this.#last = this.#make(nowMs);
    this.#dueMs = nowMs + (cpuMs() - before) / overheadShare;
    return this.#last;
  }

  #make(nowMs: number): WatchedForecast {
    const { builder, kinds, inputOf, firstRoundMs } = this.#options;
    // What was before the last change of the workload is over.
    const phaseMs = builder.phases().at(-1)?.startMs ?? 0;
    const startMs = Math.max(nowMs - memoryMs, phaseMs);
    const { sources } = rehearsed(builder, kinds, firstRoundMs, { startMs });
    const outcome = forecast({ ...inputOf(sources), samples });
    return {
      converges: outcome.converges,
      convergedShare: outcome.convergedShare,
      limitedBy: outcome.limitedBy,
      passes: outcome.passes,
      totalMs: outcome.totalMs,
      downtimeMs: outcome.downtimeMs,
      qemuExpectedDowntimeMs: outcome.qemuExpectedDowntimeMs,
      fromLastMs: nowMs - startMs,
    };
  }
}
