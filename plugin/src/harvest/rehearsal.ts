/** What `precopy rehearse` finds out; with `--json` it is printed as it stands (docs/rehearse.md). */
import type { CurvePoint } from '../forecast/curve.js';
import type { Forecast, Remedy } from '../forecast/forecast.js';
import type { ModelDevice, ModelParameters } from '../forecast/qemu-model.js';

/** Raised whenever a member changes its meaning or goes away. */
export const rehearsalVersion = 1;

/** What one source dirtied. */
export interface RehearsedSource {
  readonly name: string;
  readonly kind: 'cpu' | 'device';
  /** Every page at every read (dirty page scope `all`); nothing was harvested then. */
  readonly everything: boolean;
  /** D(t) as measured, by length of the window. */
  readonly points: readonly CurvePoint[];
  /** Distinct pages in one second; extrapolated if less was watched. */
  readonly pagesPerSecond: number;
  /** Distinct pages in the longest window. */
  readonly workingSetPages: number;
  readonly workingSetMs: number;
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
  } | null;
  readonly sources: readonly RehearsedSource[];
  readonly bandwidthBytesPerSecond: number;
  /** Whose figure that is. */
  readonly bandwidthFrom: 'option' | 'max-bandwidth';
  readonly parameters: ModelParameters;
  readonly devices: readonly ModelDevice[];
  readonly forecast: Forecast;
  readonly remedies: readonly Remedy[];
  /** With scope `all`: RAM that is not zero at that bandwidth; no limit makes the downtime shorter. Else null. */
  readonly downtimeFloorMs: number | null;
  /** What limits the figures above, beside forecast.warnings. */
  readonly caveats: readonly string[];
}
