/** The guest's memory as dirty bitmaps see it. Pure. */
import { BitmapLayout, type IovaSpan } from 'linux-vfio-ts';
import type { MemoryLayout } from '../audit/guest-memory.js';
import { sectionIsOf, type RamSection } from '../audit/ram-blocks.js';
import type { BlockPages } from '../forecast/curve.js';

const pageBytes = 4096;

/**
 * From 0 to above anything that can be mapped: a range that ends inside a mapping (a device's BAR above
 * RAM, for one) is refused. Holes cost address space only; 8 TiB is the most that the kernel takes.
 */
export function bitmapLayoutOf(sections: readonly RamSection[]): BitmapLayout {
  const ranges = sections
    .filter(({ gpa, bytes }) => isAligned(gpa) && isAligned(bytes))
    .map(({ gpa, bytes }) => ({ first: gpa, last: gpa + bytes - 1n }));
  const end = ranges.reduce((most, { last }) => (last > most ? last : most), 0n);
  let top = 1n << 40n;
  while (top <= end) top <<= 1n;
  return new BitmapLayout({
    range: { first: 0n, last: top - 1n },
    pageSizeBytes: pageBytes,
    sections: ranges,
  });
}

/** Where a device without a vIOMMU in front of it reaches the guest's RAM, as QEMU maps it. */
export function deviceSections(sections: readonly RamSection[]): IovaSpan[] {
  return sections
    .filter(({ gpa, bytes, romDevice }) => !romDevice && isAligned(gpa) && isAligned(bytes))
    .map(({ gpa, bytes }) => ({ iova: gpa, bytes }));
}

function isAligned(value: bigint): boolean {
  return value % BigInt(pageBytes) === 0n;
}

/** Each RAM block by its pages in those bitmaps; blocks that the guest does not see are left out. */
export function blockPagesOf({
  blocks,
  unlocated,
  sections,
}: Pick<MemoryLayout, 'blocks' | 'unlocated' | 'sections'>): BlockPages[] {
  return [...blocks.values(), ...unlocated]
    .map((block) => ({
      name: block.name,
      ranges: sections
        .filter((section) => sectionIsOf(section, block))
        .map(({ gpa, bytes }) => ({
          firstPage: Number(gpa / BigInt(pageBytes)),
          pages: Number(bytes / BigInt(pageBytes)),
        })),
    }))
    .filter(({ ranges }) => ranges.length > 0);
}
