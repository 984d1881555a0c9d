import { closeSync, openSync, writeSync } from 'node:fs';
import { PrecopyError, messageOf } from '../errors.js';
import { toJson } from './json.js';
import type { JournalEntry, JournalRecord } from './records.js';

export type JournalListener = (record: JournalRecord) => void;

/**
 * The append-only record of a run. Listeners (live table, report) see each record as it is written;
 * with a file, each record is one line, written at once so that a crash loses nothing before it.
 */
export class Journal implements Disposable {
  readonly #listeners = new Set<JournalListener>();
  readonly #file: number | undefined;

  /** @throws PrecopyError USAGE if the file can't be created (an existing one is never overwritten) */
  constructor(path?: string) {
    if (path === undefined) return;
    try {
      this.#file = openSync(path, 'ax');
    } catch (cause) {
      throw new PrecopyError(
        'USAGE',
        `The journal ${path} can't be created: ${messageOf(cause)}.`,
        'Name a file that does not exist yet, in a folder that can be written to.',
        { cause },
      );
    }
  }

  subscribe(listener: JournalListener): void {
    this.#listeners.add(listener);
  }

  append(entry: JournalEntry): void {
    const record: JournalRecord = { ...entry, at: Date.now() };
    if (this.#file !== undefined) {
      writeSync(this.#file, `${toJson(record)}\n`);
    }
    for (const listener of this.#listeners) listener(record);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}
