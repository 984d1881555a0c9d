/** Reading a journal: records that were checked, and notes on what could not be read. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { z } from 'zod';
import { PrecopyError, messageOf } from '../errors.js';
import { isWhole } from './journal-file.js';
import { LineSplitter } from './lines.js';
import { journalVersion, type JournalRecord } from './records.js';
import { entrySchemas, isRecordType, journalHead, recordHead } from './schema.js';
import { listSegments, segmentPath } from './segments.js';

/** What a reader met besides records. Nothing of it keeps the rest from being read. */
export interface JournalNotes {
  /** Bytes after the last newline: a line that its writer did not finish, killed or still writing. */
  tornBytes: number;
  /** Types of records that a newer precopy wrote, and how many of each were skipped. */
  readonly unknown: Map<string, number>;
  /** Lines that are no records. */
  readonly damaged: DamagedLine[];
  /** Damaged lines that are not listed. */
  moreDamaged: number;
  /** Segments that are not there any more (removed by a limit on the size, or by hand). */
  readonly missingSegments: number[];
}

export interface DamagedLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly why: string;
}

export function newNotes(): JournalNotes {
  return { tornBytes: 0, unknown: new Map(), damaged: [], moreDamaged: 0, missingSegments: [] };
}

/** The notes as sentences; none if all was read. */
export function noteLines(notes: JournalNotes): string[] {
  return [
    ...(notes.tornBytes > 0
      ? [
          `The last line is torn (${notes.tornBytes} bytes without a newline): its writer was killed while writing it, or still writes. All before it was read.`,
        ]
      : []),
    ...[...notes.unknown].map(
      ([type, records]) =>
        `Skipped ${records} records of the type "${type}", which a newer precopy wrote.`,
    ),
    ...notes.damaged.map(({ file, line, why }) => `${file}:${line} is no record: ${why}`),
    ...(notes.moreDamaged > 0 ? [`${notes.moreDamaged} more lines are no records.`] : []),
    ...(notes.missingSegments.length > 0
      ? [
          `Missing segments: ${notes.missingSegments.join(', ')}; their records are not in this report.`,
        ]
      : []),
  ];
}

const listedDamage = 20;

/** Checks lines one after the other. */
export class RecordParser {
  readonly #notes: JournalNotes;
  #minor: number = journalVersion.minor;

  constructor(notes: JournalNotes) {
    this.#notes = notes;
  }

  /** @returns undefined for a line that is to be skipped; the notes say why */
  parse(line: string, file: string, number: number): JournalRecord | undefined {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      this.#damaged(file, number, messageOf(error));
      return undefined;
    }
    const head = recordHead.safeParse(value);
    if (!head.success) {
      this.#damaged(file, number, z.prettifyError(head.error));
      return undefined;
    }
    const { type, at, monotonicMs } = head.data;
    if (!isRecordType(type)) {
      if (this.#minor > journalVersion.minor) {
        this.#notes.unknown.set(type, (this.#notes.unknown.get(type) ?? 0) + 1);
      } else this.#damaged(file, number, `there is no type of record "${type}"`);
      return undefined;
    }
    const entry = entrySchemas[type].safeParse(value);
    if (!entry.success) {
      this.#damaged(file, number, z.prettifyError(entry.error));
      return undefined;
    }
    // A journal that an older precopy began and a newer one resumed is of the newer minor version from there.
    if ('minor' in entry.data) this.#minor = Math.max(this.#minor, entry.data.minor);
    return { ...entry.data, at, monotonicMs };
  }

  #damaged(file: string, line: number, why: string): void {
    if (this.#notes.damaged.length < listedDamage) {
      this.#notes.damaged.push({ file, line, why: why.replaceAll(/\s+/g, ' ') });
    } else this.#notes.moreDamaged += 1;
  }
}

/**
 * The records of a journal as it is now, across its segments.
 *
 * @param notes filled while reading
 * @throws PrecopyError USAGE if there is no such journal; NOT_SUPPORTED if it is of another version
 */
export async function* readJournal(
  path: string,
  notes: JournalNotes = newNotes(),
): AsyncGenerator<JournalRecord, void, undefined> {
  readHead(path);
  const segments = listSegments(path);
  notes.missingSegments.push(...missingOf(segments));
  const parser = new RecordParser(notes);
  for (const index of segments) {
    const file = segmentPath(path, index);
    const lines = new LineSplitter();
    let number = 0;
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      for (const line of lines.push(piece)) {
        const record = parser.parse(line, file, ++number);
        if (record) yield record;
      }
    }
    // Only the newline may be missing.
    const rest = lines.waiting;
    const record = isWhole(rest.toString()) && parser.parse(rest.toString(), file, number + 1);
    if (record) yield record;
    else notes.tornBytes += rest.length;
  }
}

/** All records at once. @throws as {@link readJournal} */
export async function loadJournal(
  path: string,
): Promise<{ records: JournalRecord[]; notes: JournalNotes }> {
  const notes = newNotes();
  const records: JournalRecord[] = [];
  for await (const record of readJournal(path, notes)) records.push(record);
  return { records, notes };
}

export function missingOf(segments: readonly number[]): number[] {
  const last = segments.at(-1) ?? 0;
  return Array.from({ length: last }, (_, index) => index).filter(
    (index) => !segments.includes(index),
  );
}

/** A `start` record has the command line in it, and is not longer than this. */
const headBytes = 1 << 20;

/**
 * What the first line says of the journal.
 *
 * @throws PrecopyError USAGE if it is no journal; NOT_SUPPORTED if it is of another version
 */
export function readHead(path: string): { id: string; minor: number } {
  const line = firstLine(path);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  const head = journalHead.safeParse(value);
  if (!head.success) {
    throw new PrecopyError(
      'USAGE',
      `${path} is not a journal of precopy: its first line is no "start" record.`,
      'Name the file that was given with --journal (its first segment, without a number at its end).',
    );
  }
  const { version, minor, id } = head.data;
  if (version !== journalVersion.version) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `The journal ${path} is of version ${version}.${minor}; this precopy reads version ${journalVersion.version}.`,
      version > journalVersion.version
        ? 'Read it with the precopy that wrote it, or a newer one.'
        : 'Read it with the precopy that wrote it.',
    );
  }
  return { id, minor };
}

function firstLine(path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(headBytes);
      const read = readSync(fd, bytes, 0, headBytes, 0);
      const end = bytes.subarray(0, read).indexOf(10);
      return bytes.toString('utf8', 0, Math.max(0, end));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new PrecopyError(
      'USAGE',
      `The journal ${path} can't be read: ${messageOf(cause)}.`,
      'Name the file that was given with --journal.',
      { cause },
    );
  }
}
