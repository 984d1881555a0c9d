import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What nobody used for this long may go: clones of different ages share one cache. */
const unusedMs = 60 * 60 * 1000;

/**
 * Notes that a folder of the cache is in use now, and removes its unused siblings whose names begin
 * with the prefix: earlier builds of the same thing.
 */
export async function useFolder(folder: string, prefix: string, now = new Date()): Promise<void> {
  await utimes(folder, now, now);
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(prefix) || name === basename(folder)) continue;
    const sibling = join(dirname(folder), name);
    // Another process may be removing it as well.
    const found = await stat(sibling).catch(() => undefined);
    if (found === undefined || now.getTime() - found.mtimeMs <= unusedMs) continue;
    await rm(sibling, { recursive: true, force: true });
  }
}
