/** Reads of dirty bits for which the kernel would write past the bitmap, as it is told no length. */
import type { BitmapRequest } from 'linux-vfio-ts';

const PAGE = 4096;

export const unsafeReads: readonly { readonly name: string; readonly request: BitmapRequest }[] = [
  {
    name: 'a bitmap of fewer bits than pages',
    request: request({ bytes: 65n * 4096n, bitmap: new Uint8Array(8) }),
  },
  // 64 pages have 8 bytes; the 65th has a bit of its own though it is not whole.
  {
    name: 'a range with a piece of a page at its end',
    request: request({ bytes: 64n * 4096n + 512n }),
  },
  // Its last page would be the one before 2^64.
  { name: 'an empty range', request: request({ bytes: 0n }) },
  // __ffs takes it for 4 KiB, which are three times as many bits.
  {
    name: 'a page size that is no power of two',
    request: request({ bytes: 192n * 4096n, pageBytes: 12_288 }),
  },
];

function request(parts: Partial<BitmapRequest>): BitmapRequest {
  return { iova: 0n, bytes: 4096n, pageBytes: PAGE, bitmap: new Uint8Array(8), ...parts };
}
