import type { JournalRecord } from '../../journal/records.js';
import { MigrationText, verdictLine } from '../migration.js';
import type { Check } from './checks.js';
import { noEnd, type Run } from './run.js';

/** The run as it was shown, and what it is held to. */
export function textLines(run: Run, records: readonly JournalRecord[]): string[] {
  const migration = new MigrationText();
  const verify = records.findLast((record) => record.type === 'verify');
  return [
    ...(run.startedAt === undefined
      ? []
      : [`${run.command} of ${new Date(run.startedAt).toISOString()}`]),
    ...run.qemus.map(({ side, address, version }) => `${side}: ${address}, QEMU ${version}`),
    ...(run.goal ? [`policy: ${run.goal.policy}`] : []),
    '',
    ...records.flatMap((record) => migration.lines(record)),
    ...(run.failure === undefined ? [] : [run.failure]),
    ...run.caveats.map((caveat) => `note: ${caveat}`),
    ...(run.hasEnd ? [] : [`note: ${noEnd}`]),
    ...(verify ? [verdictLine(verify.result)] : []),
  ];
}

export function checkLines(checks: readonly Check[]): string[] {
  return checks.map(({ name, ok, detail }) => `${ok ? 'ok' : 'FAILED'}: ${name} (${detail})`);
}
