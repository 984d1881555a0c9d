import { existsSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pause } from '../pause.js';
import { LineSplitter } from './lines.js';
import { missingOf, newNotes, readHead, RecordParser, type JournalNotes } from './read.js';
import type { JournalRecord } from './records.js';
import { listSegments, segmentPath } from './segments.js';

/** inotify would not see what is written on the other side of a 9p or NFS mount. */
const pollMs = 100;
const pieceBytes = 1 << 18;

/**
 * The records of a journal from its beginning, and then those that its writer adds, across segments.
 * Ends with the record `end`, or when the signal fires. A run that was killed, or has left its migration to
 * somebody else, writes none: then come the records of whoever goes on. Any number of readers can follow.
 *
 * @throws PrecopyError USAGE if there is no such journal; NOT_SUPPORTED if it is of another version
 */
export async function* followJournal(
  path: string,
  signal: AbortSignal,
  notes: JournalNotes = newNotes(),
): AsyncGenerator<JournalRecord, void, undefined> {
  readHead(path);
  const parser = new RecordParser(notes);
  const aborted = (): boolean => signal.aborted;
  for (let index = 0; ;) {
    const file = segmentPath(path, index);
    let number = 0;
    for await (const line of followSegment(path, index, signal)) {
      const record = parser.parse(line, file, ++number);
      if (!record) continue;
      yield record;
      if (record.type === 'end') return;
    }
    if (aborted()) return;
    const segments = listSegments(path);
    const next = segments.find((other) => other > index);
    if (next === undefined) return;
    notes.missingSegments.push(...missingOf(segments).filter((i) => i > index && i < next));
    index = next;
  }
}

/** Lines of one segment until the next one exists and this one is read to its end. */
async function* followSegment(
  path: string,
  index: number,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const handle = await open(segmentPath(path, index), 'r');
  try {
    const lines = new LineSplitter();
    while (!signal.aborted) {
      // Asked before reading: once there is a next segment, nothing is added to this one.
      const isLast = !hasLater(path, index);
      const before = lines.waiting.length;
      yield* readOn(handle, lines, signal);
      if (!isLast) return;
      if (lines.waiting.length === before) {
        await pause(pollMs, signal);
      }
    }
  } finally {
    await handle.close();
  }
}

function hasLater(path: string, index: number): boolean {
  // The next one may have been removed already by a limit on the size; then a later one exists.
  return (
    existsSync(segmentPath(path, index + 1)) || listSegments(path).some((other) => other > index)
  );
}

async function* readOn(
  handle: FileHandle,
  lines: LineSplitter,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const piece = Buffer.alloc(pieceBytes);
  while (!signal.aborted) {
    const { bytesRead } = await handle.read(piece, 0, pieceBytes, null);
    if (bytesRead === 0) return;
    yield* lines.push(piece.subarray(0, bytesRead));
  }
}
