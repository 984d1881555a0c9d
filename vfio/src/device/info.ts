/** VFIO_DEVICE_GET_INFO and VFIO_DEVICE_GET_REGION_INFO. */
import { DeviceFlag, RegionFlag, VfioIoctl, vfio } from '../abi/vfio.js';
import {
  type CapabilityFault,
  type RawCapability,
  walkCapabilities,
} from '../info/capabilities.js';
import { callInfo } from '../info/negotiate.js';
import type { Kernel } from '../kernel/kernel.js';

/** Which VFIO bus driver a device speaks as. */
export type DeviceApi = 'pci' | 'platform' | 'amba' | 'ccw' | 'ap' | 'fsl-mc' | 'cdx' | 'unknown';

/** `struct vfio_device_info`. */
export interface DeviceInfo {
  readonly flags: number;
  readonly api: DeviceApi;
  readonly canReset: boolean;
  readonly regions: number;
  readonly interrupts: number;
  readonly capabilities: readonly RawCapability[];
  readonly faults: readonly CapabilityFault[];
}

/** `struct vfio_region_info`. */
export interface RegionInfo {
  readonly index: number;
  readonly flags: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly mappable: boolean;
  /** In bytes; 0 for a region that the device does not implement. */
  readonly bytes: bigint;
  /** Where the region starts in the device file, in bytes: for pread and mmap. */
  readonly fileOffset: bigint;
  readonly capabilities: readonly RawCapability[];
  readonly faults: readonly CapabilityFault[];
}

const apis: readonly [number, DeviceApi][] = [
  [DeviceFlag.VFIO_DEVICE_FLAGS_PCI, 'pci'],
  [DeviceFlag.VFIO_DEVICE_FLAGS_PLATFORM, 'platform'],
  [DeviceFlag.VFIO_DEVICE_FLAGS_AMBA, 'amba'],
  [DeviceFlag.VFIO_DEVICE_FLAGS_CCW, 'ccw'],
  [DeviceFlag.VFIO_DEVICE_FLAGS_AP, 'ap'],
  [DeviceFlag.VFIO_DEVICE_FLAGS_FSL_MC, 'fsl-mc'],
  [DeviceFlag.VFIO_DEVICE_FLAGS_CDX, 'cdx'],
];

/** @throws KernelError; MalformedReplyError if the kernel never has enough room */
export function getDeviceInfo(kernel: Kernel, fd: number): DeviceInfo {
  const memory = callInfo(kernel, fd, {
    name: 'VFIO_DEVICE_GET_INFO',
    request: VfioIoctl.VFIO_DEVICE_GET_INFO,
    structure: vfio.deviceInfo.create({}),
  });
  const info = vfio.deviceInfo.read(memory);
  const hasChain = (info.flags & DeviceFlag.VFIO_DEVICE_FLAGS_CAPS) !== 0;
  return {
    flags: info.flags,
    api: apis.find(([flag]) => (info.flags & flag) !== 0)?.[1] ?? 'unknown',
    canReset: (info.flags & DeviceFlag.VFIO_DEVICE_FLAGS_RESET) !== 0,
    regions: info.num_regions,
    interrupts: info.num_irqs,
    ...walkCapabilities(memory, hasChain ? info.cap_offset : 0, vfio.deviceInfo.size),
  };
}

/** @throws KernelError (EINVAL: no such region); MalformedReplyError */
export function getRegionInfo(kernel: Kernel, fd: number, index: number): RegionInfo {
  const memory = callInfo(kernel, fd, {
    name: `VFIO_DEVICE_GET_REGION_INFO ${index}`,
    request: VfioIoctl.VFIO_DEVICE_GET_REGION_INFO,
    structure: vfio.regionInfo.create({ index }),
  });
  const info = vfio.regionInfo.read(memory);
  const has = (flag: number): boolean => (info.flags & flag) !== 0;
  const first = has(RegionFlag.VFIO_REGION_INFO_FLAG_CAPS) ? info.cap_offset : 0;
  return {
    index,
    flags: info.flags,
    readable: has(RegionFlag.VFIO_REGION_INFO_FLAG_READ),
    writable: has(RegionFlag.VFIO_REGION_INFO_FLAG_WRITE),
    mappable: has(RegionFlag.VFIO_REGION_INFO_FLAG_MMAP),
    bytes: info.size,
    fileOffset: info.offset,
    ...walkCapabilities(memory, first, vfio.regionInfo.size),
  };
}
