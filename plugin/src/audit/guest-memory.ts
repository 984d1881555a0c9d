/**
 * A QEMU's guest RAM read from outside, through /proc/PID/mem. Needs ptrace rights over that QEMU
 * (same user and no dumpable restriction, or CAP_SYS_PTRACE), as borrowing its fds does.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { PrecopyError } from '../errors.js';
import {
  parseRamBlocks,
  parseRamSections,
  sectionIsOf,
  type RamBlock,
  type RamSection,
} from './ram-blocks.js';

/** Runs a human monitor command and returns its text. */
export type HumanMonitor = (commandLine: string) => Promise<string>;

/** A RAM block at its address in QEMU's own memory. */
export type LocatedBlock = RamBlock & { hostAddress: bigint };

/** What `describeMemory` found out about one QEMU's RAM. */
export interface MemoryLayout {
  /** The blocks that migrate, by name, each with its host address. */
  blocks: Map<string, LocatedBlock>;
  /** Blocks that migrate but that this QEMU gives no way to find in its memory. */
  unlocated: RamBlock[];
  sections: RamSection[];
}

/**
 * Asks QEMU for its RAM blocks and their places. An older QEMU (7.2) prints no host addresses in `info
 * ramblock`; there `gpa2hva` finds the blocks that are mapped into the guest's address space, and the
 * others are listed in `unlocated`.
 */
export async function describeMemory(monitor: HumanMonitor): Promise<MemoryLayout> {
  const sections = await ramSections(monitor);
  const blocks = new Map<string, LocatedBlock>();
  const unlocated: RamBlock[] = [];
  for (const block of parseRamBlocks(await monitor('info ramblock'))) {
    // A block without a name (a device's mapped BAR, for example) does not migrate.
    if (block.name === '') continue;
    const hostAddress = block.hostAddress ?? (await findThroughGuest(monitor, block, sections));
    if (hostAddress === undefined) unlocated.push(block);
    else blocks.set(block.name, { ...block, hostAddress });
  }
  return { blocks, unlocated, sections };
}

/** Where RAM stands in the guest's physical address space now. */
export async function ramSections(monitor: HumanMonitor): Promise<RamSection[]> {
  return parseRamSections(await monitor('info mtree -f'));
}

async function findThroughGuest(
  monitor: HumanMonitor,
  block: RamBlock,
  sections: readonly RamSection[],
): Promise<bigint | undefined> {
  for (const section of sections) {
    if (!sectionIsOf(section, block)) continue;
    const text = await monitor(`gpa2hva 0x${section.gpa.toString(16)}`);
    const address = /Host virtual address for 0x[0-9a-f]+ \(.*\) is 0x([0-9a-f]+)/.exec(text)?.[1];
    if (address !== undefined) return BigInt(`0x${address}`) - section.blockOffset;
  }
  return undefined;
}

/** An open view of a process's memory. */
export class ProcessMemory implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #pid: number;

  private constructor(file: FileHandle, pid: number) {
    this.#file = file;
    this.#pid = pid;
  }

  /** @throws PrecopyError NO_ACCESS if the kernel does not let us read that process */
  static async open(pid: number): Promise<ProcessMemory> {
    try {
      return new ProcessMemory(await open(`/proc/${pid}/mem`, 'r'), pid);
    } catch (cause) {
      throw new PrecopyError(
        'NO_ACCESS',
        `Opening /proc/${pid}/mem to read the RAM of QEMU (pid ${pid}) failed: ${errnoName(cause)}.`,
        'Run precopy as root or with CAP_SYS_PTRACE, on the host and in the PID namespace where that QEMU runs.',
        { cause },
      );
    }
  }

  /** Fills `buffer` from `address`. @throws PrecopyError NO_ACCESS if a page can't be read */
  async read(address: bigint, buffer: Buffer): Promise<void> {
    let done = 0;
    while (done < buffer.length) {
      const at = address + BigInt(done);
      const bytesRead = await this.#file
        // A user-space address is below 2^47 (five-level paging is only used on request), so exact.
        .read(buffer, done, buffer.length - done, Number(at))
        .then((result) => result.bytesRead)
        .catch((cause: unknown) => {
          throw this.#unreadable(at, cause);
        });
      if (bytesRead === 0) throw this.#unreadable(at);
      done += bytesRead;
    }
  }

  #unreadable(address: bigint, cause?: unknown): PrecopyError {
    return new PrecopyError(
      'NO_ACCESS',
      `Reading the memory of QEMU (pid ${this.#pid}) at 0x${address.toString(16)} failed: ${cause === undefined ? 'end of file' : errnoName(cause)}.`,
      'The QEMU probably ended, or unplugged that memory. Look at its log.',
      { cause },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

function errnoName(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : String(error);
}
