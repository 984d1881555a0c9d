import type { Forecast, Range } from '../forecast/forecast.js';
import { formatBytes, formatMs } from './format.js';

/** One figure of a forecast, as text. */
export interface OutcomeRow {
  readonly name: string;
  readonly median: string;
  /** p10 to p90. */
  readonly range: string;
}

/** How a migration is forecast to go; empty where no simulated migration converged. */
export function outcomeRows({ passes, totalMs, sentBytes, downtimeMs }: Forecast): OutcomeRow[] {
  if (!passes || !totalMs || !sentBytes || !downtimeMs) return [];
  return [
    outcomeRow('passes', passes, (value) => String(Math.round(value))),
    outcomeRow('total time', totalMs, formatMs),
    outcomeRow('sent', sentBytes, formatBytes),
    outcomeRow('downtime', downtimeMs, formatMs),
  ];
}

export function outcomeRow(
  name: string,
  { p10, p50, p90 }: Range,
  format: (value: number) => string,
): OutcomeRow {
  return { name, median: format(p50), range: `${format(p10)} - ${format(p90)}` };
}
