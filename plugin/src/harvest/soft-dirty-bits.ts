/**
 * Soft-dirty bits of a process (Documentation/admin-guide/mm/soft-dirty.rst): cleared through
 * /proc/PID/clear_refs, read through its pagemap. Needs ptrace rights over that process.
 */
import { writeSync } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { PrecopyError, messageOf } from '../errors.js';
import { Pagemap } from './pagemap.js';

const pageBytes = 4096;

export class SoftDirtyBits implements AsyncDisposable {
  readonly pagemap: Pagemap;
  readonly #clearRefs: FileHandle;
  readonly #pid: number;

  private constructor(pagemap: Pagemap, clearRefs: FileHandle, pid: number) {
    this.pagemap = pagemap;
    this.#clearRefs = clearRefs;
    this.#pid = pid;
  }

  /** @throws PrecopyError NO_ACCESS */
  static async open(pid: number): Promise<SoftDirtyBits> {
    const pagemap = await Pagemap.open(pid);
    try {
      return new SoftDirtyBits(pagemap, await open(`/proc/${pid}/clear_refs`, 'w'), pid);
    } catch (cause) {
      await pagemap[Symbol.asyncDispose]();
      throw new PrecopyError(
        'NO_ACCESS',
        `Opening clear_refs of process ${pid} failed: ${messageOf(cause)}.`,
        'Run precopy as root or as the user of that QEMU.',
        { cause },
      );
    }
  }

  /**
   * Clears the bits of the whole process; each page's next write then costs it a page fault. Not away from the
   * event loop, for the same reason as in {@link Pagemap}: 0.6 ms a GiB (native).
   *
   * @throws PrecopyError NO_ACCESS
   */
  clear(): void {
    try {
      writeSync(this.#clearRefs.fd, '4', 0);
    } catch (cause) {
      throw new PrecopyError(
        'NO_ACCESS',
        `Clearing the soft-dirty bits of process ${this.#pid} failed: ${messageOf(cause)}.`,
        'The QEMU has probably ended. Run the command again.',
        { cause },
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pagemap[Symbol.asyncDispose]();
    await this.#clearRefs.close();
  }
}

/**
 * Whether this kernel keeps soft-dirty bits, tried on ourselves: without CONFIG_MEM_SOFT_DIRTY clear_refs
 * takes the 4 and does nothing, and all bits stay 0. After a clear, the pages of our stack that we use
 * are dirty again, and those with the environment are not.
 */
export async function keepsSoftDirtyBits(): Promise<boolean> {
  const maps = await readFile('/proc/self/maps', 'utf8');
  const stack = /^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$/m.exec(maps);
  if (!stack) return false;
  const start = BigInt(`0x${stack[1] ?? ''}`);
  const pages = Number((BigInt(`0x${stack[2] ?? ''}`) - start) / BigInt(pageBytes));
  await using bits = await SoftDirtyBits.open(process.pid);
  bits.clear();
  let dirty = 0;
  await bits.pagemap.forEach('soft-dirty', start, pages, (_, count) => (dirty += count));
  return dirty > 0 && dirty < pages;
}
