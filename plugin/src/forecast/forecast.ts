/**
 * The forecast of a migration: the model of QEMU, run many times over what is uncertain.
 *
 * outcome/types     what goes in and comes out; plain data
 * outcome/samples   simulated migrations that differ in what is uncertain
 * outcome/summary   samples to ranges, and why
 * outcome/remedies  what would make it converge
 * outcome/table     the outcome over bandwidth and downtime limit
 * rehearsed         harvests to what goes in
 */
import { findRemedies } from './outcome/remedies.js';
import { simulateMany } from './outcome/samples.js';
import { summarise } from './outcome/summary.js';
import type { Forecast, ForecastInput, Remedy } from './outcome/types.js';

export { forecastTable, tableAround } from './outcome/table.js';
export { forecastVersion } from './outcome/types.js';
export type {
  Forecast,
  ForecastCell,
  ForecastInput,
  ForecastTable,
  Range,
  Remedy,
  UncertainCurve,
} from './outcome/types.js';

/** Says how a migration will go, from what is known now. The same input gives the same forecast. */
export function forecast(input: ForecastInput, warnings: readonly string[] = []): Forecast {
  return summarise(simulateMany(input), input, warnings);
}

/**
 * What would make a migration converge that does not: each change alone. Empty where it converges, and
 * where nothing helps.
 */
export function remediesFor(input: ForecastInput, outcome: Forecast): Remedy[] {
  return outcome.converges === 'yes' ? [] : findRemedies(input);
}
