/** The files of journals: one for each migration, the oldest removed. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { Journal } from '../journal/journal.js';
import { listSegments, segmentPath } from '../journal/segments.js';

/** @throws PrecopyError USAGE if it can't be created */
export function openJournal(
  { folder, keep }: Config['journals'],
  uuid: string,
  startedAtMs: number,
): { journal: Journal; file: string } {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const time = new Date(startedAtMs).toISOString().replaceAll(':', '');
  const prefix = `migration-${uuid}-`;
  const older = readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.jsonl'))
    .sort();
  for (const name of older.slice(0, Math.max(0, older.length - keep + 1))) {
    const file = join(folder, name);
    for (const index of listSegments(file)) rmSync(segmentPath(file, index), { force: true });
  }
  const file = join(folder, `${prefix}${time}.jsonl`);
  return { journal: new Journal(file), file };
}
