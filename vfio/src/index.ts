/**
 * Linux VFIO: ask the kernel what it can do, borrow a QEMU's files, handle dirty bitmaps.
 *
 * kernel/   the system calls, behind one interface
 * abi/      structures and constants of linux/vfio.h and linux/iommufd.h
 * borrow/   find and duplicate the VFIO files of another process
 * type1/    type1 containers: identity, information, dirty page tracking
 * bitmap/   dirty bitmaps in memory that the kernel writes into
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
export type { CapabilityFault, RawCapability } from './type1/capabilities.js';
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
