/**
 * What was observed about dirty tracking, as plain data: gathered by observe.ts, judged by support.ts.
 * A recorded observation of another machine is judged the same way.
 */
import type { DeviceInfo } from '../device/info.js';
import type { DeviceMigration, DeviceMigrationState } from '../device/migration.js';
import type { DmaLoggingSupport } from '../device/dma-logging.js';
import type { HwInfo } from '../iommufd/iommufd.js';
import type { ExtensionAnswer } from '../type1/container.js';
import type { Type1Info } from '../type1/info.js';

/** An observation that failed, with the errno's name. */
export interface Failed {
  readonly failed: string;
}

export function hasFailed(answer: unknown): answer is Failed {
  return typeof answer === 'object' && answer !== null && 'failed' in answer;
}

/** One type1 (or type1-like) container. */
export interface ContainerObservation {
  /** Its number in the process that owns it. */
  readonly fd: number;
  /** Whether iommufd answers in place of VFIO (its compatibility container), by IOMMU_VFIO_IOAS. */
  readonly servedByIommufd: boolean | Failed;
  readonly apiVersion: number | Failed;
  readonly extensions: readonly ExtensionAnswer[] | Failed;
  readonly info: Type1Info | Failed;
  /**
   * VFIO_IOMMU_DIRTY_PAGES asked for a page where nothing is mapped: `on`, `off`, or the errno name of a
   * refusal other than EINVAL (ENOTTY: no such ioctl; EACCES: type1 v1). `unasked`: somebody else tracks, or
   * GET_INFO failed, without which EINVAL could not be told from `off`.
   */
  readonly dirtyPages: 'on' | 'off' | 'unasked' | Failed;
  /**
   * VFIO_IOMMU_MAP_DMA with FLAG_VADDR for a whole page where nothing is mapped. ENOENT: the kernel knows the
   * flag, hence the series of Linux 5.12 that made extension 9 UNMAP_ALL and 10 UPDATE_VADDR. EINVAL: it
   * does not know it. Changes nothing either way.
   */
  readonly mapVaddr: string;
}

/** A group that the process holds, and the devices in it. Which container it is in can't be asked. */
export interface GroupObservation {
  readonly group: number;
  readonly devices: readonly {
    /** PCI address or mdev UUID. */
    readonly name: string;
    /** The bus it is on: `pci`, `mdev`, `platform`, ... */
    readonly bus: string | undefined;
    /** `vfio-pci`, `pcieport`, ...; undefined if it has none. */
    readonly driver?: string | undefined;
  }[];
}

export interface DeviceObservation {
  /** Its number in the process that owns it. */
  readonly fd: number;
  /** sysfs path, PCI address or UUID, as far as known. */
  readonly name: string | undefined;
  /** It was opened as /dev/vfio/devices/vfioN, and its memory is mapped by an iommufd. */
  readonly cdev: boolean;
  readonly info: DeviceInfo | Failed;
  readonly migration: DeviceMigration | undefined | Failed;
  readonly state: DeviceMigrationState | undefined | Failed;
  /** In bytes. */
  readonly stopCopyBytes: bigint | undefined;
  readonly dmaLogging: DmaLoggingSupport | Failed;
}

export interface IommufdObservation {
  readonly fd: number;
  /** By device id; empty if no device id is known or none answered. */
  readonly hwInfos: readonly { readonly deviceId: number; readonly hwInfo: HwInfo | Failed }[];
}

export interface DirtyTrackingObservation {
  /** `uname -r`. */
  readonly kernelRelease: string;
  readonly containers: readonly ContainerObservation[];
  readonly groups: readonly GroupObservation[];
  readonly devices: readonly DeviceObservation[];
  readonly iommufds: readonly IommufdObservation[];
}
