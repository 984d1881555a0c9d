/**
 * Reads of a dirty bitmap, a section of guest memory at a time: what IOMMU_HWPT_GET_DIRTY_BITMAP needs, which
 * ends at the first hole of a range without an error, and what QEMU does with a device's log.
 */
import {
  bitmapBytesFor,
  cooperate,
  type BitmapRequest,
  type DirtyBitmap,
  type Steps,
} from 'linux-vfio-ts';

/** Bits of a word: where a section begins in the middle of one, the kernel can't write into the bitmap. */
const wordPages = 64;
/** Of a bitmap, between two looks at the clock: less than a ms, whatever is set. */
const stepBytes = 1024;

/** Reads a range; the bits that it sets are all that the request's bitmap then holds. */
export type ReadBitmap = (request: BitmapRequest) => Promise<void>;

/** Sets in `bitmap`, which is clear, what any of `readers` says of each section of its layout. */
export async function readSections(
  bitmap: DirtyBitmap,
  readers: readonly ReadBitmap[],
  signal: AbortSignal,
): Promise<void> {
  const { layout } = bitmap;
  const pageBytes = layout.pageSizeBytes;
  for (const section of layout.sections) {
    const { first, last } = layout.iovasOf(section);
    const bytes = last - first + 1n;
    const bitmapBytes = bitmapBytesFor(bytes, pageBytes);
    for (const [index, read] of readers.entries()) {
      const span = { iova: first, bytes, pageBytes, signal };
      if (index === 0 && section.firstPage % wordPages === 0) {
        const at = section.firstPage / 8;
        await read({ ...span, bitmap: bitmap.bytes.subarray(at, at + bitmapBytes) });
        continue;
      }
      const apart = new Uint8Array(bitmapBytes);
      await read({ ...span, bitmap: apart });
      await cooperate(addPages(bitmap, section.firstPage, apart), { signal });
    }
  }
}

/** Adds the pages whose bits are set, the first of them being `firstPage`. */
function* addPages(bitmap: DirtyBitmap, firstPage: number, bits: Uint8Array): Steps<void> {
  for (let index = 0; index < bits.length; index++) {
    const byte = bits[index] ?? 0;
    for (let bit = 0; byte >> bit !== 0; bit++) {
      if (((byte >> bit) & 1) === 1)
        bitmap.add({ firstPage: firstPage + index * 8 + bit, pages: 1 });
    }
    if (index % stepBytes === 0) yield;
  }
}
