/**
 * A {@link Kernel} without a machine: files are objects that answer ioctls. Used by tests, and by users'
 * tests of code that takes a Kernel.
 */
import { KernelError } from '../errors.js';
import { Errno } from '../kernel/errno.js';
import type { IoctlCall, Kernel, Mapping, MapOptions, PeerCredentials } from '../kernel/kernel.js';

/** What an ioctl of a model answers when it refuses: thrown by models, made a KernelError by the kernel. */
export class Refusal extends Error {
  readonly errno: number;

  constructor(name: keyof typeof Errno) {
    super(name);
    this.errno = Errno[name];
  }
}

/** An open file of the model. */
export interface ModelFile {
  /** @throws Refusal */
  ioctl(call: IoctlCall): number;
}

const FIRST_FD = 1000;

export class ModelKernel implements Kernel {
  readonly #files = new Map<number, ModelFile>();
  readonly #paths = new Map<string, () => ModelFile>();
  #nextFd = FIRST_FD;

  /** Makes `open(path)` return a file. */
  provide(path: string, create: () => ModelFile): void {
    this.#paths.set(path, create);
  }

  /** Gives a file a descriptor, as if it had been opened or received. */
  install(file: ModelFile): number {
    const fd = this.#nextFd;
    this.#nextFd += 1;
    this.#files.set(fd, file);
    return fd;
  }

  /** Descriptors that are open: a test's leak check. */
  get openFds(): number[] {
    return [...this.#files.keys()];
  }

  open(path: string): number {
    const create = this.#paths.get(path);
    if (create === undefined)
      throw new KernelError({ call: 'open', subject: path, errno: Errno.ENOENT });
    return this.install(create());
  }

  close(fd: number): void {
    if (!this.#files.delete(fd)) throw new KernelError({ call: 'close', fd, errno: Errno.EBADF });
  }

  ioctl(fd: number, call: IoctlCall): number {
    const file = this.#files.get(fd);
    if (file === undefined) throw new KernelError({ call: call.name, fd, errno: Errno.EBADF });
    try {
      return file.ioctl(call);
    } catch (error) {
      if (error instanceof Refusal)
        throw new KernelError({ call: call.name, fd, errno: error.errno });
      throw error;
    }
  }

  async ioctlAsync(fd: number, call: IoctlCall, signal?: AbortSignal): Promise<number> {
    await Promise.resolve();
    signal?.throwIfAborted();
    return this.ioctl(fd, call);
  }

  mmap(options: MapOptions): Mapping {
    const memory = new Uint8Array(options.viewBytes ?? options.bytes);
    return { memory, [Symbol.dispose]: () => undefined };
  }

  pidfdOpen(pid: number): number {
    return unavailable('pidfd_open', pid);
  }

  pidfdGetfd(pidfd: number): number {
    return unavailable('pidfd_getfd', pidfd);
  }

  watchExit(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  pread(fd: number): number {
    return unavailable('pread', fd);
  }

  sendmsg(fd: number): number {
    return unavailable('sendmsg', fd);
  }

  peerCredentials(fd: number): PeerCredentials {
    return unavailable('getsockopt SO_PEERCRED', fd);
  }

  readProcessMemory(pid: number): number {
    return unavailable('process_vm_readv', pid);
  }
}

/** The model has ioctls only; other processes are tested with real ones. */
function unavailable(call: string, subject: number): never {
  throw new KernelError({ call, subject: String(subject), errno: Errno.ENOSYS });
}
