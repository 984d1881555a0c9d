/**
 * What this package throws:
 *
 *   VfioError                    everything below; `code` is stable, `cause` is kept
 *   ├── KernelError              a system call failed: which one, on which fd, with which errno
 *   ├── MalformedReplyError      the kernel's answer does not fit its own description
 *   ├── Type1Error               a type1 ioctl was refused, and why (VFIO_EINVAL_BISECTED, ...)
 *   ├── BorrowError              another process's fds could not be found or duplicated, and the fix
 *   ├── BitmapError              a dirty bitmap's layout, room or use is wrong (bitmap/errors.ts)
 *   └── HarvestRefusedError      the gate is shut: somebody else's dirty tracking is in use
 */
import { errnoName } from './kernel/errno.js';

/** Base of all errors of this package. */
export class VfioError extends Error {
  override readonly name: string = 'VfioError';
  /** Stable machine-readable code, such as `VFIO_EINVAL_BISECTED`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where a system call failed. */
export interface SystemCallFailure {
  /** The call, with the ioctl's name where it is one: `open`, `VFIO_IOMMU_GET_INFO`. */
  readonly call: string;
  /** Positive errno as in errno.h. */
  readonly errno: number;
  /** The file descriptor it was made on, if any. */
  readonly fd?: number | undefined;
  /** What else identifies the call: a path, a pid. */
  readonly subject?: string | undefined;
}

/** A system call returned -1. `code` is `KERNEL_` and the errno's name (`KERNEL_EPERM`). */
export class KernelError extends VfioError {
  override readonly name = 'KernelError';
  readonly call: string;
  readonly errno: number;
  /** `EPERM`, `EINVAL`, ... */
  readonly errnoName: string;
  readonly fd: number | undefined;

  constructor(failure: SystemCallFailure, options?: ErrorOptions) {
    const name = errnoName(failure.errno);
    const place = [
      failure.fd === undefined ? '' : ` on fd ${failure.fd}`,
      failure.subject === undefined ? '' : ` of ${failure.subject}`,
    ].join('');
    super(`KERNEL_${name}`, `${failure.call}${place} failed with ${name}.`, options);
    this.call = failure.call;
    this.errno = failure.errno;
    this.errnoName = name;
    this.fd = failure.fd;
  }
}

/** The kernel's answer contradicts itself or is longer than what it was given room for. */
export class MalformedReplyError extends VfioError {
  override readonly name = 'MalformedReplyError';

  constructor(message: string, options?: ErrorOptions) {
    super('VFIO_MALFORMED_REPLY', message, options);
  }
}

/** Whether `error` is a {@link KernelError} with one of these errno names (any errno if none is given). */
export function isErrno(error: unknown, ...names: string[]): error is KernelError {
  return error instanceof KernelError && (names.length === 0 || names.includes(error.errnoName));
}
