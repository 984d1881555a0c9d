/** What a forecast says; plain data, for `--json` as it is. */
import type { DirtyCurve } from '../dirty.js';
import type { DowntimeLedger, LimitingTerm, ModelResult, SimulatedPolicy } from '../qemu-model.js';
import type { ModelInput } from '../qemu-model/simulate.js';

/** Raised whenever a member changes its meaning or goes away. */
export const forecastVersion = 1;

/** What is known before a migration. */
export interface ForecastInput extends Pick<
  ModelInput,
  'guest' | 'link' | 'parameters' | 'behaviour' | 'costs' | 'horizonMs'
> {
  /** How far measurements of the link's bandwidth scatter, as a relative standard deviation. Default 0. */
  readonly linkDeviation?: number | undefined;
  /** The same of the hosts' costs. Default 0. */
  readonly costDeviation?: number | undefined;
  /** The same of the rate at which pages of zeros go through. Default 0. */
  readonly zeroPageDeviation?: number | undefined;
  /** Who changes parameters meanwhile; called for each simulated migration. Default: nobody. */
  readonly policy?: (() => SimulatedPolicy) | undefined;
  /** Ask the policy also every so many ms; default: on passes alone. */
  readonly tickMs?: number | undefined;
  /** Simulated migrations; default 64. */
  readonly samples?: number | undefined;
  /** The same seed gives the same forecast; default 1. */
  readonly seed?: number | undefined;
}

/** A curve that knows how sure it is. One that does not is taken as exact. */
export interface UncertainCurve extends DirtyCurve {
  /** Relative standard deviation of single windows of this length. */
  spread?(windowMs: number): number;
  /** Relative standard error of D(t) itself. */
  uncertainty?(windowMs: number): number;
}

/** Of ten migrations, one is below p10 and one above p90. */
export interface Range {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

export interface Forecast {
  readonly version: typeof forecastVersion;
  /** `perhaps`: in some of the simulated migrations, in others not. */
  readonly converges: 'yes' | 'perhaps' | 'no';
  /** Part of the simulated migrations that converged within the horizon, 0 to 1. */
  readonly convergedShare: number;
  /** What blocks longest; null where nothing does. */
  readonly limitedBy: LimitingTerm | null;
  /** The same in a sentence, with figures. */
  readonly why: string;
  /** dirty-sync-count at the end. Of migrations that converged; null if none did, as all that follow. */
  readonly passes: Range | null;
  /** `migrate` to `completed`. */
  readonly totalMs: Range | null;
  readonly sentBytes: Range | null;
  /** STOP on the source to RESUME on the destination. */
  readonly downtimeMs: Range | null;
  readonly downtime: { readonly [term in keyof DowntimeLedger]: Range } | null;
  /** What QEMU will show as expected-downtime: RAM alone, at the limited bandwidth. */
  readonly qemuExpectedDowntimeMs: Range | null;
  /** auto-converge's throttle at the end, percent. */
  readonly throttlePercent: Range | null;
  readonly samples: number;
  readonly horizonMs: number;
  /** What the reader should know of the data behind this. */
  readonly warnings: readonly string[];
}

/** One change that would make a migration converge; each alone, all else as asked for. */
export type Remedy =
  /** The smallest max-bandwidth, within what the link takes. */
  | { readonly kind: 'max-bandwidth'; readonly bytesPerSecond: number }
  /** The smallest bandwidth of the link, max-bandwidth lifted. */
  | { readonly kind: 'link'; readonly bytesPerSecond: number }
  /** The smallest downtime-limit. */
  | { readonly kind: 'downtime-limit'; readonly ms: number }
  /** The smallest throttle of the vCPUs, taken to slow down their writes in proportion. */
  | { readonly kind: 'throttle'; readonly percent: number }
  /** Without what this source dirties. */
  | { readonly kind: 'stop-source'; readonly source: string }
  /** Without this device's state. */
  | { readonly kind: 'unplug-device'; readonly device: string };

/** The outcome with another bandwidth and limit. */
export interface ForecastCell {
  /** Of the link, and max-bandwidth. */
  readonly bytesPerSecond: number;
  readonly downtimeLimitMs: number;
  readonly convergedShare: number;
  /** Medians of the migrations that converged; null if none did. */
  readonly passes: number | null;
  readonly totalMs: number | null;
  readonly downtimeMs: number | null;
}

export interface ForecastTable {
  /** By bandwidth, then by limit, both ascending. */
  readonly cells: readonly ForecastCell[];
  /** For each bandwidth the smallest limit with which nine of ten converge; null if there is none. */
  readonly smallestLimits: readonly {
    readonly bytesPerSecond: number;
    readonly downtimeLimitMs: number | null;
  }[];
}

/** The simulated migrations behind a forecast. */
export type Samples = readonly ModelResult[];
