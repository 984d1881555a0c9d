/**
 * {@link Kernel} over libc, through koffi. Linux on 64-bit little-endian machines (x86_64, aarch64).
 *
 * What koffi asks of us (3.3):
 * - `koffi.errno()` is right directly after a synchronous call and inside an asynchronous call's
 *   callback, and nowhere else.
 * - An asynchronous call does not keep its buffers alive; neither does any call for memory that it
 *   reaches through an address inside a structure. Both are held in `#held` until the call is over.
 * - A variadic function can't be called asynchronously: ioctl is declared twice with fixed arguments.
 */
import { constants as bufferConstants } from 'node:buffer';
import koffi, { type KoffiFunc } from 'koffi';
import { KernelError, type SystemCallFailure, VfioError } from '../errors.js';
import type {
  IoctlCall,
  IoctlPointer,
  Kernel,
  MapOptions,
  Mapping,
  PeerCredentials,
} from './kernel.js';
import { Lane } from './lane.js';

// The same numbers on every architecture (include/uapi/asm-generic/unistd.h).
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_FAILED = 0xffffffffffffffffn;

const O_CLOEXEC = 0o2000000;

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SO_PEERCRED = 17;

/**
 * How many ioctls may be away at a time: two, and never all of libuv's pool (of a pool of one nothing can
 * be left).
 *
 * @param poolSize UV_THREADPOOL_SIZE as libuv reads it: atoi(3), so what is no number is 0, and 0 is one thread
 */
export function asyncIoctls(poolSize: string | undefined): number {
  const threads = poolSize === undefined ? 4 : Number.parseInt(poolSize, 10) || 1;
  return threads < 0 || threads > 2 ? 2 : 1;
}

/** One for all instances, as there is one pool. */
const lane = new Lane(asyncIoctls(process.env['UV_THREADPOOL_SIZE']));

type Memory = Uint8Array | null;

interface Libc {
  open: KoffiFunc<(path: string, flags: number, mode: number) => number>;
  close: KoffiFunc<(fd: number) => number>;
  ioctlPointer: KoffiFunc<(fd: number, request: number, argument: Memory | bigint) => number>;
  ioctlValue: KoffiFunc<(fd: number, request: number, argument: number) => number>;
  syscall: KoffiFunc<(number: number, a: number, b: number, c: number) => number>;
  mmap: KoffiFunc<
    (
      at: null,
      bytes: number,
      prot: number,
      flags: number,
      fd: number,
      offset: bigint,
    ) => number | bigint
  >;
  munmap: KoffiFunc<(address: bigint, bytes: number) => number>;
  pread: KoffiFunc<(fd: number, memory: Uint8Array, bytes: number, offset: bigint) => number>;
  sendmsg: KoffiFunc<(fd: number, message: Uint8Array, flags: number) => number>;
  getsockopt: KoffiFunc<
    (fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array) => number
  >;
  processVmReadv: KoffiFunc<
    (
      pid: number,
      local: Uint8Array,
      localCount: number,
      remote: Uint8Array,
      remoteCount: number,
      flags: number,
    ) => number
  >;
}

let bound: Libc | undefined;

/** Binds libc at the first use, so that importing this package works on any machine. */
function bindLibc(): Libc {
  if (bound !== undefined) return bound;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new VfioError(
      'VFIO_UNSUPPORTED_PLATFORM',
      `VFIO needs Linux on x86_64 or aarch64; this is ${process.platform} on ${process.arch}.`,
    );
  }
  const libc = koffi.load(null);
  // koffi types every function as (...any) => any; this table is where the types are stated.
  bound = {
    open: libc.func('int open(const char *path, int flags, int mode)'),
    close: libc.func('int close(int fd)'),
    ioctlPointer: libc.func('int ioctl(int fd, unsigned long request, void *argument)'),
    ioctlValue: libc.func('int ioctl(int fd, unsigned long request, unsigned long argument)'),
    syscall: libc.func('long syscall(long number, long a, long b, long c)'),
    mmap: libc.func(
      'uintptr_t mmap(void *at, size_t bytes, int prot, int flags, int fd, int64_t offset)',
    ),
    munmap: libc.func('int munmap(uintptr_t address, size_t bytes)'),
    pread: libc.func('intptr_t pread(int fd, void *memory, size_t bytes, int64_t offset)'),
    sendmsg: libc.func('intptr_t sendmsg(int fd, const void *message, int flags)'),
    getsockopt: libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
    processVmReadv: libc.func(
      'intptr_t process_vm_readv(int pid, const void *local, unsigned long localCount, const void *remote, unsigned long remoteCount, unsigned long flags)',
    ),
  };
  return bound;
}

/** The machine's kernel. One instance serves a whole process, and several share what is limited. */
export class LibcKernel implements Kernel {
  readonly #libc = bindLibc();
  readonly #held = new Set<readonly Memory[]>();
  /** The argument of the last synchronous ioctl, and where it is once it was given twice. */
  #repeated: Memory = null;
  #repeatedAddress: bigint | undefined;

  open(path: string, flags: number): number {
    const fd = this.#libc.open(path, flags | O_CLOEXEC, 0);
    if (fd < 0) fail({ call: 'open', subject: path, errno: koffi.errno() });
    return fd;
  }

  close(fd: number): void {
    if (this.#libc.close(fd) < 0) fail({ call: 'close', fd, errno: koffi.errno() });
  }

  ioctl(fd: number, call: IoctlCall): number {
    const { argument, pointers } = call;
    if (pointers !== undefined) return this.#ioctlWithPointers(fd, call, pointers);
    const result =
      typeof argument === 'object'
        ? this.#libc.ioctlPointer(fd, call.request, this.#place(argument))
        : this.#libc.ioctlValue(fd, call.request, argument ?? 0);
    if (result < 0) fail({ call: call.name, fd, errno: koffi.errno() });
    return result;
  }

  ioctlAsync(fd: number, call: IoctlCall, signal?: AbortSignal): Promise<number> {
    return lane.run(
      () =>
        new Promise<number>((resolve, reject) => {
          const held = writePointers(call, call.pointers ?? []);
          this.#held.add(held);
          const settle = (error: unknown, result: number): void => {
            const errno = koffi.errno();
            this.#held.delete(held);
            if (error !== null && error !== undefined) {
              const cause = { cause: error };
              reject(new VfioError('VFIO_CALL_FAILED', `${call.name} was not called.`, cause));
            } else if (result < 0) {
              reject(new KernelError({ call: call.name, fd, errno }));
            } else {
              resolve(result);
            }
          };
          const { argument } = call;
          try {
            if (typeof argument === 'object') {
              this.#libc.ioctlPointer.async(fd, call.request, argument, settle);
            } else {
              this.#libc.ioctlValue.async(fd, call.request, argument ?? 0, settle);
            }
          } catch (error) {
            // koffi takes no more calls, or not these arguments: it will not call back.
            settle(error, -1);
          }
        }),
      signal,
    );
  }

  pidfdOpen(pid: number): number {
    const pidfd = this.#libc.syscall(SYS_PIDFD_OPEN, pid, 0, 0);
    if (pidfd < 0) fail({ call: 'pidfd_open', subject: `process ${pid}`, errno: koffi.errno() });
    return pidfd;
  }

  pidfdGetfd(pidfd: number, targetFd: number): number {
    const fd = this.#libc.syscall(SYS_PIDFD_GETFD, pidfd, targetFd, 0);
    if (fd < 0) {
      const subject = `the other process's fd ${targetFd}`;
      fail({ call: 'pidfd_getfd', fd: pidfd, subject, errno: koffi.errno() });
    }
    return fd;
  }

  watchExit(pidfd: number, onExit: () => void): Disposable {
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      handle.close();
    };
    // A pidfd becomes readable when its process has ended (pidfd_open(2)).
    const handle = koffi.node.poll(pidfd, { readable: true }, () => {
      if (!open) return;
      close();
      onExit();
    });
    handle.unref();
    return { [Symbol.dispose]: close };
  }

  mmap(options: MapOptions): Mapping {
    const { bytes, fd, offset = 0n, writable = false, noReserve = false } = options;
    const viewBytes = options.viewBytes ?? bytes;
    // koffi.view ends the process when V8 refuses the length.
    if (viewBytes > bufferConstants.MAX_LENGTH || viewBytes > bytes) {
      throw new RangeError(
        `A view of ${viewBytes} bytes of ${bytes} mapped bytes is not possible.`,
      );
    }
    const flags =
      (fd === undefined ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) |
      (noReserve ? MAP_NORESERVE : 0);
    const prot = PROT_READ | (writable ? PROT_WRITE : 0);
    const address = BigInt(this.#libc.mmap(null, bytes, prot, flags, fd ?? -1, offset));
    if (address === MAP_FAILED) {
      fail({ call: 'mmap', fd, subject: `${bytes} bytes`, errno: koffi.errno() });
    }
    const memory = new Uint8Array(koffi.view(address, viewBytes));
    let mapped = true;
    return {
      memory,
      [Symbol.dispose]: () => {
        if (!mapped) return;
        mapped = false;
        this.#libc.munmap(address, bytes);
      },
    };
  }

  pread(fd: number, memory: Uint8Array, position: bigint): number {
    const bytes = this.#libc.pread(fd, memory, memory.byteLength, position);
    if (bytes < 0) fail({ call: 'pread', fd, errno: koffi.errno() });
    return bytes;
  }

  sendmsg(fd: number, data: Uint8Array, fds: readonly number[]): number {
    const control = controlMessage(fds);
    const vector = ioVector(addressOf(data), data.byteLength);
    const message = messageHeader(vector, control);
    const held = [data, control, vector];
    this.#held.add(held);
    const sent = this.#libc.sendmsg(fd, message, 0);
    const errno = koffi.errno();
    this.#held.delete(held);
    if (sent < 0) fail({ call: 'sendmsg', fd, errno });
    return sent;
  }

  peerCredentials(fd: number): PeerCredentials {
    const value = new Uint8Array(12);
    const length = Uint8Array.of(value.byteLength, 0, 0, 0);
    if (this.#libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, length) < 0) {
      fail({ call: 'getsockopt SO_PEERCRED', fd, errno: koffi.errno() });
    }
    const view = new DataView(value.buffer);
    return {
      pid: view.getInt32(0, true),
      uid: view.getUint32(4, true),
      gid: view.getUint32(8, true),
    };
  }

  readProcessMemory(pid: number, address: bigint, memory: Uint8Array): number {
    const local = ioVector(addressOf(memory), memory.byteLength);
    const remote = ioVector(address, memory.byteLength);
    const held = [memory];
    this.#held.add(held);
    const bytes = this.#libc.processVmReadv(pid, local, 1, remote, 1, 0);
    const errno = koffi.errno();
    this.#held.delete(held);
    if (bytes < 0) fail({ call: 'process_vm_readv', subject: `process ${pid}`, errno });
    return bytes;
  }

  /** koffi takes an address faster than memory: by a quarter of what it adds to an ioctl. */
  #place(argument: Memory): Memory | bigint {
    // Memory that was handed on (detached) is empty, and its address somebody else's.
    if (argument === null || argument !== this.#repeated || argument.byteLength === 0) {
      this.#repeated = argument;
      this.#repeatedAddress = undefined;
      return argument;
    }
    return (this.#repeatedAddress ??= addressOf(argument));
  }

  #ioctlWithPointers(fd: number, call: IoctlCall, pointers: readonly IoctlPointer[]): number {
    const held = writePointers(call, pointers);
    this.#held.add(held);
    const result = this.#libc.ioctlPointer(fd, call.request, call.argument as Uint8Array);
    const errno = koffi.errno();
    this.#held.delete(held);
    if (result < 0) fail({ call: call.name, fd, errno });
    return result;
  }
}

function addressOf(memory: Uint8Array): bigint {
  // koffi's types say bigint, but it gives a number where that is exact.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-conversion
  return BigInt(koffi.address(memory));
}

function fail(failure: SystemCallFailure): never {
  throw new KernelError(failure);
}

/** Writes the addresses into the argument; returns all that must stay alive during the call. */
function writePointers(call: IoctlCall, pointers: readonly IoctlPointer[]): Memory[] {
  const { argument } = call;
  if (typeof argument !== 'object') {
    if (pointers.length > 0) throw new TypeError(`${call.name}: pointers need a structure.`);
    return [];
  }
  const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
  for (const { offset, memory } of pointers) {
    view.setBigUint64(offset, addressOf(memory), true);
  }
  return [argument, ...pointers.map(({ memory }) => memory)];
}

/** `struct iovec`. */
function ioVector(address: bigint, bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigUint64(0, address, true);
  view.setBigUint64(8, BigInt(bytes), true);
  return new Uint8Array(view.buffer);
}

/** `struct cmsghdr` with SCM_RIGHTS, padded to 8 bytes as CMSG_SPACE does. */
function controlMessage(fds: readonly number[]): Uint8Array {
  const bytes = 16 + fds.length * 4;
  const view = new DataView(new ArrayBuffer(Math.ceil(bytes / 8) * 8));
  view.setBigUint64(0, BigInt(bytes), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  fds.forEach((fd, index) => {
    view.setInt32(16 + index * 4, fd, true);
  });
  return new Uint8Array(view.buffer);
}

/** `struct msghdr` with one iovec and one control message. */
function messageHeader(vector: Uint8Array, control: Uint8Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(56));
  view.setBigUint64(16, addressOf(vector), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, addressOf(control), true);
  view.setBigUint64(40, BigInt(control.byteLength), true);
  return new Uint8Array(view.buffer);
}
