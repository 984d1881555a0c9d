/**
 * What the devices of a type1 container dirtied, by VFIO_IOMMU_DIRTY_PAGES (linux/vfio.h). The kernel
 * swaps the bits out under its lock: a write is in one harvest or the next, never in none.
 */
import type { DirtyBitmap, DirtyPages, HarvestGate, IovaSpan } from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';
import { sectionsNotMapped } from './mapping-check.js';
import type { HarvestSource, HarvestWindow } from './source.js';

export interface Type1SourceOptions {
  readonly name: string;
  readonly dirtyPages: DirtyPages;
  readonly gate: HarvestGate;
  /** Tracking may be on before we start: QEMU leaves it on after a migration that completed. */
  readonly mayBeOn: boolean;
  /** RAM that should be mapped where the guest has it. */
  readonly sections: readonly IovaSpan[];
  readonly nowMs?: () => number;
}

export class Type1Source implements HarvestSource {
  readonly name: string;
  readonly kind = 'device';
  readonly #options: Type1SourceOptions;
  readonly #nowMs: () => number;
  #started = false;
  #lastMs = 0;
  #unmapped: readonly IovaSpan[] = [];

  constructor(options: Type1SourceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * @throws HarvestRefusedError while the gate is shut
   * @throws PrecopyError NOT_SUPPORTED if somebody else tracks already, or IOVAs are not the guest's addresses
   * @throws Type1Error, KernelError
   */
  async start(signal?: AbortSignal): Promise<void> {
    const { dirtyPages, gate, mayBeOn, name } = this.#options;
    gate.check();
    // Tracking is one switch for all: our STOP at the end would end theirs, our reads take their bits.
    if (dirtyPages.askTracking() && !mayBeOn) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `Dirty tracking of ${name} is on already, though QEMU is not migrating: another program harvests it.`,
        'End that program. If none runs any more, one was killed: a migration clears this state.',
      );
    }
    dirtyPages.start();
    this.#started = true;
    await this.check(signal);
    this.#lastMs = this.#nowMs();
  }

  /**
   * Looks whether the kernel has the guest's RAM where QEMU says.
   *
   * @throws as {@link start}
   */
  async check(signal?: AbortSignal): Promise<void> {
    const { dirtyPages, sections } = this.#options;
    this.#unmapped = await sectionsNotMapped(dirtyPages, sections, signal);
    if (this.#unmapped.length === 0 || this.#unmapped.length < sections.length) return;
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `${this.#whatIsNotMapped()}: its IOVAs are not the guest's addresses, so that what devices write can't be told by page.`,
      'A vIOMMU makes it so: start the guest without it.',
    );
  }

  /** @throws HarvestRefusedError while the gate is shut; Type1Error */
  async harvest(bitmap: DirtyBitmap, signal: AbortSignal): Promise<HarvestWindow> {
    const { layout } = bitmap;
    // All of it in one call: a range that begins or ends inside a mapping is refused, and the mappings
    // move while a guest boots.
    await this.#options.dirtyPages.getBitmap({
      iova: layout.range.first,
      bytes: layout.range.last - layout.range.first + 1n,
      pageBytes: layout.pageSizeBytes,
      bitmap: bitmap.bytes,
      bitmapIsClear: true,
      signal,
    });
    const startMs = this.#lastMs;
    const endMs = (this.#lastMs = this.#nowMs());
    bitmap.keepSections();
    return { startMs, endMs };
  }

  /** STOP, unless a migration has begun: tracking is QEMU's then, and QEMU ends it. */
  stop(): void {
    const { dirtyPages, gate } = this.#options;
    if (!this.#started || gate.shutReason !== undefined) return;
    this.#started = false;
    dirtyPages.stop();
  }

  get leftOn(): boolean {
    return this.#started;
  }

  caveats(): string[] {
    if (this.#unmapped.length === 0) return [];
    return [
      `${this.#whatIsNotMapped()}: devices can't write there, such as to memory of virtio-mem that is not plugged; or the layout has just changed.`,
    ];
  }

  #whatIsNotMapped(): string {
    const { sections, name } = this.#options;
    const [{ iova, bytes } = { iova: 0n, bytes: 1n }] = this.#unmapped;
    const last = iova + bytes - 1n;
    return `${name} has ${this.#unmapped.length} of ${sections.length} sections of the guest's RAM not mapped whole at their guest-physical addresses (0x${iova.toString(16)} to 0x${last.toString(16)}, for one)`;
  }
}
