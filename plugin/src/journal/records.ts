/**
 * The records of a journal: everything that precopy observed, decided and did in one run, in order.
 * What shows, reports or replays a run reads these and nothing else. A journal file has one record a
 * line as JSON; its first record is `start`.
 */
import type { VerifyResult } from '../audit/verify.js';
import type { Parameters } from '../sequence/control.js';
import type { MigrationSample, PassKind } from '../sequence/passes.js';
import type { Phase } from '../sequence/phase.js';
import type { Action, Given, Request } from '../sequence/policy.js';

export const journalVersion = 1;

export type Side = 'source' | 'destination';

export type JournalEntry =
  | { type: 'start'; version: typeof journalVersion; command: string; arguments: unknown }
  | { type: 'phase'; phase: Phase; why: string }
  /** A command that changes something, and how it ended. */
  | { type: 'effect'; side: Side; command: string; arguments?: unknown; error?: string }
  /** A QMP event; `qemuUs` is QEMU's own time stamp, microseconds since the epoch. */
  | { type: 'event'; side: Side; event: string; data: unknown; qemuUs: number | undefined }
  /**
   * The passes `first`...`pass` (more than one when they came faster than QEMU can be asked). `late`:
   * QEMU answered only when all was over, so `sample` tells the end and not how this pass stood.
   */
  | {
      type: 'pass';
      first: number;
      pass: number;
      kind: PassKind;
      sample: MigrationSample;
      late: boolean;
    }
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
  | { type: 'warning'; message: string }
  | { type: 'verify'; result: VerifyResult; ms: number }
  | { type: 'result'; result: MigrationResult };

/** A record: an entry and when it was written, ms since the epoch by our clock. */
export type JournalRecord = JournalEntry & { at: number };

/** How a migration ended. Times in ms. */
export interface MigrationResult {
  outcome: 'completed' | 'failed' | 'cancelled';
  /** `migrate` sent to the source's MIGRATION `completed`. */
  totalMs: number;
  passes: number;
  transferredBytes: number;
  downtime: MeasuredDowntime | undefined;
  /** QEMU's own `downtime`, as the source reports it. */
  qemuDowntimeMs: number | undefined;
  /** QEMU's last `expected-downtime` before the guest stopped. */
  expectedDowntimeMs: number | undefined;
}

/** The time for which the guest ran nowhere, from QEMU's own time stamps of both sides' events. */
export interface MeasuredDowntime {
  /** STOP on the source to RESUME on the destination, less `heldMs`. */
  ms: number;
  /** Part of it: STOP to everything loaded; known only where the destination was held. */
  loadedMs: number | undefined;
  /** Part of it: `cont` to RESUME; known only where the destination was held. */
  startMs: number | undefined;
  /** The destination was held stopped this long for verify; not part of `ms`. */
  heldMs: number;
}
