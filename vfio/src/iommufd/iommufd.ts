/**
 * /dev/iommu: address ranges, what the IOMMU behind a device can do, dirty tracking of a hardware page
 * table (HWPT). Dirty tracking came with Linux 6.7; errors are iommufd's own (iommufd.h): ENOTTY (no such
 * ioctl), EOPNOTSUPP (the IOMMU can't), ENOENT (no such object), EINVAL.
 */
import { HwInfoType, IommufdFlag, IommufdIoctl, iommufd } from '../abi/iommufd.js';
import { isErrno, MalformedReplyError } from '../errors.js';
import type { IoctlCall } from '../kernel/kernel.js';
import type { BitmapRequest } from '../type1/dirty-pages.js';
import { GatedFile, unmeasuredBitmap } from '../type1/gated-file.js';
import type { IovaRange } from '../type1/info.js';

/** IOVAs that an IOAS allows, and how mappings must be aligned. */
export interface IoasRanges {
  readonly ranges: readonly IovaRange[];
  /** In bytes. */
  readonly alignmentBytes: bigint;
}

/** `struct iommu_hw_info`. */
export interface HwInfo {
  /** `none` is a driver that reports nothing; others keep their number. */
  readonly type: 'none' | 'intel-vtd' | 'arm-smmuv3' | `unknown ${number}`;
  readonly capabilities: bigint;
  /** IOMMU_HW_CAP_DIRTY_TRACKING. */
  readonly dirtyTracking: boolean;
}

/** Nobody has that many; a kernel that says so is not believed. */
const MOST_RANGES = 65536;
const MOST_ATTEMPTS = 5;
const PAGE = 4096n;

const hwInfoTypes = new Map<number, HwInfo['type']>([
  [HwInfoType.IOMMU_HW_INFO_TYPE_NONE, 'none'],
  [HwInfoType.IOMMU_HW_INFO_TYPE_INTEL_VTD, 'intel-vtd'],
  [HwInfoType.IOMMU_HW_INFO_TYPE_ARM_SMMUV3, 'arm-smmuv3'],
]);

export class Iommufd extends GatedFile {
  /** @returns the new IOAS's id; {@link destroy} frees it */
  allocateIoas(): number {
    const argument = iommufd.ioasAlloc.create({ size: iommufd.ioasAlloc.size });
    this.#ioctl('IOMMU_IOAS_ALLOC', argument);
    return iommufd.ioasAlloc.read(argument).out_ioas_id;
  }

  /** Frees any object. @throws KernelError ENOENT, EBUSY */
  destroy(id: number): void {
    this.#ioctl('IOMMU_DESTROY', iommufd.destroy.create({ size: iommufd.destroy.size, id }));
  }

  /**
   * The IOAS that it uses as a VFIO container, if it is one: iommufd answers most type1 ioctls as well
   * (CONFIG_IOMMUFD_VFIO_CONTAINER, or /dev/vfio/vfio as a link to /dev/iommu).
   *
   * @returns undefined if it is an iommufd and no container
   * @throws KernelError ENOTTY: no iommufd (a container of VFIO itself)
   */
  compatIoas(): number | undefined {
    const argument = iommufd.vfioIoas.create({
      size: iommufd.vfioIoas.size,
      op: IommufdFlag.IOMMU_VFIO_IOAS_GET,
    });
    try {
      this.#ioctl('IOMMU_VFIO_IOAS', argument);
    } catch (error) {
      if (isErrno(error, 'ENODEV')) return undefined;
      throw error;
    }
    return iommufd.vfioIoas.read(argument).ioas_id;
  }

  /**
   * @throws KernelError ENOENT if there is no such IOAS
   * @throws MalformedReplyError if the kernel's count makes no sense
   */
  ioasRanges(ioasId: number): IoasRanges {
    const { ioasIovaRanges: layout, iovaRange } = iommufd;
    let room = 16;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const memory = new Uint8Array(room * iovaRange.size);
      const argument = layout.create({ size: layout.size, ioas_id: ioasId, num_iovas: room });
      let complete = true;
      try {
        this.#ioctl('IOMMU_IOAS_IOVA_RANGES', argument, layout.offsets.allowed_iovas, memory);
      } catch (error) {
        if (!isErrno(error, 'EMSGSIZE')) throw error;
        complete = false;
      }
      const { num_iovas: count, out_iova_alignment: alignmentBytes } = layout.read(argument);
      if (count > MOST_RANGES) {
        throw new MalformedReplyError(`IOAS ${ioasId} says that it has ${count} IOVA ranges.`);
      }
      if (complete && count <= room) {
        const ranges = Array.from({ length: count }, (_, index) => {
          const { start, last } = iovaRange.read(memory, index * iovaRange.size);
          return { first: start, last };
        });
        return { ranges, alignmentBytes };
      }
      room = Math.max(count, room + 1);
    }
    throw new MalformedReplyError(`IOAS ${ioasId} never had enough room for its IOVA ranges.`);
  }

  /**
   * @param deviceId id of a device bound to this iommufd
   * @throws KernelError ENOENT (no such device), EOPNOTSUPP, ENOTTY (before Linux 6.6)
   */
  hwInfo(deviceId: number): HwInfo {
    const argument = iommufd.hwInfo.create({ size: iommufd.hwInfo.size, dev_id: deviceId });
    this.#ioctl('IOMMU_GET_HW_INFO', argument);
    const { out_data_type: type, out_capabilities: capabilities } = iommufd.hwInfo.read(argument);
    return {
      type: hwInfoTypes.get(type) ?? `unknown ${type}`,
      capabilities,
      dirtyTracking: (capabilities & BigInt(IommufdFlag.IOMMU_HW_CAP_DIRTY_TRACKING)) !== 0n,
    };
  }

  /**
   * Ids of the page tables (HWPTs with a paging domain). No ioctl lists an iommufd's objects, whose ids are
   * small numbers that count up: the first ones are asked for an impossible range, which only a page table
   * refuses with EINVAL. Changes nothing and reads no bit.
   */
  hwpts(mostObjects = 256): number[] {
    const { hwptGetDirtyBitmap: layout } = iommufd;
    const impossible = { size: layout.size, iova: 1n, length: PAGE, page_size: PAGE };
    const found: number[] = [];
    for (let id = 1; id <= mostObjects; id += 1) {
      try {
        this.#ioctl('IOMMU_HWPT_GET_DIRTY_BITMAP', layout.create({ ...impossible, hwpt_id: id }));
      } catch (error) {
        if (isErrno(error, 'EINVAL')) found.push(id);
        else if (!isErrno(error, 'ENOENT')) throw error;
      }
    }
    return found;
  }

  /**
   * Switches dirty tracking of a page table on or off, for all holders of the iommufd.
   *
   * @throws HarvestRefusedError; KernelError EOPNOTSUPP if the IOMMU can't, ENOENT
   */
  setDirtyTracking(hwptId: number, enable: boolean): void {
    this.gate.check();
    const { hwptSetDirtyTracking: layout } = iommufd;
    const flags = enable ? IommufdFlag.IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0;
    this.#ioctl(
      'IOMMU_HWPT_SET_DIRTY_TRACKING',
      layout.create({ size: layout.size, flags, hwpt_id: hwptId }),
    );
  }

  /**
   * Reads the dirty bits of a range away from the event loop, and clears them unless `keep`. The kernel
   * sets bits and clears none, so the buffer is zeroed first.
   *
   * @param request `pageBytes` may be any power of two that the page table supports
   * @throws HarvestRefusedError; KernelError EOPNOTSUPP, ENOENT, EINVAL
   * @throws RangeError if the bitmap is too short for the range, the range no whole pages, or `pageBytes` no
   *   power of two: the kernel is not told the bitmap's length
   */
  async getDirtyBitmap(hwptId: number, request: BitmapRequest, keep = false): Promise<void> {
    const { iova, bytes, pageBytes } = request;
    const memory = unmeasuredBitmap(request);
    const { hwptGetDirtyBitmap: layout } = iommufd;
    const argument = layout.create({
      size: layout.size,
      hwpt_id: hwptId,
      flags: keep ? IommufdFlag.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR : 0,
      iova,
      length: bytes,
      page_size: BigInt(pageBytes),
    });
    const call = this.#call('IOMMU_HWPT_GET_DIRTY_BITMAP', argument, layout.offsets.data, memory);
    await this.readBitmap(memory, request, (signal) =>
      this.kernel.ioctlAsync(this.fd, call, signal),
    );
  }

  #ioctl(
    name: keyof typeof IommufdIoctl,
    argument: Uint8Array,
    offset?: number,
    memory?: Uint8Array,
  ): void {
    this.kernel.ioctl(this.fd, this.#call(name, argument, offset, memory));
  }

  #call(
    name: keyof typeof IommufdIoctl,
    argument: Uint8Array,
    offset?: number,
    memory?: Uint8Array,
  ): IoctlCall {
    return {
      name,
      request: IommufdIoctl[name],
      argument,
      ...(offset === undefined || memory === undefined ? {} : { pointers: [{ offset, memory }] }),
    };
  }
}
