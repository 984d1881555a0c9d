/**
 * What a run has come to so far, from its records as they come. Whoever brings its migration to the end
 * goes on from it: the same run over a new connection, the guardian of a run that was killed, --resume.
 * Pure.
 */
import { z } from 'zod';
import type { VerifyResult } from '../audit/verify.js';
import type { Journal } from '../journal/journal.js';
import type { JournalRecord, RecordOf, RecordType, Side } from '../journal/records.js';
import { DowntimeRecorder } from './downtime.js';
import { PhaseMachine, type Phase } from './phase.js';
import type { Given } from './policy.js';
import type { MigrationSettings } from './settings.js';
import { ViewBuilder } from './view.js';

/** What nobody needs who goes on: large, or said for people only. */
const forReaders: readonly RecordType[] = ['dirty', 'curve', 'heat', 'warning', 'lost'];

/** Whether a record says something that whoever goes on must know. */
export function matters({ type }: JournalRecord): boolean {
  return !forReaders.includes(type);
}

export interface Unfinished {
  readonly phase: Phase;
  readonly guestRan: boolean;
  /** What to put back, by side. */
  readonly before: { readonly [side in Side]?: MigrationSettings };
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
  /** When it was told so first, ms since the epoch. */
  readonly startedAtMs: number | undefined;
  /** QEMU has taken a cancel of ours. */
  readonly cancelling: boolean;
  /** Trace events of QEMU that were turned on, by side. */
  readonly traced: { readonly [side in Side]?: readonly string[] };
}

type Writable<T> = { -readonly [member in keyof T]: T[member] };

/** Takes all of a run's records that matter, and keeps what follows from them. */
export class RunSoFar {
  /** As a policy sees it: it must decide as if there had been one run. */
  readonly view = new ViewBuilder();
  readonly downtime = new DowntimeRecorder();
  readonly #unfinished: Writable<Unfinished> = {
    ...{ phase: 'preflight', guestRan: false, before: {}, given: undefined },
    ...{ destinationHeld: false, postcopy: false, destinationStarted: false },
    ...{ verify: undefined, uri: undefined, startedAtMs: undefined },
    ...{ cancelling: false, traced: {} },
  };

  static of(records: Iterable<JournalRecord>): RunSoFar {
    const run = new RunSoFar();
    for (const record of records) run.take(record);
    return run;
  }

  /** Takes each record that the journal gets from now on. */
  follow(journal: Journal): this {
    journal.subscribe((record) => {
      this.take(record);
    });
    return this;
  }

  get unfinished(): Unfinished {
    return this.#unfinished;
  }

  /** There is something to put back. */
  get hasChanged(): boolean {
    return Object.keys(this.#unfinished.before).length > 0;
  }

  /** Something was changed, and no end was reached: somebody has to go on. */
  get isUnfinished(): boolean {
    return this.hasChanged && !new PhaseMachine(this.#unfinished.phase).ended;
  }

  take(record: JournalRecord): void {
    this.view.apply(record);
    this.downtime.take(record);
    const found = this.#unfinished;
    switch (record.type) {
      case 'phase':
        found.phase = record.phase;
        break;
      case 'before':
        found.before = { [record.side]: record.settings, ...found.before };
        found.guestRan ||= record.guestRan;
        break;
      case 'goal':
        found.given = record;
        break;
      case 'effect':
        if (record.error === undefined) this.#takeEffect(record);
        break;
      case 'event':
        if (record.side === 'destination' && record.event === 'RESUME') {
          found.destinationStarted = true;
        }
        found.postcopy ||= JSON.stringify(record.data ?? {}).includes('"postcopy-active"');
        break;
      case 'verify':
        found.verify = record.result;
        break;
      default:
    }
  }

  #takeEffect({ side, command, arguments: args, at }: RecordOf<'effect'>): void {
    const found = this.#unfinished;
    if (command === 'trace-event-set-state') this.#takeTracing(side, args);
    if (side === 'source') {
      found.cancelling ||= command === 'migrate_cancel';
      if (command !== 'migrate') return;
      found.uri = uriOf(args);
      found.startedAtMs ??= at;
      return;
    }
    if (command === 'stop') found.destinationHeld = true;
    if (command === 'cont') {
      found.destinationHeld = false;
      found.destinationStarted = true;
    }
  }

  #takeTracing(side: Side, args: unknown): void {
    const { success, data } = tracing.safeParse(args);
    if (!success) return;
    const { traced } = this.#unfinished;
    const others = (traced[side] ?? []).filter((name) => name !== data.name);
    this.#unfinished.traced = {
      ...traced,
      [side]: data.enable ? [...others, data.name] : others,
    };
  }
}

/** What `trace-event-set-state` is told. */
const tracing = z.object({ name: z.string(), enable: z.boolean() });

function uriOf(args: unknown): string | undefined {
  if (typeof args !== 'object' || args === null || !('uri' in args)) return undefined;
  return typeof args.uri === 'string' ? args.uri : undefined;
}
