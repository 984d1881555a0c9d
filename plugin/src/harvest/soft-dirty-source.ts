/**
 * What was written through QEMU's page tables: by vCPUs, emulated devices, and mediated devices that
 * use vfio_dma_rw() (see attribution.ts). Soft-dirty bits of its RAM (pagemap.ts), by guest-physical
 * page. Real DMA and pages that a driver pinned set none, QEMU's migration neither.
 *
 * Reading and clearing are two steps here, and a page first written between its reading and its
 * clearing is in no harvest. All is read first and cleared directly after it, so that this blind time is
 * that of one scan and one clear; it is measured, and what the curve misses is about its share of the
 * interval. For a forecast that is a small error; for copying RAM this source must never be used.
 */
import { readFile } from 'node:fs/promises';
import type { DirtyBitmap } from 'linux-vfio-ts';
import type { MemoryLayout } from '../audit/guest-memory.js';
import { sectionIsOf } from '../audit/ram-blocks.js';
import { PrecopyError } from '../errors.js';
import { keepsSoftDirtyBits, SoftDirtyBits, type PageEntries } from './pagemap.js';
import { hugePagesOf } from './smaps.js';
import type { HarvestSource, HarvestWindow } from './source.js';

const pageBytes = 4096;
/** Pages still dirty right after a clear: more than this part of all, and clearing does not work. */
const stuckShare = 0.9;
/** Blind time below this part of the interval is not worth a word. */
const blindShareToTell = 0.01;

/** A stretch of RAM in QEMU's address space and in the guest's. */
export interface RamWindow {
  readonly hostAddress: bigint;
  readonly gpa: bigint;
  readonly pages: number;
}

/** The RAM that migrates and has a guest-physical address. */
export function ramWindows({
  blocks,
  sections,
}: Pick<MemoryLayout, 'blocks' | 'sections'>): RamWindow[] {
  return [...blocks.values()].flatMap((block) =>
    sections
      .filter((section) => sectionIsOf(section, block))
      .map(({ gpa, bytes, blockOffset }) => ({
        hostAddress: block.hostAddress + blockOffset,
        gpa,
        pages: Number(bytes) / pageBytes,
      })),
  );
}

export class SoftDirtySource implements HarvestSource, AsyncDisposable {
  readonly name = 'CPUs and emulated devices';
  readonly kind = 'cpu';
  readonly #pid: number;
  readonly #windows: readonly RamWindow[];
  readonly #bits: SoftDirtyBits;
  #lastMs = 0;
  #blindMs = 0;
  #watchedMs = 0;
  #hugeBytes = 0;

  private constructor(pid: number, windows: readonly RamWindow[], bits: SoftDirtyBits) {
    this.#pid = pid;
    this.#windows = windows;
    this.#bits = bits;
  }

  /** @throws PrecopyError NOT_SUPPORTED if this kernel keeps no soft-dirty bits; NO_ACCESS */
  static async open(pid: number, windows: readonly RamWindow[]): Promise<SoftDirtySource> {
    if (!(await keepsSoftDirtyBits())) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        'This kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY is off; writing to clear_refs does nothing), so what the CPUs dirty can not be seen.',
        "Run a kernel that has it (Debian's do on x86-64), or give --no-cpu to look at devices alone.",
      );
    }
    return new SoftDirtySource(pid, windows, await SoftDirtyBits.open(pid));
  }

  /** @throws PrecopyError NOT_SUPPORTED if the bits of this guest's RAM can not be cleared */
  async start(signal: AbortSignal): Promise<void> {
    const { hugetlbBytes, transparentBytes } = hugePagesOf(
      await readFile(`/proc/${this.#pid}/smaps`, 'utf8'),
      this.#windows,
    );
    this.#hugeBytes = transparentBytes;
    if (hugetlbBytes > 0) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        'The guest has RAM on hugetlbfs, whose soft-dirty bits are never cleared: what the CPUs dirty can not be seen.',
        'Give --no-cpu to look at devices alone.',
      );
    }
    await this.#bits.clear();
    this.#lastMs = performance.now();
    let [dirty, populated] = [0, 0];
    await this.#scan((entries) => {
      entries.forEachSoftDirty(() => dirty++);
      for (let page = 0; page < entries.pages; page++) if (entries.isPopulated(page)) populated++;
    }, signal);
    if (populated > 0 && dirty > stuckShare * populated) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `Soft-dirty bits of the guest's RAM do not clear: ${dirty} of ${populated} pages are dirty right after it. So it is where an IOMMU-backed device pins private anonymous memory.`,
        'Start QEMU with memory-backend-memfd,share=on, or give --no-cpu to look at devices alone.',
      );
    }
  }

  async harvest(bitmap: DirtyBitmap, signal: AbortSignal): Promise<HarvestWindow> {
    const startMs = this.#lastMs;
    const endMs = performance.now();
    const { bytes, layout } = bitmap;
    await this.#scan((entries, gpa) => {
      const first = layout.pageOf(gpa);
      entries.forEachSoftDirty((page) => {
        const bit = first + page;
        bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
      });
    }, signal);
    await this.#bits.clear();
    this.#lastMs = performance.now();
    this.#blindMs += this.#lastMs - endMs;
    this.#watchedMs += endMs - startMs;
    return { startMs, endMs };
  }

  /** Soft-dirty has no switch: what is left is a page fault at the next write to each page. */
  stop(): void {
    /* Nothing to undo. */
  }

  caveats(): string[] {
    const caveats: string[] = [];
    const blindShare = this.#blindMs / (this.#blindMs + this.#watchedMs);
    if (blindShare > blindShareToTell) {
      caveats.push(
        `Reading and clearing the CPUs' soft-dirty bits are two steps; pages first written in between (at most ${(100 * blindShare).toFixed(1)} % of the time) were not seen.`,
      );
    }
    if (this.#hugeBytes > 0) {
      caveats.push(
        `${Math.round(this.#hugeBytes / 2 ** 20)} MiB of guest RAM are in transparent huge pages, in which one write makes 512 pages soft-dirty: the CPUs' curve is an upper bound. QEMU itself logs 4 KiB pages.`,
      );
    }
    return caveats;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bits[Symbol.asyncDispose]();
  }

  async #scan(
    visit: (entries: PageEntries, gpa: bigint) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const { hostAddress, gpa, pages } of this.#windows) {
      const each = (entries: PageEntries, firstPage: number): void => {
        visit(entries, gpa + BigInt(firstPage * pageBytes));
      };
      await this.#bits.read(hostAddress, pages, each, signal);
    }
  }
}
