import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { PrecopyError, messageOf } from '../errors.js';
import { tryLock } from './flock.js';
import { listSegments, segmentPath } from './segments.js';

export interface JournalFileOptions {
  /** A segment that has grown to this is followed by the next. Default 64 MiB. */
  readonly segmentBytes?: number | undefined;
  /**
   * The segments together; when they are more, the oldest is removed, but never the first, which tells what
   * the journal is of. Default: no limit. A week of a record of 300 bytes each 100 ms is 1.7 GiB.
   */
  readonly keepBytes?: number | undefined;
}

/** What became of a line. */
export type WriteOutcome =
  { readonly written: true } | { readonly written: false; readonly why: string };

/** Most bytes that are read back to find the beginning of a torn line. */
const longestLineBytes = 64 << 20;

/**
 * The segments of one journal, for their one writer. Each line is written by one write(2) when it comes:
 * what is written survives the death of this process, though not that of the host (no fsync).
 */
export class JournalFile implements Disposable {
  readonly path: string;
  readonly #options: JournalFileOptions;
  /** The first segment; held open because its lock is the journal's. */
  readonly #lockFd: number;
  #fd: number;
  #index: number;
  /** Up to here the segment has whole lines. */
  #bytes: number;

  private constructor(path: string, options: JournalFileOptions, lockFd: number) {
    this.path = path;
    this.#options = options;
    this.#lockFd = lockFd;
    this.#fd = lockFd;
    this.#index = 0;
    this.#bytes = 0;
  }

  /** @throws PrecopyError USAGE if it can't be created; an existing one is never overwritten */
  static create(path: string, options: JournalFileOptions = {}): JournalFile {
    let fd: number;
    try {
      fd = openSync(path, 'ax+');
    } catch (cause) {
      throw new PrecopyError(
        'USAGE',
        `The journal ${path} can't be created: ${messageOf(cause)}.`,
        'Name a file that does not exist yet, in a folder that can be written to.',
        { cause },
      );
    }
    lock(fd, path);
    return new JournalFile(path, options, fd);
  }

  /**
   * Goes on with an existing journal. A torn last line is cut off.
   *
   * @returns the file, and how many bytes were cut off
   * @throws PrecopyError USAGE if it can't be opened; NO_ACCESS if it has a writer
   */
  static resume(
    path: string,
    options: JournalFileOptions = {},
  ): { file: JournalFile; repairedBytes: number } {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_APPEND);
    } catch (cause) {
      throw new PrecopyError(
        'USAGE',
        `The journal ${path} can't be opened: ${messageOf(cause)}.`,
        'Name the journal of an earlier run that you may write to.',
        { cause },
      );
    }
    lock(fd, path);
    const file = new JournalFile(path, options, fd);
    return { file, repairedBytes: file.#toTheEnd() };
  }

  /** 0 for the journal's own name, 1 for FILE.1, ... */
  get segment(): number {
    return this.#index;
  }

  get segmentIsFull(): boolean {
    return this.#bytes >= (this.#options.segmentBytes ?? 64 << 20);
  }

  /** Appends a line. Never throws: a migration must not end because its journal can't be written. */
  write(line: string): WriteOutcome {
    const bytes = Buffer.from(`${line}\n`);
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(this.#fd, bytes, written);
      }
      this.#bytes += bytes.length;
      return { written: true };
    } catch (error) {
      this.#cutTo(this.#bytes);
      return { written: false, why: messageOf(error) };
    }
  }

  /** Begins the next segment; its first line must be written next. */
  nextSegment(): WriteOutcome {
    try {
      const fd = openSync(segmentPath(this.path, this.#index + 1), 'ax');
      if (this.#fd !== this.#lockFd) closeSync(this.#fd);
      this.#fd = fd;
      this.#index += 1;
      this.#bytes = 0;
      this.#removeOldest();
      return { written: true };
    } catch (error) {
      return { written: false, why: messageOf(error) };
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== this.#lockFd) closeSync(this.#fd);
    closeSync(this.#lockFd);
  }

  /** Opens the last segment and cuts off what comes after its last newline. @returns bytes cut off */
  #toTheEnd(): number {
    this.#index = listSegments(this.path).at(-1) ?? 0;
    if (this.#index > 0) {
      this.#fd = openSync(
        segmentPath(this.path, this.#index),
        constants.O_RDWR | constants.O_APPEND,
      );
    }
    const { size } = fstatSync(this.#fd);
    const from = Math.max(0, size - longestLineBytes);
    const tail = Buffer.alloc(size - from);
    readSync(this.#fd, tail, 0, tail.length, from);
    const torn = tail.subarray(tail.lastIndexOf(10) + 1);
    this.#bytes = size - torn.length;
    if (torn.length === 0) return 0;
    if (isWhole(torn.toString())) {
      // Only the newline is missing.
      this.#bytes += writeSync(this.#fd, '\n') + torn.length;
      return 0;
    }
    ftruncateSync(this.#fd, this.#bytes);
    return torn.length;
  }

  /** Part of a line may have been written before the disk was full. */
  #cutTo(bytes: number): void {
    try {
      ftruncateSync(this.#fd, bytes);
    } catch {
      // A reader copes with a torn line, and the next one here begins on a line of its own or fails, too.
    }
  }

  #removeOldest(): void {
    const { keepBytes = Infinity } = this.#options;
    const segments = listSegments(this.path);
    const sizes = new Map(
      segments.map((index) => [index, statSync(segmentPath(this.path, index)).size]),
    );
    let total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const index of segments.slice(1, -1)) {
      if (total <= keepBytes) return;
      rmSync(segmentPath(this.path, index), { force: true });
      total -= sizes.get(index) ?? 0;
    }
  }
}

/** A record is a JSON object, and no part of one is. */
export function isWhole(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function lock(fd: number, path: string): void {
  if (tryLock(fd)) return;
  const holder = lockHolder(fd);
  closeSync(fd);
  throw new PrecopyError(
    'NO_ACCESS',
    `The journal ${path} is being written by ${holder === undefined ? 'another process' : `the process ${holder}`}.`,
    'A journal has one writer and any number of readers: wait until that one has ended, or name another file.',
  );
}

/** The pid in /proc/locks; undefined where it is not to be seen. */
function lockHolder(fd: number): number | undefined {
  try {
    const { ino } = fstatSync(fd);
    const line = readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .find((text) => text.includes('FLOCK') && text.includes(`:${ino} `));
    const pid = /WRITE +(\d+) /.exec(line ?? '')?.[1];
    return pid === undefined ? undefined : Number(pid);
  } catch {
    return undefined;
  }
}
