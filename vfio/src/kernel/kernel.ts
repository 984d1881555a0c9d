/**
 * The one edge between this package and the machine. Everything above takes a {@link Kernel}, so that
 * all of it runs without VFIO on a model (vfio/src/model), and no other file knows of koffi.
 *
 * Errors: every method throws {@link KernelError} with the call, the fd and the errno.
 */

/**
 * A user pointer inside an ioctl's argument. The kernel implementation writes the address of `memory`
 * into the argument (8 bytes, little endian, at `offset`) and keeps `memory` alive until the call has
 * settled; callers never see an address.
 */
export interface IoctlPointer {
  /** Where in the argument the `__u64` pointer lies, in bytes. */
  readonly offset: number;
  readonly memory: Uint8Array;
}

/** An ioctl: its number, its name for errors, its argument. */
export interface IoctlCall {
  readonly name: string;
  readonly request: number;
  /** A structure passed by address, or a number passed by value (VFIO_CHECK_EXTENSION). */
  readonly argument?: Uint8Array | number | undefined;
  readonly pointers?: readonly IoctlPointer[] | undefined;
}

/** Memory that the kernel mapped for us; unmapped by `Symbol.dispose`. */
export interface Mapping extends Disposable {
  /** A view of the mapped bytes. It must not be used after the mapping was disposed of. */
  readonly memory: Uint8Array;
}

export interface MapOptions {
  readonly bytes: number;
  /**
   * How many of the bytes {@link Mapping.memory} shows; all unless told otherwise. A mapping may be larger
   * than the largest typed array (`buffer.constants.MAX_LENGTH`), as guest memory of 1 TiB is.
   */
  readonly viewBytes?: number | undefined;
  /** Shared with a file, or private anonymous memory when absent. */
  readonly fd?: number | undefined;
  /** Offset in the file, in bytes. */
  readonly offset?: bigint | undefined;
  readonly writable?: boolean | undefined;
  /** MAP_NORESERVE: costs nothing where it is not touched. */
  readonly noReserve?: boolean | undefined;
}

/** `struct ucred` of unix(7), as the peer had it when it called listen(2) or connect(2). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The system calls that VFIO needs. */
export interface Kernel {
  /** open(2); `flags` as in `fs.constants` (O_CLOEXEC is always added). */
  open(path: string, flags: number): number;
  close(fd: number): void;

  /** ioctl(2). Returns its non-negative result. */
  ioctl(fd: number, call: IoctlCall): number;

  /**
   * ioctl(2) away from the event loop. At most two of the process run at a time, so that a kernel that
   * keeps them waiting never takes all threads of libuv's pool, which file and DNS operations need as well.
   * A call that has begun can't be taken back: `signal` only prevents one that still waits its turn.
   */
  ioctlAsync(fd: number, call: IoctlCall, signal?: AbortSignal): Promise<number>;

  /** pidfd_open(2). */
  pidfdOpen(pid: number): number;
  /** pidfd_getfd(2): duplicates fd `targetFd` of the process; the copy is close-on-exec. */
  pidfdGetfd(pidfd: number, targetFd: number): number;
  /** Calls `onExit` once when the process behind `pidfd` ends. Does not keep the event loop alive. */
  watchExit(pidfd: number, onExit: () => void): Disposable;

  mmap(options: MapOptions): Mapping;
  /** pread(2). Returns the number of bytes read; `position` in bytes. */
  pread(fd: number, memory: Uint8Array, position: bigint): number;

  /** sendmsg(2) with SCM_RIGHTS: sends `data` (at least one byte) and duplicates of `fds`. */
  sendmsg(fd: number, data: Uint8Array, fds: readonly number[]): number;
  /** getsockopt(2) SO_PEERCRED of a connected unix socket. */
  peerCredentials(fd: number): PeerCredentials;

  /** process_vm_readv(2): reads another process's memory at `address`. Returns the bytes read. */
  readProcessMemory(pid: number, address: bigint, memory: Uint8Array): number;
}
