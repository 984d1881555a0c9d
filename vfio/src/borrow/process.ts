/** A process (a QEMU) whose VFIO files we duplicate. */
import { isErrno, VfioError } from '../errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { gatherAccessFacts } from './facts.js';
import { listVfioFds, type ProcessFd } from './process-fds.js';
import { BorrowError, explainRefusal } from './refusal.js';

/**
 * A duplicate of another process's file. It shares everything with the original, which stays open when
 * this one is closed. After the other process has ended, ioctls on it fail: EINVAL on a container.
 */
export interface BorrowedFd extends Disposable {
  /** Its number in this process. */
  readonly fd: number;
  /** What it was in the other process. */
  readonly origin: ProcessFd;
}

export interface ProcessOptions {
  /** Where procfs is mounted; `/proc` unless told otherwise. */
  readonly procRoot?: string;
}

/**
 * Holds a pidfd, so that a recycled pid is never mistaken for the process that was meant. Disposing of it
 * closes every file that was borrowed through it.
 */
export class BorrowableProcess implements Disposable {
  readonly pid: number;
  readonly #kernel: Kernel;
  readonly #pidfd: number;
  readonly #procRoot: string;
  readonly #borrowed = new Set<BorrowedFd>();
  readonly #exitListeners = new Set<() => void>();
  readonly #watch: Disposable;
  #exited = false;
  #disposed = false;

  private constructor(kernel: Kernel, pid: number, pidfd: number, procRoot: string) {
    this.#kernel = kernel;
    this.pid = pid;
    this.#pidfd = pidfd;
    this.#procRoot = procRoot;
    this.#watch = kernel.watchExit(pidfd, () => {
      this.#exited = true;
      for (const listener of this.#exitListeners) listener();
      this.#exitListeners.clear();
    });
  }

  /**
   * @throws BorrowError if there is no such process or pidfd_open is refused
   */
  static async open(
    kernel: Kernel,
    pid: number,
    options: ProcessOptions = {},
  ): Promise<BorrowableProcess> {
    const procRoot = options.procRoot ?? '/proc';
    try {
      return new BorrowableProcess(kernel, pid, kernel.pidfdOpen(pid), procRoot);
    } catch (error) {
      throw await refused(kernel, `Can't watch process ${pid}`, pid, procRoot, error);
    }
  }

  /** Whether the process is known to have ended. */
  get exited(): boolean {
    return this.#exited;
  }

  /** Calls `listener` once, when the process ends (at once if it already has). */
  onExit(listener: () => void): Disposable {
    if (this.#exited) {
      listener();
      return { [Symbol.dispose]: () => undefined };
    }
    this.#exitListeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        this.#exitListeners.delete(listener);
      },
    };
  }

  /**
   * Its VFIO files, in the order of their numbers.
   *
   * @throws BorrowError if /proc/PID/fd can't be read
   */
  async list(): Promise<ProcessFd[]> {
    try {
      return await listVfioFds(this.pid, this.#procRoot);
    } catch (error) {
      throw await refused(
        this.#kernel,
        `Can't list the files of process ${this.pid}`,
        this.pid,
        this.#procRoot,
        error,
      );
    }
  }

  /**
   * Duplicates one of its files into this process.
   *
   * @throws BorrowError with the reason and the fix if the kernel refuses
   */
  async borrow(origin: ProcessFd): Promise<BorrowedFd> {
    if (this.#disposed) throw new VfioError('VFIO_DISPOSED', 'This process was disposed of.');
    let fd: number;
    try {
      fd = this.#kernel.pidfdGetfd(this.#pidfd, origin.fd);
    } catch (error) {
      const what = `Can't borrow ${origin.target} (fd ${origin.fd}) from process ${this.pid}`;
      // A process that has ended has no files: EBADF from kernels that keep the zombie's pidfd usable.
      throw await refused(this.#kernel, what, this.pid, this.#procRoot, error, this.#exited);
    }
    const borrowed: BorrowedFd = {
      fd,
      origin,
      [Symbol.dispose]: () => {
        if (this.#borrowed.delete(borrowed)) this.#kernel.close(fd);
      },
    };
    this.#borrowed.add(borrowed);
    return borrowed;
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const borrowed of [...this.#borrowed]) borrowed[Symbol.dispose]();
    this.#watch[Symbol.dispose]();
    this.#exitListeners.clear();
    this.#kernel.close(this.#pidfd);
  }
}

async function refused(
  kernel: Kernel,
  what: string,
  pid: number,
  procRoot: string,
  error: unknown,
  exited = false,
): Promise<BorrowError> {
  const facts = await gatherAccessFacts(kernel, pid, procRoot);
  const call = isErrno(error) ? error.call : 'reading /proc';
  const errnoName = exited ? 'ESRCH' : errnoNameOf(error);
  return new BorrowError(what, pid, explainRefusal(call, errnoName, facts), { cause: error });
}

/** errno of a KernelError or of one of node:fs. */
function errnoNameOf(error: unknown): string {
  if (isErrno(error)) return error.errnoName;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'an unknown error';
}
