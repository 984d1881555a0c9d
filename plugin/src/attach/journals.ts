/** The files of journals: one for each migration, the oldest removed. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { Journal } from '../journal/journal.js';
import { readJournal } from '../journal/read.js';
import type { JournalRecord } from '../journal/records.js';
import { listSegments, segmentPath } from '../journal/segments.js';

const prefixOf = (uuid: string): string => `migration-${uuid}-`;

/** Oldest first. */
function journalsOf(folder: string, uuid: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefixOf(uuid)) && name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(folder, name));
}

/** @throws PrecopyError USAGE if it can't be created */
export function openJournal(
  { folder, keep }: Config['journals'],
  uuid: string,
  startedAtMs: number,
): { journal: Journal; file: string } {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const time = new Date(startedAtMs).toISOString().replaceAll(':', '');
  const older = journalsOf(folder, uuid);
  for (const file of older.slice(0, Math.max(0, older.length - keep + 1))) {
    for (const index of listSegments(file)) rmSync(segmentPath(file, index), { force: true });
  }
  const file = join(folder, `${prefixOf(uuid)}${time}.jsonl`);
  return { journal: new Journal(file), file };
}

/** How much later than QEMU began a migration its journal may begin, or seem to, ms. */
const toleranceMs = 5000;

/**
 * The journal of the migration that is under way, if a controller before this one, or this one before its
 * connection was lost, wrote it: the domain's last, of the same QEMU, without a result, and begun after QEMU
 * began.
 *
 * @param beganAtMs when QEMU began the migration, ms since the epoch
 */
export async function journalUnderWay(
  { folder }: Config['journals'],
  uuid: string,
  qemuPid: number | undefined,
  beganAtMs: number,
): Promise<{ file: string; records: JournalRecord[] } | undefined> {
  const file = existsSync(folder) ? journalsOf(folder, uuid).at(-1) : undefined;
  if (file === undefined) return undefined;
  const records: JournalRecord[] = [];
  for await (const record of readJournal(file)) {
    const begins = records.length === 0;
    if (begins && !isStartOf(record, qemuPid, beganAtMs)) return undefined;
    if (record.type === 'result') return undefined;
    records.push(record);
  }
  return records.length > 0 ? { file, records } : undefined;
}

function isStartOf(record: JournalRecord, qemuPid: number | undefined, beganAtMs: number): boolean {
  if (record.type !== 'start' || record.at < beganAtMs - toleranceMs) return false;
  const { pid } = (record.arguments ?? {}) as { pid?: unknown };
  return pid === qemuPid;
}
