/** What is known of the hosts and of the link between them when a guest is forecast. Pure. */
import type { LinkMeasurement } from '../link/measure.js';
import {
  accuracyFrom,
  calibrationFrom,
  linkFrom,
  type Accuracy,
  type Calibration,
  type Likeness,
} from './calibration.js';
import type { HistoryEntry } from './entries.js';

export interface Experience {
  /** From past migrations like the one that is to be forecast. */
  readonly calibration: Calibration | undefined;
  /** Of past forecasts on this host. */
  readonly accuracy: Accuracy | undefined;
  /** What the link took in past migrations, whatever guest they moved, bytes/s. */
  readonly pastLinkBytesPerSecond: number | undefined;
  /** Just measured. */
  readonly link: LinkMeasurement | undefined;
}

export function experienceOf(
  entries: readonly HistoryEntry[],
  likeness: Likeness,
  link: LinkMeasurement | undefined,
): Experience {
  return {
    calibration: calibrationFrom(entries, likeness),
    accuracy: accuracyFrom(entries, likeness.host),
    pastLinkBytesPerSecond: linkFrom(entries, likeness.host),
    link,
  };
}
