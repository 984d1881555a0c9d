/**
 * A journal's files: FILE, and when it has grown long FILE.1, FILE.2, ... A segment is never touched
 * again once the next one exists, and nothing is renamed, so that a reader can follow across them.
 */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** @param index 0 is the journal's own name */
export function segmentPath(path: string, index: number): string {
  return index === 0 ? path : `${path}.${index}`;
}

/** The segments that exist, in order. The oldest but the first may have been removed. */
export function listSegments(path: string): number[] {
  const name = basename(path);
  const indexes = readdirSync(dirname(path)).flatMap((file) => {
    if (file === name) return [0];
    const number = file.startsWith(`${name}.`) ? file.slice(name.length + 1) : '';
    return /^[1-9]\d{0,8}$/.test(number) ? [Number(number)] : [];
  });
  return indexes.sort((one, other) => one - other);
}
