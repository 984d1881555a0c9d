/**
 * How much of the RAM is zero, by looking at a sample of its pages: QEMU sends only a header for a page of
 * zeros, so it decides how long the first round takes.
 */
import { ProcessMemory, type LocatedBlock, type MemoryLayout } from '../audit/guest-memory.js';
import type { RamStretch } from '../forecast/qemu-model.js';
import { SoftDirtyBits } from './pagemap.js';

const pageBytes = 4096;
/** A block is taken in stretches, and each is told by some of its pages, evenly spread. */
const stretchesPerBlock = 64;
const samplesPerStretch = 16;
const zeros = Buffer.alloc(pageBytes);

/**
 * All RAM that migrates, in QEMU's order. Blocks that can't be found in its memory count as not zero.
 *
 * @throws PrecopyError NO_ACCESS
 */
export async function contentOf(
  pid: number,
  { blocks, unlocated }: MemoryLayout,
  signal: AbortSignal,
): Promise<RamStretch[]> {
  await using memory = await ProcessMemory.open(pid);
  await using bits = await SoftDirtyBits.open(pid);
  const stretches: RamStretch[] = [];
  for (const block of blocks.values()) {
    stretches.push(...(await sampleContent(block, memory, bits, signal)));
  }
  for (const { usedBytes } of unlocated) {
    stretches.push({ pages: Math.ceil(usedBytes / pageBytes), zero: false });
  }
  return stretches;
}

/** A block in order, a part of each stretch zero. @throws PrecopyError NO_ACCESS */
async function sampleContent(
  block: LocatedBlock,
  memory: ProcessMemory,
  bits: SoftDirtyBits,
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
    const populated: number[] = [];
    const address = block.hostAddress + BigInt(first * pageBytes);
    await bits.read(address, count, (entries, at) => {
      for (let page = 0; page < entries.pages; page += step) {
        looked++;
        // Never touched: zero, and reading it from outside could make QEMU allocate it.
        if (entries.isPopulated(page)) populated.push(at + page);
        else zero++;
      }
    });
    for (const page of populated) {
      await memory.read(address + BigInt(page * pageBytes), buffer);
      if (buffer.equals(zeros)) zero++;
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
