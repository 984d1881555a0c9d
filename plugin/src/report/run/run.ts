/** What a journal tells of one migration, put together for all forms of report. Pure. */
import type { CurvePoint } from '../../forecast/curve.js';
import { beginsMigration } from '../../journal/begins-migration.js';
import type {
  HeatRecord,
  JournalRecord,
  MigrationResult,
  RecordOf,
} from '../../journal/records.js';
import type { VerifyResult } from '../../audit/verify.js';

export interface Run {
  readonly command: string;
  /** ms since the epoch; undefined if nothing was journalled. */
  readonly startedAt: number | undefined;
  readonly qemus: readonly RecordOf<'qemu'>[];
  readonly goal: RecordOf<'goal'> | undefined;
  readonly phases: readonly Timed<RecordOf<'phase'>>[];
  readonly passes: readonly Timed<RecordOf<'pass'>>[];
  readonly decisions: readonly Timed<RecordOf<'decision'>>[];
  readonly warnings: readonly string[];
  readonly verify: VerifyResult | undefined;
  readonly result: MigrationResult | undefined;
  /** Why it did not complete, where it did not. */
  readonly failure: string | undefined;
  /** What each harvest of a rehearsal found. */
  readonly dirty: readonly RecordOf<'dirty'>[];
  readonly curve: RecordOf<'curve'> | undefined;
  readonly heat: HeatRecord | undefined;
  /** Whether the writer ended in order; if not it was killed, left its migration, or still writes. */
  readonly hasEnd: boolean;
  /** How often the writer's clock was set, and lost records: what limits the figures. */
  readonly caveats: readonly string[];
}

/** A record with ms since `migrate` was sent (libvirt's: since virsh was started), by the monotonic clock. */
export type Timed<T> = T & { readonly sinceMs: number };

export type CurvePoints = readonly CurvePoint[];

/** What a report notes where `hasEnd` is false. */
export const noEnd =
  'The journal has no end: precopy was killed, lost sight of the migration, or still writes it.';

export function runOf(records: readonly JournalRecord[]): Run {
  const begun = records.find(beginsMigration);
  const first = records[0];
  const zeroMs = (begun ?? first)?.monotonicMs ?? 0;
  const timed = <T extends JournalRecord>(record: T): Timed<T> => ({
    ...record,
    sinceMs: record.monotonicMs - zeroMs,
  });
  const all = <T extends JournalRecord['type']>(type: T): RecordOf<T>[] =>
    records.filter((record): record is RecordOf<T> => record.type === type);
  const phases = all('phase').map(timed);
  const last = phases.at(-1);
  const failed = last?.phase === 'failed' || last?.phase === 'cancelled';
  return {
    command: all('start')[0]?.command ?? 'migrate',
    startedAt: first?.at,
    qemus: all('qemu'),
    goal: all('goal').at(-1),
    phases,
    passes: all('pass').map(timed),
    decisions: all('decision').map(timed),
    warnings: all('warning').map(({ message }) => message),
    verify: all('verify').at(-1)?.result,
    result: all('result').at(-1)?.result,
    failure: failed ? `${last.phase}: ${last.why}` : undefined,
    dirty: all('dirty'),
    curve: all('curve').at(-1),
    heat: all('heat').at(-1)?.heat,
    // A run that was refused before its first record was not killed.
    hasEnd: first === undefined || records.at(-1)?.type === 'end',
    caveats: caveatsOf(records),
  };
}

function caveatsOf(records: readonly JournalRecord[]): string[] {
  const caveats: string[] = [];
  for (const record of records) {
    if (record.type === 'clock') {
      caveats.push(
        `The clock was set by ${record.jumpMs} ms during the run (or the host slept); durations are by the monotonic clock.`,
      );
    }
    if (record.type === 'lost') caveats.push(`${record.records} records are lost: ${record.why}.`);
    if (record.type === 'resumed') {
      caveats.push(
        `Another process (pid ${record.pid}) went on with this journal${record.repairedBytes > 0 ? `, after a torn line of ${record.repairedBytes} bytes` : ''}.`,
      );
    }
  }
  return caveats;
}
