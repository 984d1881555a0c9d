/** The kernel's user-space headers (linux-libc-dev) of a Debian suite, unpacked into the cache. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildFolderOnce } from './lab/atomic.js';
import { unpackPackages } from './lab/debian.js';
import { labCacheFolder } from './lab/paths.js';

/** How long headers are used before the archive is asked again. */
const weekMs = 7 * 24 * 60 * 60 * 1000;

/**
 * Folders for the compiler's `-isystem`, most specific last. Asks the archive once a week, and makes do
 * with what an earlier week left when it can't be reached.
 *
 * @throws LabError LAB_IMAGE, LAB_TOOL_MISSING if there are no headers at all
 */
export async function kernelHeaders(suite: string): Promise<string[]> {
  const folder = join(dirname(labCacheFolder()), 'headers', suite);
  const newest = join(folder, String(Math.floor(Date.now() / weekMs)));
  let usable = newest;
  try {
    await buildFolderOnce(newest, (temporaryFolder) =>
      unpackPackages(suite, join(temporaryFolder, 'root'), ['linux-libc-dev']),
    );
  } catch (error) {
    const weeks = existsSync(folder) ? await readdir(folder) : [];
    const earlier = weeks
      .filter((name) => /^\d+$/.test(name))
      .sort()
      .at(-1);
    if (earlier === undefined) throw error;
    usable = join(folder, earlier);
  }
  const include = join(usable, 'root/usr/include');
  await stat(join(include, 'linux/vfio.h'));
  return [include, join(include, 'x86_64-linux-gnu')].filter((path) => existsSync(path));
}
