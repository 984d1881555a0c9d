import type { JournalEntry, RecordTime } from '../journal/records.js';
import type { Parameters, Tuning } from './control.js';
import type { MigrationSample, PassEntry } from './passes.js';
import type { Phase } from './phase.js';
import type { Given, Request, View, ViewedPass } from './policy.js';

/** Of windows of at least 100 ms each. */
const keptBandwidths = 32;

/** What a view needs of a journal's record. */
export type ViewRecord = (
  Exclude<JournalEntry, PassEntry> | Pick<PassEntry, 'type' | 'pass' | 'kind' | 'sample' | 'late'>
) &
  Pick<RecordTime, 'monotonicMs'>;

/**
 * Puts together what a policy sees, record by record: of a running migration as it is journalled, or of
 * a journal that is read again.
 */
export class ViewBuilder {
  readonly #passes: ViewedPass[] = [];
  readonly #bandwidths: number[] = [];
  #given: Given | undefined;
  #parameters: Parameters | undefined;
  #phase: Phase = 'preflight';
  #startedAt: number | undefined;
  #latest: View['latest'];
  #progress = { atMs: 0, bytes: Infinity };
  #request: Request | undefined;
  #wished: Tuning = {};
  /** What a person has asked to set, of which it is not known yet whether QEMU takes it. */
  #asked: Tuning = {};

  apply(record: ViewRecord): void {
    switch (record.type) {
      case 'goal':
        this.#given = record;
        // Whoever takes a run up says the goal again; much was set since.
        this.#parameters ??= record.initial;
        break;
      case 'parameters':
        // What was measured under another limit says nothing about this one.
        if (limitOf(record.parameters) !== limitOf(this.#parameters)) this.#bandwidths.length = 0;
        this.#parameters = record.parameters;
        this.#wished = { ...this.#wished, ...this.#asked };
        this.#asked = {};
        break;
      case 'phase':
        this.#phase = record.phase;
        if (record.phase === 'precopy' || record.phase === 'held')
          this.#startedAt ??= record.monotonicMs;
        break;
      case 'pass': {
        if (record.late) break;
        const { pass, kind, sample } = record;
        this.#passes.push({ pass, kind, atMs: this.#since(record.monotonicMs), sample });
        if (this.#request?.kind === 'step') this.#request = undefined;
        this.#noteSample(record.monotonicMs, sample);
        break;
      }
      case 'observation':
        this.#noteSample(record.monotonicMs, record.sample);
        break;
      case 'request':
        this.#request = record.request;
        break;
      case 'decision':
        this.#asked = this.#request?.kind === 'tune' ? this.#request.tuning : {};
        if (record.action.kind !== 'wait' && this.#request?.kind !== 'step') {
          this.#request = undefined;
        }
        break;
      default:
    }
  }

  /** What a person has set by hand: it stands in for the goal's limits. */
  get wished(): Tuning {
    return this.#wished;
  }

  /** The last one while the guest ran. */
  get lastPass(): ViewedPass | undefined {
    return this.#passes.at(-1);
  }

  /** @param at now, ms of CLOCK_MONOTONIC. @returns undefined before there is a goal */
  view(at: number): View | undefined {
    const given = this.#given;
    const parameters = this.#parameters;
    if (!given || !parameters) return undefined;
    return {
      elapsedMs: this.#since(at),
      phase: this.#phase,
      passes: this.#passes,
      latest: this.#latest,
      progress: this.#progress,
      bandwidths: this.#bandwidths,
      parameters,
      initial: given.initial,
      abilities: new Set(given.abilities),
      ramBytes: given.ramBytes,
      expectation: given.expectation,
      request: this.#request,
    };
  }

  #noteSample(at: number, sample: MigrationSample): void {
    this.#latest = { atMs: this.#since(at), sample };
    const { bandwidthBytesPerSecond: bandwidth, remainingBytes } = sample;
    if (remainingBytes < this.#progress.bytes) {
      this.#progress = { atMs: this.#latest.atMs, bytes: remainingBytes };
    }
    // QEMU measures over windows of 100 ms: the same figure again is the same window.
    if (bandwidth === 0 || bandwidth === this.#bandwidths.at(-1)) return;
    this.#bandwidths.push(bandwidth);
    if (this.#bandwidths.length > keptBandwidths) this.#bandwidths.shift();
  }

  #since(at: number): number {
    return this.#startedAt === undefined ? 0 : Math.max(0, at - this.#startedAt);
  }
}

function limitOf(parameters: Parameters | undefined): number | undefined {
  return parameters?.maxBandwidthBytesPerSecond;
}
