/**
 * How much of the RAM is zero, by looking at a sample of its pages: QEMU sends only a header for a page of
 * zeros, so it decides how long the first round takes.
 */
import { ProcessMemory, type LocatedBlock, type MemoryLayout } from '../audit/guest-memory.js';
import { PrecopyError } from '../errors.js';
import type { RamStretch } from '../forecast/qemu-model.js';
import { Pagemap } from './pagemap.js';
import { residentBytes } from './resident.js';

const pageBytes = 4096;
/** A block is taken in stretches, and each is told by some of its pages, evenly spread. */
const stretchesPerBlock = 64;
const samplesPerStretch = 16;
const zeros = Buffer.alloc(pageBytes);

/** What RAM holds, and what limits that knowledge. */
export interface RamContent {
  readonly ram: readonly RamStretch[];
  readonly caveats: readonly string[];
}

/**
 * All RAM that migrates, in QEMU's order. Blocks that can't be found in its memory count as not zero.
 *
 * @param pid of the QEMU; undefined where it is not on this host
 */
export async function contentOf(
  pid: number | undefined,
  layout: MemoryLayout,
  signal: AbortSignal,
): Promise<RamContent> {
  if (pid === undefined) return await guessContent(undefined, layout);
  try {
    return { ram: await sampleBlocks(pid, layout, signal), caveats: [] };
  } catch (error) {
    if (!(error instanceof PrecopyError) || error.code !== 'NO_ACCESS') throw error;
    return await guessContent(pid, layout);
  }
}

async function sampleBlocks(
  pid: number,
  { blocks, unlocated }: MemoryLayout,
  signal: AbortSignal,
): Promise<RamStretch[]> {
  await using memory = await ProcessMemory.open(pid);
  await using pagemap = await Pagemap.open(pid);
  const stretches: RamStretch[] = [];
  for (const block of blocks.values()) {
    stretches.push(...(await sampleContent(block, memory, pagemap, signal)));
  }
  for (const { usedBytes } of unlocated) {
    stretches.push({ pages: Math.ceil(usedBytes / pageBytes), zero: false });
  }
  return stretches;
}

/** Without a look at it: what QEMU does not have in memory is zero, as nobody ever wrote it. */
async function guessContent(
  pid: number | undefined,
  { blocks, unlocated }: MemoryLayout,
): Promise<RamContent> {
  const bytes = [...blocks.values(), ...unlocated].reduce((sum, block) => sum + block.usedBytes, 0);
  const pages = Math.ceil(bytes / pageBytes);
  const resident = pid === undefined ? undefined : await residentBytes(pid);
  const full = Math.min(pages, Math.ceil((resident ?? bytes) / pageBytes));
  const ram: RamStretch[] = [];
  append(ram, { pages: full, zero: false });
  append(ram, { pages: pages - full, zero: true });
  return {
    ram,
    caveats: [
      `The RAM could not be looked at (no ptrace rights over that QEMU, or it is not on this host): ${
        resident === undefined
          ? 'all of it counts as not zero'
          : 'as much as QEMU has in memory counts as not zero, an upper bound but for what is swapped out'
      }.`,
    ],
  };
}

/** A block in order, a part of each stretch zero. @throws PrecopyError NO_ACCESS */
async function sampleContent(
  block: LocatedBlock,
  memory: ProcessMemory,
  pagemap: Pagemap,
  signal: AbortSignal,
): Promise<RamStretch[]> {
  const pages = Math.ceil(block.usedBytes / pageBytes);
  const stretches: RamStretch[] = [];
  const length = Math.max(samplesPerStretch, Math.ceil(pages / stretchesPerBlock));
  const buffer = Buffer.alloc(pageBytes);
  for (let first = 0; first < pages; first += length) {
    signal.throwIfAborted();
    const count = Math.min(length, pages - first);
    const step = Math.max(1, Math.floor(count / samplesPerStretch));
    let [looked, zero] = [0, 0];
    for (let page = first; page < first + count; page += step) {
      looked++;
      const address = block.hostAddress + BigInt(page) * BigInt(pageBytes);
      // Never touched: zero, and reading it from outside could make QEMU allocate it.
      const populated = await pagemap.isPopulated(address);
      if (populated) await memory.read(address, buffer);
      if (!populated || buffer.equals(zeros)) zero++;
    }
    const zeroPages = Math.round((count * zero) / looked);
    append(stretches, { pages: zeroPages, zero: true });
    append(stretches, { pages: count - zeroPages, zero: false });
  }
  return stretches;
}

/** Joins it to the last one where both are alike. */
function append(stretches: RamStretch[], next: RamStretch): void {
  if (next.pages === 0) return;
  const last = stretches.at(-1);
  if (last?.zero === next.zero) {
    stretches.splice(-1, 1, { pages: last.pages + next.pages, zero: next.zero });
  } else stretches.push(next);
}

/** Pages of all stretches together. */
export function sumOfPages(stretches: readonly RamStretch[]): number {
  return stretches.reduce((sum, { pages }) => sum + pages, 0);
}
