import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How many console logs are kept. */
const kept = 20;
let count = 0;

/** A new name for a console log; the oldest logs beyond the newest 20 are removed. */
export async function newConsoleLog(cacheFolder: string): Promise<string> {
  const folder = join(cacheFolder, 'logs');
  await mkdir(folder, { recursive: true });
  const logs = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const file = join(folder, name);
      // Another process may be removing old logs as well.
      const found = await stat(file).catch(() => undefined);
      return { file, mtimeMs: found?.mtimeMs ?? 0 };
    }),
  );
  logs.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { file } of logs.slice(kept)) await rm(file, { force: true });
  const time = new Date().toISOString().replaceAll(/[-:]|\..*/g, '');
  count += 1;
  return join(folder, `console-${time}-${process.pid}-${count}.log`);
}
