/**
 * What the devices of a type1 container dirtied, by VFIO_IOMMU_DIRTY_PAGES (linux/vfio.h). The kernel
 * swaps the bits out under its lock: a write is in one harvest or the next, never in none.
 */
import type { DirtyBitmap, DirtyPages, HarvestGate } from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';
import type { HarvestSource, HarvestWindow } from './source.js';

export interface Type1SourceOptions {
  readonly name: string;
  readonly dirtyPages: DirtyPages;
  readonly gate: HarvestGate;
  /** Tracking may be on before we start: QEMU leaves it on after a migration that completed. */
  readonly mayBeOn: boolean;
  readonly nowMs?: () => number;
}

export class Type1Source implements HarvestSource {
  readonly name: string;
  readonly kind = 'device';
  readonly #options: Type1SourceOptions;
  readonly #nowMs: () => number;
  #started = false;
  #lastMs = 0;

  constructor(options: Type1SourceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * @throws HarvestRefusedError while the gate is shut
   * @throws PrecopyError NOT_SUPPORTED if somebody else tracks already
   * @throws Type1Error, KernelError
   */
  start(): Promise<void> {
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
    this.#lastMs = this.#nowMs();
    return Promise.resolve();
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

  caveats(): string[] {
    return [];
  }
}
