import type { JournalRecord } from '../journal/records.js';
import type { Parameters } from './control.js';
import type { Phase } from './phase.js';
import type { Given, Request, View, ViewedPass } from './policy.js';

/**
 * Puts together what a policy sees, record by record: of a running migration as it is journalled, or of
 * a journal that is read again.
 */
export class ViewBuilder {
  readonly #passes: ViewedPass[] = [];
  #given: Given | undefined;
  #parameters: Parameters | undefined;
  #phase: Phase = 'preflight';
  #startedAt: number | undefined;
  #latest: View['latest'];
  #request: Request | undefined;

  apply(record: JournalRecord): void {
    switch (record.type) {
      case 'goal':
        this.#given = record;
        this.#parameters = record.initial;
        break;
      case 'parameters':
        this.#parameters = record.parameters;
        break;
      case 'phase':
        this.#phase = record.phase;
        if (record.phase === 'precopy' || record.phase === 'held') this.#startedAt ??= record.at;
        break;
      case 'pass': {
        if (record.late) break;
        const { pass, kind, sample } = record;
        const atMs = this.#since(record.at);
        this.#passes.push({ pass, kind, atMs, sample });
        this.#latest = { atMs, sample };
        break;
      }
      case 'observation':
        this.#latest = { atMs: this.#since(record.at), sample: record.sample };
        break;
      case 'request':
        this.#request = record.request;
        break;
      case 'decision':
        if (record.action.kind !== 'wait') this.#request = undefined;
        break;
      default:
    }
  }

  /** @param at now, ms since the epoch. @returns undefined before there is a goal */
  view(at: number): View | undefined {
    const given = this.#given;
    const parameters = this.#parameters;
    if (!given || !parameters) return undefined;
    return {
      elapsedMs: this.#since(at),
      phase: this.#phase,
      passes: this.#passes,
      latest: this.#latest,
      parameters,
      initial: given.initial,
      abilities: new Set(given.abilities),
      ramBytes: given.ramBytes,
      expectation: given.expectation,
      request: this.#request,
    };
  }

  #since(at: number): number {
    return this.#startedAt === undefined ? 0 : Math.max(0, at - this.#startedAt);
  }
}
