import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PrecopyError } from '../errors.js';
import { ClockReader, type Clock } from './clock.js';
import { JournalFile, type JournalFileOptions } from './journal-file.js';
import { toJson } from './json.js';
import { readHead } from './read.js';
import { journalVersion, type JournalEntry, type JournalRecord } from './records.js';

export type JournalListener = (record: JournalRecord) => void;

export interface JournalOptions extends JournalFileOptions {
  /** Told when records can't be written any more, and when they can again. Default: standard error. */
  readonly onTrouble?: ((message: string) => void) | undefined;
  /** Records that a full disk refuses wait here, bytes at most. Default 64 MiB. */
  readonly backlogBytes?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** How often a disk that refused is tried again. */
const retryMs = 1000;

/**
 * The append-only record of a run. Listeners (live table, report) see each record as it comes; with a
 * file, each is a line of it, written at once. Appending never fails: while the disk is full, records
 * wait in memory, and whoever runs precopy is told.
 */
export class Journal implements Disposable {
  readonly #listeners = new Set<JournalListener>();
  #file: JournalFile | undefined;
  readonly #id: string;
  readonly #clock: ClockReader;
  readonly #onTrouble: (message: string) => void;
  readonly #backlogLimit: number;
  readonly #repairedBytes: number | undefined;
  #backlog: string[] = [];
  #backlogBytes = 0;
  #lost = 0;
  #left = false;
  #triedAtMs = -Infinity;

  /** Without a path records reach the listeners only. @throws PrecopyError USAGE if the file exists */
  constructor(path?: string, options: JournalOptions = {}, resume?: ResumedFile) {
    this.#file =
      resume?.file ?? (path === undefined ? undefined : JournalFile.create(path, options));
    this.#id = resume?.id ?? randomUUID();
    this.#repairedBytes = resume?.repairedBytes;
    this.#clock = new ClockReader(options.clock);
    this.#backlogLimit = options.backlogBytes ?? 64 << 20;
    this.#onTrouble =
      options.onTrouble ?? ((message) => void process.stderr.write(`precopy: ${message}\n`));
  }

  /**
   * Goes on with the journal of an earlier run, repairing its end.
   *
   * @throws PrecopyError USAGE if it is no journal; NOT_SUPPORTED if it is of another version; NO_ACCESS
   *   if it has a writer
   */
  static resume(path: string, options: JournalOptions = {}): Journal {
    const { file, repairedBytes } = JournalFile.resume(path, options);
    try {
      const { id, minor } = readHead(path);
      if (minor > journalVersion.minor) {
        throw new PrecopyError(
          'NOT_SUPPORTED',
          `The journal ${path} is of the newer version ${journalVersion.version}.${minor}; this precopy writes ${journalVersion.version}.${journalVersion.minor}.`,
          'Go on with the precopy that wrote it; this one can read it.',
        );
      }
      return new Journal(path, options, { file, id, repairedBytes });
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  subscribe(listener: JournalListener): void {
    this.#listeners.add(listener);
  }

  unsubscribe(listener: JournalListener): void {
    this.#listeners.delete(listener);
  }

  /** The first record of a run: what was asked for. To be called before anything else is appended. */
  start(command: string, args: unknown): void {
    const head = { id: this.#id, ...writer(), command, arguments: args };
    this.append(
      this.#repairedBytes === undefined
        ? { type: 'start', ...head }
        : { type: 'resumed', ...head, repairedBytes: this.#repairedBytes },
    );
  }

  append(entry: JournalEntry): void {
    const { wallMs, monotonicMs, jumpMs } = this.#clock.read();
    const time = { at: wallMs, monotonicMs };
    if (jumpMs !== 0) this.#take({ type: 'clock', jumpMs, ...time });
    this.#take({ ...entry, ...time });
  }

  /**
   * Leaves the file to whoever goes on with what is recorded. There is no `end`, so that readers wait for
   * more, and what is appended from now on only the listeners get.
   */
  leave(): void {
    this.#left = true;
    this.#flush();
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }

  /** Writes what still waits, and the record `end`, which the listeners get without a file, too. */
  [Symbol.dispose](): void {
    if (this.#left) return;
    this.append({ type: 'end' });
    if (this.#file === undefined) return;
    this.#flush();
    if (this.#backlog.length > 0) {
      this.#onTrouble(
        `${this.#backlog.length + this.#lost} records of the journal ${this.#file.path} could not be written to the end.`,
      );
    }
    this.#file[Symbol.dispose]();
  }

  #take(record: JournalRecord): void {
    if (this.#file !== undefined) this.#store(this.#file, toJson(record));
    for (const listener of this.#listeners) listener(record);
  }

  #store(file: JournalFile, line: string): void {
    if (this.#backlog.length > 0) {
      this.#keep(line);
      if (performance.now() - this.#triedAtMs >= retryMs) this.#flush();
      return;
    }
    const why = this.#write(file, line);
    if (why === undefined) return;
    this.#triedAtMs = performance.now();
    this.#keep(line);
    this.#onTrouble(
      `THE JOURNAL CAN'T BE WRITTEN: ${file.path}: ${why}. What runs goes on; records are kept in memory and written once there is room again.`,
    );
  }

  /** @returns why it failed */
  #write(file: JournalFile, line: string): string | undefined {
    if (file.segmentIsFull) {
      const next = file.nextSegment();
      if (!next.written) return next.why;
      const { wallMs, monotonicMs } = this.#clock.read();
      const head = { id: this.#id, index: file.segment, ...writer() };
      const first = file.write(
        toJson({ type: 'segment', ...head, at: wallMs, monotonicMs } satisfies JournalRecord),
      );
      if (!first.written) return first.why;
    }
    const outcome = file.write(line);
    return outcome.written ? undefined : outcome.why;
  }

  #keep(line: string): void {
    this.#backlog.push(line);
    this.#backlogBytes += line.length;
    while (this.#backlogBytes > this.#backlogLimit && this.#backlog.length > 1) {
      this.#backlogBytes -= this.#backlog.shift()?.length ?? 0;
      this.#lost += 1;
    }
  }

  #flush(): void {
    const file = this.#file;
    if (file === undefined || this.#backlog.length === 0) return;
    this.#triedAtMs = performance.now();
    if (this.#lost > 0) {
      const { wallMs, monotonicMs } = this.#clock.read();
      const lost = { type: 'lost', records: this.#lost, why: 'no room on the disk nor in memory' };
      if (this.#write(file, toJson({ ...lost, at: wallMs, monotonicMs })) !== undefined) return;
      this.#lost = 0;
    }
    let written = 0;
    for (const line of this.#backlog) {
      if (this.#write(file, line) !== undefined) break;
      this.#backlogBytes -= line.length;
      written += 1;
    }
    this.#backlog.splice(0, written);
    if (this.#backlog.length === 0) {
      this.#onTrouble(
        `The journal ${file.path} is written again; nothing that was kept is missing.`,
      );
    }
  }
}

interface ResumedFile {
  readonly file: JournalFile;
  readonly id: string;
  readonly repairedBytes: number;
}

function writer(): typeof journalVersion & { pid: number; boot: string | undefined } {
  return { ...journalVersion, pid: process.pid, boot: bootId() };
}

let boot: string | undefined;

function bootId(): string | undefined {
  try {
    return (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  } catch {
    return undefined;
  }
}
