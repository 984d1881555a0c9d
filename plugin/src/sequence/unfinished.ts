/**
 * What a run left behind that ended without its end: precopy was killed, or lost a monitor. Enough to
 * bring the migration to its end, from the journal's records alone. Pure.
 */
import type { VerifyResult } from '../audit/verify.js';
import type { JournalRecord, RecordOf } from '../journal/records.js';
import type { Phase } from './phase.js';
import type { Given } from './policy.js';
import type { MigrationSettings } from './settings.js';

/** The records that matter for that, of all that a run writes. */
const essential = ['start', 'before', 'goal', 'parameters', 'phase', 'effect', 'event', 'verify'];

export type EssentialRecord = RecordOf<
  'start' | 'before' | 'goal' | 'parameters' | 'phase' | 'effect' | 'event' | 'verify'
>;

export function isEssential(record: JournalRecord): record is EssentialRecord {
  return essential.includes(record.type);
}

export interface Unfinished {
  readonly phase: Phase;
  readonly guestRan: boolean;
  /** What to put back, by side. */
  readonly before: { readonly [side in 'source' | 'destination']?: MigrationSettings };
  /** Undefined: it had not been started. */
  readonly given: Given | undefined;
  /** The destination starts only when it is told to. */
  readonly destinationHeld: boolean;
  /** The source said postcopy-active. */
  readonly postcopy: boolean;
  /** The destination has run, or was told to. */
  readonly destinationStarted: boolean;
  /** What comparing its RAM gave, if it came to that. */
  readonly verify: VerifyResult | undefined;
  /** The channel as the source was told it. */
  readonly uri: string | undefined;
}

export function unfinished(records: readonly JournalRecord[]): Unfinished {
  let phase: Phase = 'preflight';
  let guestRan = false;
  const before: { [side in 'source' | 'destination']?: MigrationSettings } = {};
  let given: Given | undefined;
  let destinationHeld = false;
  let postcopy = false;
  let destinationStarted = false;
  let verify: VerifyResult | undefined;
  let uri: string | undefined;
  for (const record of records) {
    switch (record.type) {
      case 'phase':
        ({ phase } = record);
        break;
      case 'before':
        before[record.side] ??= record.settings;
        guestRan ||= record.guestRan;
        break;
      case 'goal':
        given = record;
        break;
      case 'effect':
        if (record.error !== undefined) break;
        if (record.side === 'source' && record.command === 'migrate') uri = uriOf(record.arguments);
        if (record.side === 'source') break;
        if (record.command === 'stop') destinationHeld = true;
        if (record.command === 'cont') {
          destinationHeld = false;
          destinationStarted = true;
        }
        break;
      case 'event':
        if (record.side === 'destination' && record.event === 'RESUME') destinationStarted = true;
        postcopy ||= JSON.stringify(record.data ?? {}).includes('"postcopy-active"');
        break;
      case 'verify':
        verify = record.result;
        break;
      default:
    }
  }
  return {
    phase,
    guestRan,
    before,
    given,
    destinationHeld,
    postcopy,
    destinationStarted,
    verify,
    uri,
  };
}

function uriOf(args: unknown): string | undefined {
  if (typeof args !== 'object' || args === null || !('uri' in args)) return undefined;
  return typeof args.uri === 'string' ? args.uri : undefined;
}
