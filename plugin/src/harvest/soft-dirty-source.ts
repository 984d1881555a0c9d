/**
 * What was written through QEMU's page tables: by vCPUs, emulated devices, and mediated devices that
 * use vfio_dma_rw() (see attribution.ts). Soft-dirty bits of its RAM, by guest-physical
 * page. Real DMA and pages that a driver pinned set none, QEMU's migration neither.
 *
 * Reading and clearing are two steps here, and what is first written to a page after it was read and before the
 * clear begins is in no harvest: each window holds all that was written in it, but windows do not touch. The
 * clear itself hides nothing new, as the first write to a page is a page fault, and faults wait while it has the
 * address space locked (PGWALK_WRLOCK in fs/proc/task_mmu.c). So a gap is half of a scan, on average over the
 * pages; windows are that much shorter than the interval, and a curve is drawn over the time that was watched.
 * For copying RAM this source must never be used.
 */
import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DirtyBitmap } from 'linux-vfio-ts';
import type { MemoryLayout } from '../audit/guest-memory.js';
import { sectionIsOf } from '../audit/ram-blocks.js';
import { PrecopyError } from '../errors.js';
import type { PageCategory } from './pagemap.js';
import { hugePagesOf } from './smaps.js';
import { keepsSoftDirtyBits, SoftDirtyBits } from './soft-dirty-bits.js';
import type { HarvestSource, HarvestWindow } from './source.js';

const pageBytes = 4096;
/** Pages still dirty right after a clear: more than this part of all, and clearing does not work. */
const stuckShare = 0.9;
/** Gaps below this part of the time are not worth a word. */
const gapShareToTell = 0.01;

/** The source that is no VFIO device, however it is watched. */
export const cpuName = 'CPUs and emulated devices';

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
  readonly name = cpuName;
  readonly kind = 'cpu';
  readonly #windows: readonly RamWindow[];
  readonly #bits: SoftDirtyBits;
  readonly #hugeBytes: number;
  #lastMs = 0;
  #gapMs = 0;
  #watchedMs = 0;

  private constructor(windows: readonly RamWindow[], bits: SoftDirtyBits, hugeBytes: number) {
    this.#windows = windows;
    this.#bits = bits;
    this.#hugeBytes = hugeBytes;
  }

  /**
   * Tries it out: the bits of this guest's RAM are cleared, and looked at.
   *
   * @throws PrecopyError NOT_SUPPORTED if this kernel keeps none, or they do not clear; NO_ACCESS
   */
  static async open(
    pid: number,
    windows: readonly RamWindow[],
    signal: AbortSignal,
  ): Promise<SoftDirtySource> {
    if (!(await keepsSoftDirtyBits())) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        'This kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY is off; writing to clear_refs does nothing).',
        withoutCpus("Run a kernel that has it (Debian's do on x86-64)"),
      );
    }
    const { hugetlbBytes, transparentBytes } = hugePagesOf(
      await readFile(`/proc/${pid}/smaps`, 'utf8'),
      windows,
    );
    if (hugetlbBytes > 0) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        'The guest has RAM on hugetlbfs, whose soft-dirty bits are never cleared.',
        withoutCpus('Start QEMU with RAM that is not on hugetlbfs'),
      );
    }
    const bits = await SoftDirtyBits.open(pid);
    const source = new SoftDirtySource(windows, bits, transparentBytes);
    try {
      await source.#expectToClear(signal);
      return source;
    } catch (error) {
      await bits[Symbol.asyncDispose]();
      throw error;
    }
  }

  start(): Promise<void> {
    this.#clear();
    return Promise.resolve();
  }

  async harvest(bitmap: DirtyBitmap, signal: AbortSignal): Promise<HarvestWindow> {
    const startMs = this.#lastMs;
    const scanMs = performance.now();
    const { bytes, layout } = bitmap;
    await this.#forEach(
      'soft-dirty',
      (gpa, pages) => {
        const first = layout.pageOf(gpa);
        for (let bit = first; bit < first + pages; bit++) {
          bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
        }
      },
      signal,
    );
    const endMs = (scanMs + performance.now()) / 2;
    this.#clear();
    this.#gapMs += this.#lastMs - endMs;
    this.#watchedMs += endMs - startMs;
    // All that blocked the event loop; that a migration began must be known before anything else is read.
    await nextTurn();
    return { startMs, endMs };
  }

  /** Soft-dirty has no switch: what is left is a page fault at the next write to each page. */
  stop(): void {
    /* Nothing to undo. */
  }

  caveats(): string[] {
    const caveats: string[] = [];
    const gapShare = this.#gapMs / (this.#gapMs + this.#watchedMs);
    if (gapShare > gapShareToTell) {
      caveats.push(
        `Reading and clearing the CPUs' soft-dirty bits are two steps; what was written in between, ${(100 * gapShare).toFixed(1)} % of the time, was not seen. Curves and rates are of the rest.`,
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

  #clear(): void {
    this.#lastMs = performance.now();
    this.#bits.clear();
  }

  async #expectToClear(signal: AbortSignal): Promise<void> {
    this.#bits.clear();
    let [dirty, populated] = [0, 0];
    await this.#forEach('soft-dirty', (_, pages) => (dirty += pages), signal);
    await this.#forEach('populated', (_, pages) => (populated += pages), signal);
    if (populated > 0 && dirty > stuckShare * populated) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `Soft-dirty bits of the guest's RAM do not clear: ${dirty} of ${populated} pages are dirty right after it. So it is where an IOMMU-backed device pins private anonymous memory.`,
        withoutCpus('Start QEMU with memory-backend-memfd,share=on'),
      );
    }
  }

  async #forEach(
    category: PageCategory,
    visit: (gpa: bigint, pages: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const { hostAddress, gpa, pages } of this.#windows) {
      const each = (first: number, count: number): void => {
        visit(gpa + BigInt(first) * BigInt(pageBytes), count);
      };
      await this.#bits.pagemap.forEach(category, hostAddress, pages, each, signal);
    }
  }
}

/**
 * Why the CPUs of this guest can't be watched by soft-dirty bits; undefined if they can.
 *
 * @param pid of the QEMU; undefined where its monitor does not tell
 */
export async function softDirtyObstacle(
  pid: number | undefined,
  layout: MemoryLayout,
  signal: AbortSignal,
): Promise<PrecopyError | undefined> {
  if (pid === undefined) {
    return new PrecopyError(
      'NOT_SUPPORTED',
      'The monitor does not tell which process its QEMU is.',
      'Name a monitor that is a unix socket of this host.',
    );
  }
  try {
    const source = await SoftDirtySource.open(pid, ramWindows(layout), signal);
    await source[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    if (error instanceof PrecopyError) return error;
    throw error;
  }
}

function withoutCpus(otherwise: string): string {
  return `${otherwise}, or give --no-cpu to look at devices alone.`;
}
