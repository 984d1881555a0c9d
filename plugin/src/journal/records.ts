/**
 * The records of a journal: everything that precopy observed, decided and did, in order. What shows,
 * reports or replays a run reads these and nothing else. A journal file has one record a line as JSON
 * (docs/journal.md); schema.ts checks them when they are read.
 */
import type { VerifyResult } from '../audit/verify.js';
import type { CurvePoint, HeatMap } from '../forecast/curve.js';
import type { Parameters } from '../sequence/control.js';
import type { PassEntry } from '../sequence/passes.js';
import type { MigrationSample } from '../sequence/passes.js';
import type { MigrationSettings } from '../sequence/settings.js';
import type { Phase } from '../sequence/phase.js';
import type { Action, Given, Request } from '../sequence/policy.js';
import type { MigrationResult } from './result.js';

export type * from './result.js';

/**
 * Raised when a record changes its meaning: a reader of another version refuses the journal. A new
 * type of record, or a new member, raises `minor` only: an older reader skips what it does not know.
 */
export const journalVersion = { version: 1, minor: 0 } as const;

export type Side = 'source' | 'destination';

/** Who writes a journal. */
export interface JournalWriter {
  readonly version: number;
  readonly minor: number;
  readonly pid: number;
  /** /proc/sys/kernel/random/boot_id: `monotonicMs` of two boots can't be compared. */
  readonly boot: string | undefined;
}

export type JournalEntry =
  /** The first record of a journal; `id` is the same in all its segments. */
  | ({ type: 'start'; id: string; command: string; arguments: unknown } & JournalWriter)
  /** The first record of a later segment (from 1). */
  | ({ type: 'segment'; id: string; index: number } & JournalWriter)
  /** Another process goes on with this journal. `repairedBytes`: a torn last line, which was cut off. */
  | ({
      type: 'resumed';
      id: string;
      command: string;
      arguments: unknown;
      repairedBytes: number;
    } & JournalWriter)
  /** The writer ended in order. Where it is missing, it was killed, still writes, or left its migration to another. */
  | { type: 'end' }
  /** The wall clock was set, or the host slept, since the record before; `at` of later records includes it. */
  | { type: 'clock'; jumpMs: number }
  /** Records that could neither be written nor kept. */
  | { type: 'lost'; records: number; why: string }
  /** A QEMU that takes part. `sameHost`: its clock is ours. */
  | { type: 'qemu'; side: Side; address: string; version: string; sameHost: boolean }
  | { type: 'phase'; phase: Phase; why: string }
  /** How a QEMU was set before precopy changed it, and whether the guest ran. Written before the change. */
  | { type: 'before'; side: Side; guestRan: boolean; settings: MigrationSettings }
  /** A command that changes something, and how it ended. */
  | {
      type: 'effect';
      side: Side;
      command: string;
      arguments?: unknown;
      error?: string | undefined;
      /** From sending it to QEMU's answer. */
      ms?: number | undefined;
    }
  /** A QMP event; `qemuUs` is QEMU's own time stamp, microseconds since the epoch. */
  | { type: 'event'; side: Side; event: string; data?: unknown; qemuUs: number | undefined }
  /** A line of QEMU's log: a `vmstate_downtime_*` trace event. `qemuUs`: with `-msg timestamp=on` only. */
  | { type: 'trace'; side: Side; event: string; text: string; qemuUs: number | undefined }
  | PassEntry
  /** What the migration is to reach, and who decides. */
  | ({ type: 'goal' } & Given)
  /** The parameters in force from here on. */
  | { type: 'parameters'; parameters: Parameters }
  /** What QEMU said between two passes, when a policy was asked. */
  | { type: 'observation'; sample: MigrationSample }
  /** What a person asked for at the shell. */
  | { type: 'request'; request: Request }
  /** What a policy decided and why; a repeated `wait` for the same reason is not recorded again. */
  | { type: 'decision'; policy: string; action: Action; reason: string }
  /** Distinct pages that a source dirtied between two moments (CLOCK_MONOTONIC, ms). */
  | { type: 'dirty'; startMs: number; endMs: number; pages: Readonly<Record<string, number>> }
  /** D(t) of each source as measured so far; a later one replaces it. */
  | {
      type: 'curve';
      pageBytes: number;
      curves: Readonly<Record<string, readonly CurvePoint[]>>;
    }
  /** Dirty pages by address and time so far; a later one replaces it. */
  | { type: 'heat'; heat: HeatRecord }
  | { type: 'warning'; message: string }
  | { type: 'verify'; result: VerifyResult; ms: number }
  | { type: 'result'; result: MigrationResult };

/** A heat map as forecast/curve.ts makes it, with plain arrays. */
export interface HeatRecord {
  readonly pageBytes: number;
  /** Page ranges of each column, ascending. */
  readonly columns: HeatMap['columns'];
  readonly rows: readonly {
    readonly startMs: number;
    readonly endMs: number;
    readonly harvests: number;
    /** Pages found dirty in each column, summed over the row's harvests. */
    readonly pages: readonly number[];
  }[];
}

/** When a record was written. */
export interface RecordTime {
  /** ms since the epoch by our wall clock, which can jump. */
  at: number;
  /** ms of CLOCK_MONOTONIC: the same for all processes of a host until it boots again. */
  monotonicMs: number;
}

export type JournalRecord = JournalEntry & RecordTime;
export type RecordType = JournalEntry['type'];
/** A record of one type. */
export type RecordOf<T extends RecordType> = Extract<JournalEntry, { type: T }> & RecordTime;
