/**
 * Pages of a process by what they are, from /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst):
 * by the ioctl PAGEMAP_SCAN where the kernel has it with soft-dirty, else by reading an entry of 8 bytes
 * for each page. Both say the same; PAGEMAP_SCAN skips what is not populated, so that a guest of 1 TiB
 * that uses little costs little. Needs ptrace rights over that process.
 *
 * Both are called on the event loop, in pieces that take some ms: what is dirtied between reading and clearing
 * is lost, and the way to a thread and back can take ten times as long as the call (with busy vCPUs beside it).
 */
import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KernelError, LibcKernel, type Kernel } from 'linux-vfio-ts';
import { PrecopyError, messageOf } from '../errors.js';

/** `populated`: the page has content of its own, in memory or swapped out. */
export type PageCategory = 'soft-dirty' | 'populated';

/** Told of each stretch of pages, ascending; pages count from where the walk began. */
export type VisitPages = (firstPage: number, pages: number) => void;

export interface PagemapReader {
  readonly method: 'PAGEMAP_SCAN' | 'pagemap';
  /** Visits the pages of the category among the `pages` from `address` on. @throws PrecopyError NO_ACCESS */
  forEach(
    category: PageCategory,
    address: bigint,
    pages: number,
    visit: VisitPages,
    signal?: AbortSignal,
  ): Promise<void>;
}

const pageBytes = 4096;

export class Pagemap implements PagemapReader, AsyncDisposable {
  readonly #file: FileHandle;
  readonly #reader: PagemapReader;

  private constructor(file: FileHandle, reader: PagemapReader) {
    this.#file = file;
    this.#reader = reader;
  }

  /**
   * @param method default: the best that the kernel has
   * @throws PrecopyError NO_ACCESS
   */
  static async open(pid: number, method?: PagemapReader['method']): Promise<Pagemap> {
    let file: FileHandle;
    try {
      file = await open(`/proc/${pid}/pagemap`, 'r');
    } catch (cause) {
      throw new PrecopyError(
        'NO_ACCESS',
        `Opening pagemap of process ${pid} failed: ${messageOf(cause)}.`,
        'Run precopy as root or with CAP_SYS_PTRACE, in the PID namespace of that QEMU.',
        { cause },
      );
    }
    const scan = new PagemapScan(new LibcKernel(), file.fd, pid);
    const scans = method === undefined ? scan.works() : method === scan.method;
    return new Pagemap(file, scans ? scan : new PagemapEntries(file, pid));
  }

  get method(): PagemapReader['method'] {
    return this.#reader.method;
  }

  async forEach(...walk: Parameters<PagemapReader['forEach']>): Promise<void> {
    await this.#reader.forEach(...walk);
  }

  async isPopulated(address: bigint): Promise<boolean> {
    let pages = 0;
    await this.forEach('populated', address, 1, (_, count) => (pages += count));
    return pages > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** include/uapi/linux/fs.h: `_IOWR('f', 16, struct pm_scan_arg)`. */
const PAGEMAP_SCAN = 0xc060_6610;
const PAGE_IS_PRESENT = 1n << 3n;
const PAGE_IS_SWAPPED = 1n << 4n;
const PAGE_IS_SOFT_DIRTY = 1n << 7n;
const categoryMasks: Readonly<Record<PageCategory, bigint>> = {
  'soft-dirty': PAGE_IS_SOFT_DIRTY,
  populated: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
};
/** `struct pm_scan_arg`: members of u64, by their place. */
const scanArgument = {
  bytes: 96,
  size: 0,
  start: 16,
  end: 24,
  vector: 40,
  vectorLength: 48,
  categoryAnyofMask: 80,
} as const;
/** `struct page_region`: start, end, categories. */
const regionWords = 6;
/** Regions that one call may return. */
const regionsPerCall = 8192;
/** What one call looks at: 8 GiB, at less than 1 ms a GiB (native). */
const scannedBytes = 8n << 30n;

class PagemapScan implements PagemapReader {
  readonly method = 'PAGEMAP_SCAN';
  readonly #kernel: Kernel;
  readonly #fd: number;
  readonly #pid: number;
  readonly #argument = new Uint8Array(scanArgument.bytes);
  readonly #view = new DataView(this.#argument.buffer);
  readonly #regions = new Uint32Array(regionsPerCall * regionWords);

  constructor(kernel: Kernel, fd: number, pid: number) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.#pid = pid;
  }

  /**
   * Whether this kernel has it, tried on no page at all: ENOTTY without the ioctl (before Linux 6.7),
   * EINVAL where it does not know soft-dirty.
   */
  works(): boolean {
    try {
      this.#kernel.ioctl(this.#fd, this.#call('soft-dirty', 0n, 0n));
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  async forEach(
    category: PageCategory,
    address: bigint,
    pages: number,
    visit: VisitPages,
    signal?: AbortSignal,
  ): Promise<void> {
    const last = address + BigInt(pages) * BigInt(pageBytes);
    const base = Number(address / BigInt(pageBytes));
    // The low and high half of each region's start and end; a page's number is below 2^52.
    const pageAt = (word: number): number =>
      (this.#regions[word + 1] ?? 0) * 2 ** 20 + (this.#regions[word] ?? 0) / pageBytes - base;
    for (let start = address; start < last;) {
      const end = last < start + scannedBytes ? last : start + scannedBytes;
      const found = this.#scan(category, start, end);
      let next = 0;
      for (let word = 0; word < found * regionWords; word += regionWords) {
        const first = pageAt(word);
        next = pageAt(word + 2);
        visit(first, next - first);
      }
      // Not by walk_end: once a walk had to be taken up again inside the kernel, which it is after every 512
      // regions, do_pagemap_scan() leaves it where that was, although it came to the end (Linux 6.12).
      start = found < regionsPerCall ? end : address + BigInt(next) * BigInt(pageBytes);
      if (start < last) await turn(signal);
    }
  }

  /** @returns how many regions were found */
  #scan(category: PageCategory, start: bigint, end: bigint): number {
    try {
      return this.#kernel.ioctl(this.#fd, this.#call(category, start, end));
    } catch (cause) {
      if (!(cause instanceof KernelError)) throw cause;
      throw memoryGone(this.#pid, start, cause);
    }
  }

  #call(category: PageCategory, start: bigint, end: bigint): Parameters<Kernel['ioctl']>[1] {
    const set = (offset: number, value: bigint): void => {
      this.#view.setBigUint64(offset, value, true);
    };
    set(scanArgument.size, BigInt(scanArgument.bytes));
    set(scanArgument.start, start);
    set(scanArgument.end, end);
    set(scanArgument.vectorLength, BigInt(regionsPerCall));
    // One of these must be set. No categories are returned, so that neighbours become one region.
    set(scanArgument.categoryAnyofMask, categoryMasks[category]);
    const memory = new Uint8Array(this.#regions.buffer);
    return {
      name: 'PAGEMAP_SCAN',
      request: PAGEMAP_SCAN,
      argument: this.#argument,
      pointers: [{ offset: scanArgument.vector, memory }],
    };
  }
}

const entryBytes = 8;
/** pagemap is read in pieces of this size: the entries of 1 GiB. Small reads cost 20 times as much. */
export const pieceBytes = 2 * 2 ** 20;
/** Bits of the upper half of an entry: 55; 62 (swapped) and 63 (present). */
const entryMasks: Readonly<Record<PageCategory, number>> = {
  'soft-dirty': 1 << (55 - 32),
  populated: 3 << (62 - 32),
};

class PagemapEntries implements PagemapReader {
  readonly method = 'pagemap';
  readonly #file: FileHandle;
  readonly #pid: number;
  #piece = new Uint32Array(0);

  constructor(file: FileHandle, pid: number) {
    this.#file = file;
    this.#pid = pid;
  }

  async forEach(
    category: PageCategory,
    address: bigint,
    pages: number,
    visit: VisitPages,
    signal?: AbortSignal,
  ): Promise<void> {
    const mask = entryMasks[category];
    const piecePages = pieceBytes / entryBytes;
    for (let first = 0; first < pages; first += piecePages) {
      if (first > 0) await turn(signal);
      const count = Math.min(piecePages, pages - first);
      const entries = this.#read(address + BigInt(first) * BigInt(pageBytes), count);
      // Done for every page of the guest at each harvest: no call for those that are not meant.
      for (let page = 0; page < count; page++) {
        if (((entries[2 * page + 1] ?? 0) & mask) === 0) continue;
        const from = page++;
        while (page < count && ((entries[2 * page + 1] ?? 0) & mask) !== 0) page++;
        visit(first + from, page - from);
      }
    }
  }

  /** @returns the entries, good until the next call */
  #read(address: bigint, pages: number): Uint32Array {
    const bytes = pages * entryBytes;
    if (this.#piece.byteLength < bytes) this.#piece = new Uint32Array(bytes / 4);
    const at = Number(address / BigInt(pageBytes)) * entryBytes;
    const bytesRead = readSync(this.#file.fd, this.#piece, 0, bytes, at);
    if (bytesRead !== bytes) throw memoryGone(this.#pid, address);
    return this.#piece;
  }
}

/** Lets events be handled, such as that of a migration that began. @throws the signal's reason */
async function turn(signal: AbortSignal | undefined): Promise<void> {
  await nextTurn();
  signal?.throwIfAborted();
}

function memoryGone(pid: number, address: bigint, cause?: unknown): PrecopyError {
  const why = cause === undefined ? 'it ended there' : messageOf(cause);
  return new PrecopyError(
    'NO_ACCESS',
    `pagemap of process ${pid} can't be read at 0x${address.toString(16)}: ${why}.`,
    'The QEMU has probably ended or unplugged memory. Run the command again.',
    { cause },
  );
}
