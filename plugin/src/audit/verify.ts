/**
 * The proof that a migration was complete: the whole RAM of the stopped source against that of the
 * destination, which has not run yet, page by page. A dirty page that nobody reported shows here.
 */
import { PrecopyError } from '../errors.js';
import { appendPages, comparePages, type PageDifference } from './compare-pages.js';
import type { LocatedBlock, MemoryLayout, ProcessMemory } from './guest-memory.js';
import { placeRange, type PlacedRange } from './ram-blocks.js';

/** Size of the pages that are compared and counted: QEMU's target page on x86 and arm64. */
export const verifyPageBytes = 4096;

const chunkBytes = 4 << 20;

export interface VerifySide {
  /** Asks QEMU for its RAM blocks; called when all is loaded, since loading can resize them. */
  layout: () => Promise<MemoryLayout>;
  memory: ProcessMemory;
}

export interface VerifyResult {
  comparedBytes: number;
  differingPages: number;
  /** Where they are, in the order of the source's blocks. */
  differences: PlacedRange[];
  /** Migrated blocks that could not be compared, since QEMU does not say where they are. */
  notCompared: { block: string; bytes: number }[];
}

/**
 * Compares every migrated RAM block. Both guests must be stopped for the whole time.
 *
 * @throws PrecopyError VERIFY_DIFFERS if the two sides don't even have the same blocks
 * @throws PrecopyError NO_ACCESS if either QEMU's memory can't be read
 */
export async function verifyMemory(
  source: VerifySide,
  destination: VerifySide,
  options: {
    signal?: AbortSignal;
    onProgress?: (comparedBytes: number, totalBytes: number) => void;
  },
): Promise<VerifyResult> {
  const layout = await source.layout();
  const pairs = pairBlocks(layout, await destination.layout());
  const totalBytes = pairs.reduce((sum, { block }) => sum + block.usedBytes, 0);
  const result: VerifyResult = {
    comparedBytes: 0,
    differingPages: 0,
    differences: [],
    notCompared: layout.unlocated.map(({ name, usedBytes }) => ({
      block: name,
      bytes: usedBytes,
    })),
  };
  const ours = Buffer.allocUnsafeSlow(chunkBytes);
  const theirs = Buffer.allocUnsafeSlow(chunkBytes);
  for (const { block, twin } of pairs) {
    const differences: PageDifference[] = [];
    for (let offset = 0; offset < block.usedBytes; offset += chunkBytes) {
      options.signal?.throwIfAborted();
      const bytes = Math.min(chunkBytes, block.usedBytes - offset);
      const one = ours.subarray(0, bytes);
      const other = theirs.subarray(0, bytes);
      await Promise.all([
        source.memory.read(block.hostAddress + BigInt(offset), one),
        destination.memory.read(twin.hostAddress + BigInt(offset), other),
      ]);
      for (const difference of comparePages(one, other, verifyPageBytes, offset)) {
        appendPages(differences, difference, verifyPageBytes);
        result.differingPages += difference.pages;
      }
      result.comparedBytes += bytes;
      options.onProgress?.(result.comparedBytes, totalBytes);
    }
    for (const { offset, pages } of differences) {
      const bytes = Math.min(pages * verifyPageBytes, block.usedBytes - offset);
      result.differences.push(...placeRange(block, offset, bytes, layout.sections));
    }
  }
  return result;
}

/** A block of the source, and the destination's block of the same name. */
function pairBlocks(
  source: MemoryLayout,
  destination: MemoryLayout,
): { block: LocatedBlock; twin: LocatedBlock }[] {
  const pairs = [];
  for (const block of source.blocks.values()) {
    const twin = destination.blocks.get(block.name);
    if (twin?.usedBytes !== block.usedBytes) {
      throw new PrecopyError(
        'VERIFY_DIFFERS',
        `RAM block ${block.name} has ${block.usedBytes} bytes on the source and ${twin ? `${twin.usedBytes} bytes` : 'no counterpart'} on the destination.`,
        'Start the destination with the same machine type, memory size and devices as the source.',
      );
    }
    pairs.push({ block, twin });
  }
  return pairs;
}
