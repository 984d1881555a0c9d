/**
 * Reports of one run, from its journal's records.
 *
 * run     what the records tell, put together
 * checks  what it is held to
 * text, json, junit, tap, html   the forms
 */
import type { JournalRecord } from '../../journal/records.js';
import { toJson } from '../../journal/json.js';
import { checksOf, type Check, type Thresholds } from './checks.js';
import { htmlReport } from './html.js';
import { junitReport } from './junit.js';
import { runOf } from './run.js';
import { tapReport } from './tap.js';
import { checkLines, textLines } from './text.js';

export type { Check, Thresholds } from './checks.js';

export const reportFormats = ['text', 'json', 'junit', 'tap', 'html'] as const;
export type ReportFormat = (typeof reportFormats)[number];

export interface Report {
  readonly text: string;
  readonly checks: readonly Check[];
}

/**
 * @param notes what the reader of the journal met besides records
 */
export function reportOf(
  records: readonly JournalRecord[],
  format: ReportFormat,
  thresholds: Thresholds = {},
  notes: readonly string[] = [],
): Report {
  const run = runOf(records);
  const checks = checksOf(run, thresholds);
  const lines = (): string[] => [
    ...textLines(run, records),
    ...notes.map((note) => `note: ${note}`),
    ...checkLines(checks),
  ];
  switch (format) {
    case 'text':
      return { text: `${lines().join('\n')}\n`, checks };
    case 'json':
      return { text: `${toJson({ ...run, notes, checks })}\n`, checks };
    case 'junit':
      return { text: junitReport(run, checks, lines()), checks };
    case 'tap':
      return { text: tapReport(checks, lines()), checks };
    case 'html':
      return { text: htmlReport(run, checks, notes), checks };
  }
}
