import { messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import { classifyPass, type MigrationSample, type PassContext } from './passes.js';
import { sampleOf, type MigrationInfo } from './qemu-replies.js';

/** Passes that are recorded together. The blackout's is never mixed with those before it. */
interface PassGroup {
  first: number;
  last: number;
  sourceStopped: boolean;
}

/**
 * Turns MIGRATION_PASS events into pass records. One `query-migrate` is under way at a time; passes
 * that come meanwhile (QEMU can emit 2,000 a second) share the next one, and their record says so.
 */
export class PassFollower {
  readonly #query: () => Promise<MigrationInfo>;
  readonly #context: () => PassContext;
  readonly #journal: Journal;
  #waiting: PassGroup[] = [];
  #working: Promise<void> | undefined;
  #previous: MigrationSample | undefined;
  #passes = 0;

  constructor(query: () => Promise<MigrationInfo>, context: () => PassContext, journal: Journal) {
    this.#query = query;
    this.#context = context;
    this.#journal = journal;
  }

  /** How many passes QEMU announced. */
  get passes(): number {
    return this.#passes;
  }

  /** The last sample taken while the guest ran. */
  get lastSample(): MigrationSample | undefined {
    return this.#previous;
  }

  /** Takes note of a MIGRATION_PASS event. */
  pass(pass: number, sourceStopped: boolean): void {
    this.#passes = pass;
    const last = this.#waiting.at(-1);
    if (last?.sourceStopped === sourceStopped) last.last = pass;
    else this.#waiting.push({ first: pass, last: pass, sourceStopped });
    this.#working ??= this.#work();
  }

  /** Resolves when every announced pass is in the journal. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const groups = this.#waiting;
        this.#waiting = [];
        const info = await this.#query();
        const sample = sampleOf(info);
        // QEMU answers nothing in the blackout: what it says afterwards is of the end, not of the pass.
        const late = this.#context().sourceStopped;
        if (sample) for (const group of groups) this.#record(group, sample, late);
      }
    } catch (error) {
      // The connection is going down or the reply made no sense; the run itself learns it elsewhere.
      this.#journal.append({
        type: 'warning',
        message: `A pass could not be sampled: ${messageOf(error)}`,
      });
    } finally {
      this.#working = undefined;
    }
  }

  #record(group: PassGroup, sample: MigrationSample, late: boolean): void {
    const { first, last, sourceStopped } = group;
    const kind = classifyPass(this.#previous, sample, { ...this.#context(), sourceStopped });
    if (!late) this.#previous = sample;
    this.#journal.append({ type: 'pass', first, pass: last, kind, sample, late });
  }
}
