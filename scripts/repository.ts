import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The top folder of the clone that this file was built in. */
export function repositoryRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package-lock.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No clone of precopy above ${import.meta.dirname}.`);
    folder = parent;
  }
  return folder;
}
