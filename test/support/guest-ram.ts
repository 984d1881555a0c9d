/** The RAM of a guest as a file that stays when its QEMU is gone: of a domain with `sharedRam`. */
import { readdirSync, readlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

const pageBytes = 4096;
const pieceBytes = 4 << 20;

/** @throws Error unless that QEMU has exactly one memory-backend-memfd */
export async function openRam(pid: number): Promise<FileHandle> {
  const folder = `/proc/${pid}/fd`;
  const files = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((file) => /^\/memfd:memory-backend-memfd\b/.test(readlinkSync(file)));
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw new Error(`QEMU ${pid} has ${files.length} memfds for its RAM`);
  }
  return await open(file, 'r');
}

/** The offsets of the pages in which two RAMs of the same size differ. */
export async function differingPages(one: FileHandle, other: FileHandle): Promise<number[]> {
  const [{ size }, { size: otherSize }] = [await one.stat(), await other.stat()];
  if (size !== otherSize || size === 0) throw new Error(`RAM of ${size} and ${otherSize} bytes`);
  const differing: number[] = [];
  const [a, b] = [Buffer.alloc(pieceBytes), Buffer.alloc(pieceBytes)];
  for (let offset = 0; offset < size; offset += pieceBytes) {
    await one.read(a, 0, pieceBytes, offset);
    await other.read(b, 0, pieceBytes, offset);
    if (a.equals(b)) continue;
    for (let page = 0; page < pieceBytes; page += pageBytes) {
      if (a.compare(b, page, page + pageBytes, page, page + pageBytes) !== 0) {
        differing.push(offset + page);
      }
    }
  }
  return differing;
}
