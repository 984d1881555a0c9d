/** /dev/iommu with one IOAS, one device and one page table (drivers/iommu/iommufd). */
import { IommufdFlag, IommufdIoctl, iommufd } from '../abi/iommufd.js';
import type { IoctlCall } from '../kernel/kernel.js';
import { type ModelFile, Refusal } from './model-kernel.js';

export interface IommufdModelOptions {
  readonly dirtyTracking?: boolean | undefined;
  readonly ranges?: readonly (readonly [bigint, bigint])[] | undefined;
}

export const modelIds = { ioas: 2, device: 1, hwpt: 3 } as const;

const PAGE = 4096n;

export class IommufdModel implements ModelFile {
  readonly #options: IommufdModelOptions;
  #tracking = false;
  readonly #dirtyPages = new Set<bigint>();

  constructor(options: IommufdModelOptions = {}) {
    this.#options = options;
  }

  /** Whether dirty tracking is on. */
  get tracking(): boolean {
    return this.#tracking;
  }

  /** A device behind the IOMMU writes one page. */
  writes(iova: bigint): void {
    if (this.#tracking) this.#dirtyPages.add(iova / PAGE);
  }

  ioctl(call: IoctlCall): number {
    const { argument } = call;
    if (typeof argument !== 'object') throw new Refusal('EFAULT');
    switch (call.request) {
      case IommufdIoctl.IOMMU_IOAS_IOVA_RANGES:
        return this.#ranges(argument, call);
      case IommufdIoctl.IOMMU_GET_HW_INFO:
        if (iommufd.hwInfo.read(argument).dev_id !== modelIds.device) throw new Refusal('ENOENT');
        iommufd.hwInfo.write(argument, {
          out_data_type: 1,
          out_capabilities: this.#options.dirtyTracking
            ? BigInt(IommufdFlag.IOMMU_HW_CAP_DIRTY_TRACKING)
            : 0n,
        });
        return 0;
      case IommufdIoctl.IOMMU_HWPT_SET_DIRTY_TRACKING: {
        const { hwpt_id: id, flags } = iommufd.hwptSetDirtyTracking.read(argument);
        this.#requireHwpt(id);
        this.#tracking = (flags & IommufdFlag.IOMMU_HWPT_DIRTY_TRACKING_ENABLE) !== 0;
        this.#dirtyPages.clear();
        return 0;
      }
      case IommufdIoctl.IOMMU_HWPT_GET_DIRTY_BITMAP:
        return this.#bitmap(argument, call);
      default:
        throw new Refusal('ENOTTY');
    }
  }

  #requireHwpt(id: number): void {
    if (id !== modelIds.hwpt) throw new Refusal('ENOENT');
    if (this.#options.dirtyTracking !== true) throw new Refusal('EOPNOTSUPP');
  }

  #ranges(argument: Uint8Array, call: IoctlCall): number {
    const { ioas_id: id, num_iovas: room } = iommufd.ioasIovaRanges.read(argument);
    if (id !== modelIds.ioas) throw new Refusal('ENOENT');
    const ranges = this.#options.ranges ?? [[0n, (1n << 39n) - 1n]];
    const memory = call.pointers?.[0]?.memory;
    if (memory === undefined) throw new Refusal('EFAULT');
    ranges.slice(0, room).forEach(([start, last], index) => {
      iommufd.iovaRange.write(memory, { start, last }, index * iommufd.iovaRange.size);
    });
    iommufd.ioasIovaRanges.write(argument, {
      num_iovas: ranges.length,
      out_iova_alignment: PAGE,
    });
    if (ranges.length > room) throw new Refusal('EMSGSIZE');
    return 0;
  }

  #bitmap(argument: Uint8Array, call: IoctlCall): number {
    const request = iommufd.hwptGetDirtyBitmap.read(argument);
    if (request.hwpt_id !== modelIds.hwpt) throw new Refusal('ENOENT');
    if (request.iova % PAGE !== 0n || request.length % PAGE !== 0n) throw new Refusal('EINVAL');
    if (this.#options.dirtyTracking !== true) throw new Refusal('EOPNOTSUPP');
    const memory = call.pointers?.[0]?.memory;
    // The kernel returns 0 whatever comes after this (iommu_read_and_clear_dirty of 6.12).
    if (memory === undefined || !this.#tracking) return 0;
    for (const page of [...this.#dirtyPages]) {
      const offset = page * PAGE - request.iova;
      if (offset < 0n || offset >= request.length) continue;
      const bit = Number(offset / request.page_size);
      memory[bit >> 3] = (memory[bit >> 3] ?? 0) | (1 << (bit & 7));
      if ((request.flags & IommufdFlag.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) === 0) {
        this.#dirtyPages.delete(page);
      }
    }
    return 0;
  }
}
