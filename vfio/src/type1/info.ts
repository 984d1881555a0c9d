/** VFIO_IOMMU_GET_INFO: what a type1 container says of itself. */
import { Type1CapabilityId, VfioFlag, VfioIoctl, vfio } from '../abi/vfio.js';
import { MalformedReplyError } from '../errors.js';
import { callInfo } from '../info/negotiate.js';
import type { Kernel } from '../kernel/kernel.js';
import {
  type CapabilityFault,
  type RawCapability,
  walkCapabilities,
} from '../info/capabilities.js';

/** A range of IOVAs; `last` is inclusive, as the top of the address space has no exclusive end. */
export interface IovaRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** `struct vfio_iommu_type1_info_cap_migration`: dirty page tracking as merged in Linux 5.8. */
export interface MigrationCapability {
  readonly version: number;
  readonly flags: number;
  /** One bit for each page size (in bytes) that GET_BITMAP takes. */
  readonly pageSizes: bigint;
  /** The largest bitmap that GET_BITMAP fills, in bytes. */
  readonly largestBitmapBytes: bigint;
}

/** The answer of VFIO_IOMMU_GET_INFO. */
export interface Type1Info {
  /** `flags` as they came; bit 2 is VFIO_IOMMU_INFO_DIRTY_PGS on kernels with a 2020 proposal. */
  readonly flags: number;
  /** Page sizes of the IOMMU, one bit each; undefined if the kernel did not say (flag PGSIZES off). */
  readonly iovaPageSizes: bigint | undefined;
  /** IOVAs that may be mapped; undefined without the capability, as with mdev-only containers. */
  readonly iovaRanges: readonly IovaRange[] | undefined;
  readonly migration: MigrationCapability | undefined;
  /** How many more mappings the container takes. */
  readonly dmaAvailable: number | undefined;
  /** Every capability in the order of the chain, known or not. */
  readonly capabilities: readonly RawCapability[];
  /** What was wrong with the chain; empty on every kernel that behaves. */
  readonly faults: readonly CapabilityFault[];
}

/**
 * Asks for the container's information.
 *
 * @throws KernelError when the ioctl fails (EINVAL: no IOMMU is set, as after QEMU's exit)
 * @throws MalformedReplyError when the kernel never has enough room
 */
export function getType1Info(kernel: Kernel, fd: number): Type1Info {
  return parseType1Info(
    callInfo(kernel, fd, {
      name: 'VFIO_IOMMU_GET_INFO',
      request: VfioIoctl.VFIO_IOMMU_GET_INFO,
      structure: vfio.type1Info.create({}),
    }),
  );
}

/** The container's smallest page size, in bytes: of its mappings, and of its bitmaps. Undefined: not said. */
export function smallestPageBytes({ iovaPageSizes }: Type1Info): number | undefined {
  if (iovaPageSizes === undefined || iovaPageSizes === 0n) return undefined;
  return Number(iovaPageSizes & -iovaPageSizes);
}

/** Reads a filled `struct vfio_iommu_type1_info` with its chain. Pure. */
export function parseType1Info(memory: Uint8Array): Type1Info {
  const info = vfio.type1Info.read(memory);
  const hasChain = (info.flags & VfioFlag.VFIO_IOMMU_INFO_CAPS) !== 0;
  const chain = walkCapabilities(memory, hasChain ? info.cap_offset : 0, vfio.type1Info.size);
  const faults = [...chain.faults];

  /** The capability with this id, if it is long enough for what `parse` reads. */
  const capability = <T>(id: number, parse: (raw: RawCapability) => T): T | undefined => {
    const raw = chain.capabilities.find((candidate) => candidate.id === id);
    if (raw === undefined) return undefined;
    try {
      return parse(raw);
    } catch (error) {
      if (!(error instanceof MalformedReplyError)) throw error;
      faults.push({ kind: 'truncated', offset: raw.offset, message: error.message });
      return undefined;
    }
  };

  return {
    flags: info.flags,
    iovaPageSizes:
      (info.flags & VfioFlag.VFIO_IOMMU_INFO_PGSIZES) === 0 ? undefined : info.iova_pgsizes,
    iovaRanges: capability(Type1CapabilityId.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, ({ bytes }) => {
      const count = vfio.capIovaRange.read(bytes).nr_iovas;
      const room = Math.floor((bytes.byteLength - vfio.capIovaRange.size) / vfio.iovaRange.size);
      if (count > room) {
        throw new MalformedReplyError(`${count} IOVA ranges in room for ${room}`);
      }
      return Array.from({ length: count }, (_, index) => {
        const at = vfio.capIovaRange.size + index * vfio.iovaRange.size;
        const { start, end } = vfio.iovaRange.read(bytes, at);
        return { first: start, last: end };
      });
    }),
    migration: capability(
      Type1CapabilityId.VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
      ({ bytes, version }) => {
        const read = vfio.capMigration.read(bytes);
        return {
          version,
          flags: read.flags,
          pageSizes: read.pgsize_bitmap,
          largestBitmapBytes: read.max_dirty_bitmap_size,
        };
      },
    ),
    dmaAvailable: capability(
      Type1CapabilityId.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
      ({ bytes }) => vfio.capDmaAvail.read(bytes).avail,
    ),
    capabilities: chain.capabilities,
    faults,
  };
}
