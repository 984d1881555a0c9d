/**
 * Soft-dirty bits of a process: /proc/PID/clear_refs and bit 55 of /proc/PID/pagemap
 * (Documentation/admin-guide/mm/soft-dirty.rst). Needs ptrace rights over that process.
 */
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { PrecopyError, messageOf } from '../errors.js';

const entryBytes = 8;
const pageBytes = 4096;
/** pagemap is read in pieces of this size: the entries of 1 GiB. Small reads cost 20 times as much. */
export const pieceBytes = 2 * 2 ** 20;
/** Bits 55, 62 (swapped) and 63 (present), in the upper half of an entry. */
const softDirty = 1 << (55 - 32);
const populated = 3 << (62 - 32);

/** What the pages of a piece are, bit by bit as in pagemap. */
export interface PageEntries {
  readonly pages: number;
  /** Calls `visit` with each page that is soft-dirty, ascending. */
  forEachSoftDirty(visit: (page: number) => void): void;
  /** The page has content of its own: in memory or swapped out. */
  isPopulated(page: number): boolean;
}

export class SoftDirtyBits implements AsyncDisposable {
  readonly #pid: number;
  readonly #pagemap: FileHandle;
  readonly #clearRefs: FileHandle;
  readonly #piece = new Uint32Array(pieceBytes / 4);

  private constructor(pid: number, pagemap: FileHandle, clearRefs: FileHandle) {
    this.#pid = pid;
    this.#pagemap = pagemap;
    this.#clearRefs = clearRefs;
  }

  /** @throws PrecopyError NO_ACCESS */
  static async open(pid: number): Promise<SoftDirtyBits> {
    let pagemap: FileHandle | undefined;
    try {
      pagemap = await open(`/proc/${pid}/pagemap`, 'r');
      return new SoftDirtyBits(pid, pagemap, await open(`/proc/${pid}/clear_refs`, 'w'));
    } catch (cause) {
      await pagemap?.close();
      throw new PrecopyError(
        'NO_ACCESS',
        `Opening pagemap and clear_refs of process ${pid} failed: ${messageOf(cause)}.`,
        'Run precopy as root or with CAP_SYS_PTRACE, in the PID namespace of that QEMU.',
        { cause },
      );
    }
  }

  /** Clears the bits of the whole process; each page's next write then costs it a page fault. */
  async clear(): Promise<void> {
    await this.#clearRefs.write('4', 0);
  }

  /** Reads `pages` entries from `address` on; `visit` gets a piece at a time and its first page. */
  async read(
    address: bigint,
    pages: number,
    visit: (entries: PageEntries, firstPage: number) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const piecePages = pieceBytes / entryBytes;
    for (let first = 0; first < pages; first += piecePages) {
      signal?.throwIfAborted();
      const count = Math.min(piecePages, pages - first);
      const at = (Number(address / BigInt(pageBytes)) + first) * entryBytes;
      const { bytesRead } = await this.#pagemap.read(this.#piece, 0, count * entryBytes, at);
      if (bytesRead !== count * entryBytes) {
        throw new PrecopyError(
          'NO_ACCESS',
          `pagemap of process ${this.#pid} ended at 0x${address.toString(16)}: that memory is gone.`,
          'The QEMU has probably ended or unplugged memory. Run the command again.',
        );
      }
      const piece = this.#piece;
      visit(
        {
          pages: count,
          // Done for every page of the guest at each harvest: no call for those that are clean.
          forEachSoftDirty: (each) => {
            for (let page = 0; page < count; page++) {
              if (((piece[2 * page + 1] ?? 0) & softDirty) !== 0) each(page);
            }
          },
          isPopulated: (page) => ((piece[2 * page + 1] ?? 0) & populated) !== 0,
        },
        first,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pagemap.close();
    await this.#clearRefs.close();
  }
}

/**
 * Whether this kernel keeps soft-dirty bits, tried on ourselves: without CONFIG_MEM_SOFT_DIRTY clear_refs
 * takes the 4 and does nothing, and all bits stay 0. After a clear, the pages of our stack that we use
 * are dirty again, and those with the environment are not.
 */
export async function keepsSoftDirtyBits(): Promise<boolean> {
  const maps = await readFile('/proc/self/maps', 'utf8');
  const stack = /^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$/m.exec(maps);
  if (!stack) return false;
  const start = BigInt(`0x${stack[1] ?? ''}`);
  const pages = Number((BigInt(`0x${stack[2] ?? ''}`) - start) / BigInt(pageBytes));
  await using bits = await SoftDirtyBits.open(process.pid);
  await bits.clear();
  let dirty = 0;
  await bits.read(start, pages, (entries) => {
    entries.forEachSoftDirty(() => dirty++);
  });
  return dirty > 0 && dirty < pages;
}
