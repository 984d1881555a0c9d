/**
 * Linux VFIO: ask the kernel what it can do, borrow a QEMU's files, handle dirty bitmaps.
 *
 * kernel/   the system calls, behind one interface
 * abi/      structures and constants of linux/vfio.h and linux/iommufd.h
 * borrow/   find and duplicate the VFIO files of another process
 * type1/    type1 containers: identity, information, dirty page tracking
 * device/   devices: information, migration features, dirty logging
 * iommufd/  /dev/iommu: dirty tracking of hardware page tables
 * bitmap/   dirty bitmaps in memory that the kernel writes into
 * support/  what dirty tracking can be relied on, with the evidence
 * model/    kernels in memory, for tests
 */
export * from './errors.js';
export type {
  IoctlCall,
  IoctlPointer,
  Kernel,
  MapOptions,
  Mapping,
  PeerCredentials,
} from './kernel/kernel.js';
export { LibcKernel } from './kernel/libc.js';
export * from './abi/vfio.js';
export {
  struct,
  type Fields,
  type FieldType,
  type Layout,
  type Scalar,
  type Values,
} from './abi/layout.js';
export { BorrowableProcess, type BorrowedFd, type ProcessOptions } from './borrow/process.js';
export { peerPid } from './borrow/peer.js';
export { listVfioFds, type ProcessFd, type VfioFdKind } from './borrow/process-fds.js';
export { BorrowError, type BorrowErrorCode, type AccessFacts } from './borrow/refusal.js';
export { Type1Container, type ExtensionAnswer } from './type1/container.js';
export {
  getType1Info,
  type IovaRange,
  type MigrationCapability,
  type Type1Info,
} from './type1/info.js';
export type { CapabilityFault, RawCapability } from './info/capabilities.js';
export {
  DirtyPages,
  type BitmapRequest,
  type DmaMapRequest,
  type IovaSpan,
} from './type1/dirty-pages.js';
export {
  HarvestGate,
  HarvestRefusedError,
  readOverlaps,
  type BitmapReadTimes,
} from './type1/gate.js';
export {
  bitmapBytesFor,
  LARGEST_BITMAP_BYTES,
  Type1Error,
  type Type1ErrorCode,
  type Type1Request,
} from './type1/refusal.js';
export * from './bitmap/index.js';
export * from './abi/iommufd.js';
export { VfioDevice } from './device/device.js';
export { DmaLogging, type DmaLoggingSupport } from './device/dma-logging.js';
export type { FeatureAccess, FeatureAnswer } from './device/feature.js';
export type { DeviceApi, DeviceInfo, RegionInfo } from './device/info.js';
export type { DeviceMigration, DeviceMigrationState } from './device/migration.js';
export { Iommufd, type HwInfo, type IoasRanges } from './iommufd/iommufd.js';
export { observeDirtyTracking, type HeldFd, type ObserveOptions } from './support/observe.js';
export {
  hasFailed,
  type ContainerObservation,
  type DeviceObservation,
  type DirtyTrackingObservation,
  type Failed,
  type GroupObservation,
  type IommufdObservation,
} from './support/observation.js';
export {
  dirtyTrackingSupport,
  INFO_FLAG_DIRTY_PAGES,
  type ContainerSupport,
  type DeviceSideSupport,
  type DeviceSupport,
  type DirtyPageScope,
  type DirtyTrackingSupport,
  type Evidence,
  type Extension9Meaning,
  type IommufdSupport,
  type LoggingOff,
  type SupportHints,
  type SupportProblem,
  type TrackingGeneration,
  type TrackingVerdict,
} from './support/support.js';
export { bitmapFreeFix, mayOopsAtBitmapFree } from './support/bitmap-free.js';
