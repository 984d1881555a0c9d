import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder that holds everything the lab keeps between runs: images, built modules, console logs.
 * `PRECOPY_CACHE` wins, then `XDG_CACHE_HOME/precopy`, then `~/.cache/precopy`.
 */
export function labCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { PRECOPY_CACHE, XDG_CACHE_HOME } = environment;
  if (PRECOPY_CACHE) return join(PRECOPY_CACHE, 'lab');
  return join(XDG_CACHE_HOME || join(environment['HOME'] ?? homedir(), '.cache'), 'precopy', 'lab');
}
