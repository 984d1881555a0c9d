import { z } from 'zod';
import { messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { JournalRecord } from '../journal/records.js';
import { pause } from '../pause.js';
import { classifyPass, type MigrationSample, type PassContext } from './passes.js';
import { sampleOf, type MigrationInfo } from './qemu-replies.js';
import { whyNotSwitchedOver } from './why-not.js';

/** Passes that are recorded together. The blackout's is never mixed with those before it. */
interface PassGroup {
  first: number;
  last: number;
  sourceStopped: boolean;
  qemuUs: number | undefined;
  lastQemuUs: number | undefined;
  gapsUs: number[];
}

/** Samples that may follow each other at once, and how many a second after that. */
const burstSamples = 20;
const samplesPerSecond = 10;

/** `data` of VFIO_MIGRATION. */
export const vfioMigrationData = z.object({
  'device-id': z.string(),
  'qom-path': z.string(),
  'device-state': z.string(),
});

/**
 * Turns MIGRATION_PASS events into pass records. One `query-migrate` is under way at a time, and in a
 * flood (QEMU can emit 2,000 passes a second) ten a second at most, about one for each of QEMU's own
 * bandwidth windows; the passes in between share the next one, and their record says so.
 */
export class PassFollower implements Disposable {
  readonly #query: () => Promise<MigrationInfo>;
  readonly #context: () => PassContext;
  readonly #journal: Journal;
  readonly #budget = new SampleBudget();
  #waiting: PassGroup[] = [];
  #working: Promise<void> | undefined;
  #hurry = new AbortController();
  #previous: MigrationSample | undefined;
  #passes = 0;
  #deviceStates: Readonly<Record<string, string>> | undefined;

  constructor(query: () => Promise<MigrationInfo>, context: () => PassContext, journal: Journal) {
    this.#query = query;
    this.#context = context;
    this.#journal = journal;
    journal.subscribe(this.#noteDevice);
  }

  /** How many passes QEMU announced. */
  get passes(): number {
    return this.#passes;
  }

  /** The last sample taken while the guest ran. */
  get lastSample(): MigrationSample | undefined {
    return this.#previous;
  }

  /** Takes note of a MIGRATION_PASS event. @param qemuUs QEMU's time stamp of it, µs since the epoch */
  pass(pass: number, sourceStopped: boolean, qemuUs: number | undefined): void {
    this.#passes = pass;
    const last = this.#waiting.at(-1);
    if (last?.sourceStopped === sourceStopped) {
      last.gapsUs.push((qemuUs ?? 0) - (last.lastQemuUs ?? 0));
      last.last = pass;
      last.lastQemuUs = qemuUs;
    } else {
      this.#waiting.push({
        first: pass,
        last: pass,
        sourceStopped,
        qemuUs,
        lastQemuUs: qemuUs,
        gapsUs: [],
      });
    }
    if (sourceStopped) this.#hurry.abort();
    this.#working ??= this.#work();
  }

  /** Resolves when every announced pass is in the journal. */
  async settled(): Promise<void> {
    this.#hurry.abort();
    await this.#working;
  }

  [Symbol.dispose](): void {
    this.#journal.unsubscribe(this.#noteDevice);
  }

  readonly #noteDevice = (record: JournalRecord): void => {
    if (record.type !== 'event' || record.side !== 'source') return;
    if (record.event !== 'VFIO_MIGRATION') return;
    const { success, data } = vfioMigrationData.safeParse(record.data);
    if (!success) return;
    this.#deviceStates = { ...this.#deviceStates, [data['qom-path']]: data['device-state'] };
  };

  async #work(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.#budget.turn(this.#hurry.signal);
        const groups = this.#waiting;
        this.#waiting = [];
        const sample = await this.#sample(groups);
        // QEMU answers nothing in the blackout: what it says afterwards is of the end, not of the pass.
        const late = this.#context().sourceStopped;
        if (sample) for (const group of groups) this.#record(group, sample, late);
      }
    } finally {
      this.#working = undefined;
      this.#hurry = new AbortController();
    }
  }

  /** What QEMU says now; if it says nothing, which passes go without is journalled. */
  async #sample(groups: readonly PassGroup[]): Promise<MigrationSample | undefined> {
    let why: string;
    try {
      const info = await this.#query();
      const sample = sampleOf(info);
      if (sample) return sample;
      // It has ended, and QEMU keeps figures of a completed one only.
      why = `query-migrate has no figures any more, status ${info.status ?? 'none'}`;
    } catch (error) {
      // The connection is going down or the reply made no sense; the run itself learns it elsewhere.
      why = messageOf(error);
    }
    const [first, last] = [groups[0]?.first, groups.at(-1)?.last];
    const which = first === last ? `Pass ${first}` : `Passes ${first} to ${last}`;
    this.#journal.append({ type: 'warning', message: `${which} could not be sampled: ${why}` });
    return undefined;
  }

  #record(group: PassGroup, sample: MigrationSample, late: boolean): void {
    const { first, last, sourceStopped, qemuUs, gapsUs } = group;
    const context = { ...this.#context(), sourceStopped };
    const kind = classifyPass(this.#previous, sample, context);
    if (!late) this.#previous = sample;
    this.#journal.append({
      type: 'pass',
      first,
      pass: last,
      kind,
      sample,
      late,
      qemuUs,
      ...(gapsUs.length > 0 ? { gapsUs } : {}),
      ...(this.#deviceStates === undefined ? {} : { devices: this.#deviceStates }),
      ...(late || kind === 'blackout'
        ? {}
        : { why: whyNotSwitchedOver(last, kind, sample, context) }),
    });
  }
}

/** Lets a burst of samples through, and then a steady few. */
class SampleBudget {
  #left = burstSamples;
  #filledAtMs = performance.now();

  /** Resolves when a sample may be taken, at once when the signal fires. */
  async turn(hurry: AbortSignal): Promise<void> {
    const now = performance.now();
    const grown = ((now - this.#filledAtMs) * samplesPerSecond) / 1000;
    this.#left = Math.min(burstSamples, this.#left + grown) - 1;
    this.#filledAtMs = now;
    const waitMs = (-this.#left * 1000) / samplesPerSecond;
    if (waitMs > 0) await pause(waitMs, hurry);
  }
}
