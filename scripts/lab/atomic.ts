import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { lockPath } from './lock.js';

export interface AtomicOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once if another process is building the same folder. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Builds a folder exactly once: `build` fills a temporary folder beside it, which then takes its
 * final name in one rename. So the folder either exists and is whole, or does not exist, and of
 * several processes that want it one builds and the others wait.
 *
 * @returns whether this call built it
 * @throws what `build` throws; nothing is left behind then
 */
export async function buildFolderOnce(
  folder: string,
  build: (temporaryFolder: string) => Promise<void>,
  { signal, onWait }: AtomicOptions = {},
): Promise<boolean> {
  if (await folderExists(folder)) return false;
  await mkdir(dirname(folder), { recursive: true });
  const lock = await lockPath(folder, { signal, onWait });
  try {
    if (await folderExists(folder)) return false;
    await buildLocked(folder, build, signal);
    return true;
  } finally {
    await lock.release();
  }
}

async function buildLocked(
  folder: string,
  build: (temporaryFolder: string) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const parent = dirname(folder);
  const prefix = `.building-${basename(folder)}-`;
  // We hold the lock, so whoever made these is dead.
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const temporaryFolder = join(parent, `${prefix}${process.pid}`);
  try {
    await mkdir(temporaryFolder);
    await build(temporaryFolder);
    signal?.throwIfAborted();
    await rename(temporaryFolder, folder);
  } catch (error) {
    await rm(temporaryFolder, { recursive: true, force: true });
    throw error;
  }
}

async function folderExists(folder: string): Promise<boolean> {
  try {
    await readdir(folder);
    return true;
  } catch {
    return false;
  }
}
