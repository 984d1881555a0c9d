/**
 * What the devices behind an IOMMU with dirty tracking wrote, by the page tables (HWPTs) of an iommufd
 * (linux/iommufd.h, Linux 6.7). Proved against the kernel's selftest IOMMU only: no emulated IOMMU tracks.
 */
import { isErrno, type DirtyBitmap, type HarvestGate, type Iommufd } from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';
import { readSections } from './section-reads.js';
import type { HarvestSource, HarvestWindow } from './source.js';

export interface HwptSourceOptions {
  readonly name: string;
  readonly iommufd: Iommufd;
  /** The page tables to look at; see `Iommufd.hwpts`. */
  readonly hwptIds: readonly number[];
  readonly gate: HarvestGate;
  readonly nowMs?: () => number;
}

export class HwptSource implements HarvestSource {
  readonly name: string;
  readonly kind = 'device';
  readonly #options: HwptSourceOptions;
  readonly #nowMs: () => number;
  readonly #on: number[] = [];
  #lastMs = 0;

  constructor(options: HwptSourceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * Whether tracking is on already can't be asked; it begins without bits.
   *
   * @throws HarvestRefusedError while the gate is shut
   * @throws PrecopyError NOT_SUPPORTED if a page table was made without dirty tracking; KernelError
   */
  start(): Promise<void> {
    const { iommufd, hwptIds, name } = this.#options;
    for (const hwptId of hwptIds) {
      try {
        iommufd.setDirtyTracking(hwptId, true);
      } catch (cause) {
        if (!isErrno(cause, 'EOPNOTSUPP')) throw cause;
        throw new PrecopyError(
          'NOT_SUPPORTED',
          `A page table of ${name} (id ${hwptId}) was made without dirty tracking.`,
          'QEMU asks for it from 9.1 on, for devices whose IOMMU has it.',
          { cause },
        );
      }
      this.#on.push(hwptId);
    }
    this.#lastMs = this.#nowMs();
    return Promise.resolve();
  }

  /** @throws HarvestRefusedError while the gate is shut; KernelError */
  async harvest(bitmap: DirtyBitmap, signal: AbortSignal): Promise<HarvestWindow> {
    const { iommufd } = this.#options;
    await readSections(
      bitmap,
      this.#on.map((hwptId) => (request) => iommufd.getDirtyBitmap(hwptId, request)),
      signal,
    );
    const startMs = this.#lastMs;
    const endMs = (this.#lastMs = this.#nowMs());
    return { startMs, endMs };
  }

  /** Switches it off, unless a migration has begun: tracking is QEMU's then, and QEMU ends it. */
  stop(): void {
    const { iommufd, gate } = this.#options;
    if (gate.shutReason !== undefined) return;
    for (const hwptId of this.#on.splice(0)) iommufd.setDirtyTracking(hwptId, false);
  }

  get leftOn(): boolean {
    return this.#on.length > 0;
  }

  caveats(): string[] {
    return [];
  }
}
