/** What `precopy rehearse` finds out; with `--json` it is printed as it stands (docs/rehearse.md). */
import type { CurvePoint, WorkloadPhase } from '../forecast/curve.js';
import type { Forecast, ForecastTable, Remedy } from '../forecast/forecast.js';
import type { Accuracy } from '../history/calibration.js';
import type { ModelDevice, ModelParameters } from '../forecast/qemu-model.js';
import type { Bandwidth } from './forecast-input.js';
import type { GuestCost } from './pace.js';
import type { ZeroPageRate } from './zero-page-rate.js';

/** Raised whenever a member changes its meaning or goes away. */
export const rehearsalVersion = 2;

/** What was dirtied, by somebody or somewhere. */
export interface DirtyFigures {
  /** D(t) as measured, by length of the window. */
  readonly points: readonly CurvePoint[];
  /** Distinct pages in one second; extrapolated if less was watched. */
  readonly pagesPerSecond: number;
  /** Distinct pages in the longest window. */
  readonly workingSetPages: number;
  readonly workingSetMs: number;
}

/** The same with a part for each RAM block in which anything was dirtied. */
export interface DirtyFiguresByBlock extends DirtyFigures {
  readonly blocks: readonly (DirtyFigures & { readonly name: string })[];
}

/** What one source dirtied. */
export interface RehearsedSource extends DirtyFiguresByBlock {
  readonly name: string;
  readonly kind: 'cpu' | 'device';
  /** The only device whose writes this source sees; null where there are more, or none is known. */
  readonly device: string | null;
  /** Every page at every read (dirty page scope `all`); nothing was harvested then. */
  readonly everything: boolean;
}

/** A stretch of time in which the workload was the same, and what a migration would be then. */
export interface RehearsedPhase extends WorkloadPhase {
  readonly forecast: Forecast;
}

/** Dirty pages of all sources by address and time. */
export interface RehearsedHeat {
  /** Guest-physical ranges, ascending; one without a hole is a single range. */
  readonly columns: readonly { readonly ranges: readonly GuestRange[] }[];
  /** ms since the first harvest began. */
  readonly rows: readonly {
    readonly startMs: number;
    readonly endMs: number;
    readonly harvests: number;
    /** Pages found dirty in each column, summed over the harvests; a page counts once a harvest. */
    readonly pages: readonly number[];
  }[];
}

/** Guest-physical addresses; without a vIOMMU those are IOVAs. */
export interface GuestRange {
  readonly first: bigint;
  readonly bytes: number;
}

export interface RehearsedHotRange extends GuestRange {
  /** RAM block; null where none is known. */
  readonly block: string | null;
  /** Dirty pages per harvest, as a part of the range's pages. */
  readonly dirtyShare: number;
  /** Of all that was dirtied, the part in this range. */
  readonly share: number;
}

export interface Rehearsal {
  readonly version: typeof rehearsalVersion;
  readonly address: string;
  /** QAPI `RunState`. */
  readonly guestStatus: string;
  readonly pageBytes: number;
  readonly ramBytes: number;
  /** Of these, bytes in pages of zeros, from a sample. */
  readonly zeroBytes: number;
  /** Null where nothing had to be harvested. */
  readonly watched: {
    readonly ms: number;
    readonly harvests: number;
    readonly intervalMs: number;
    /** Part of one core that precopy took. */
    readonly overheadShare: number;
    /** Part of the vCPUs' running time that it took; null where that can't be told. */
    readonly guestCost: GuestCost | null;
  } | null;
  readonly sources: readonly RehearsedSource[];
  /** All sources; a page that two dirtied counts once. Null where nothing was harvested. */
  readonly together: DirtyFiguresByBlock | null;
  readonly heat: RehearsedHeat | null;
  /** At most 32, the largest share first. */
  readonly hotRanges: readonly RehearsedHotRange[];
  /** In order; `forecast` is the last one's. Empty where nothing was harvested. */
  readonly phases: readonly RehearsedPhase[];
  /** D(t) of all sources in the last phase, window by window ascending; a page that two dirty counts twice. */
  readonly curve: readonly { readonly windowMs: number; readonly pages: number }[];
  /** Index of the phase that is hardest to migrate in; `remedies` and `table` are for that one. */
  readonly worstPhase: number;
  /** While the guest runs. */
  readonly bandwidthBytesPerSecond: number;
  /** Whose figure that is. */
  readonly bandwidthFrom: Bandwidth['from'];
  readonly blackoutBytesPerSecond: number;
  readonly blackoutFrom: Bandwidth['blackoutFrom'];
  /** How many pages of zeros go through a second, by one thread; and whose figure that is. */
  readonly zeroPagesPerSecond: number;
  readonly zeroPagesFrom: ZeroPageRate['from'];
  /** Past migrations that the costs come from; null where there are none, and the model's own stand for them. */
  readonly calibration: { readonly migrations: number; readonly destination: string | null } | null;
  /** How past forecasts on this host turned out; null if none did. */
  readonly accuracy: Accuracy | null;
  readonly parameters: ModelParameters;
  readonly devices: readonly ModelDevice[];
  readonly forecast: Forecast;
  readonly remedies: readonly Remedy[];
  readonly table: ForecastTable;
  /**
   * With scope `all`: what all RAM but its pages of zeros takes in the blackout; no limit makes the downtime
   * shorter. Else null. How long pages of zeros take is only estimated, and they pass while others wait for
   * the link: no floor can stand on them.
   */
  readonly downtimeFloorMs: number | null;
  /** What limits the figures above, beside forecast.warnings. */
  readonly caveats: readonly string[];
}
