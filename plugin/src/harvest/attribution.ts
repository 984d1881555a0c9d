/**
 * Whose page is it: some devices write through QEMU's own page tables, where soft-dirty sees them as
 * well. A mediated device that calls vfio_dma_rw() does (vfio_iommu_type1_dma_rw_chunk() copies to user
 * addresses); one that pins pages, and real DMA, do not. What a container says is the device's is not
 * counted again as the CPUs'.
 */
import { cooperate, type DirtyBitmap } from 'linux-vfio-ts';
import type { HarvestSource } from './source.js';

/** Call it with each round, in which the CPUs must have been read before the devices. */
export class Attribution {
  readonly #sources: readonly HarvestSource[];
  /** What devices wrote in the round before. */
  readonly #before: DirtyBitmap;

  /** @param before a clear bitmap of the same layout, kept by this */
  constructor(sources: readonly HarvestSource[], before: DirtyBitmap) {
    this.#sources = sources;
    this.#before = before;
  }

  /** Takes pages out of the CPUs' bitmaps that devices wrote. */
  async apply(harvested: ReadonlyMap<string, DirtyBitmap>): Promise<void> {
    const of = (wanted: HarvestSource['kind']): DirtyBitmap[] =>
      this.#sources.flatMap(({ name, kind }) => {
        const bitmap = kind === wanted ? harvested.get(name) : undefined;
        return bitmap === undefined ? [] : [bitmap];
      });
    const devices = of('device');
    // The round before counts too: what a device wrote after the CPUs were read and before it was read
    // itself was in that round for the device, and is in this one for the CPUs.
    for (const cpu of of('cpu')) {
      for (const other of [this.#before, ...devices]) await cooperate(cpu.steps.andNot(other));
    }
    await cooperate(this.#before.steps.clear());
    for (const device of devices) await cooperate(this.#before.steps.or(device));
  }
}
