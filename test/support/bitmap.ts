import { BitmapLayout, type DirtyBitmap, type PageRange } from 'linux-vfio-ts';
import fc from 'fast-check';

export const pageSizeBytes = 4096;

/** IOVAs of a stretch of pages counted from `first`. */
export function iovas(range: PageRange, first = 0n): { first: bigint; last: bigint } {
  const start = first + BigInt(range.firstPage) * BigInt(pageSizeBytes);
  return { first: start, last: start + BigInt(range.pages) * BigInt(pageSizeBytes) - 1n };
}

/** A layout of `pages` pages from IOVA 0 with RAM in `sections` (everywhere if left out). */
export function layoutOf(pages: number, sections?: readonly PageRange[]): BitmapLayout {
  return new BitmapLayout({
    range: iovas({ firstPage: 0, pages }),
    pageSizeBytes,
    sections: sections?.map((section) => iovas(section)),
  });
}

export function pagesOf(ranges: Iterable<PageRange>): number[] {
  const pages: number[] = [];
  for (const { firstPage, pages: count } of ranges) {
    for (let i = 0; i < count; i++) pages.push(firstPage + i);
  }
  return pages;
}

export function addAll(bitmap: DirtyBitmap, pages: Iterable<number>): void {
  for (const page of pages) bitmap.add({ firstPage: page, pages: 1 });
}

/** The runs in a sorted list of pages, found the slow and obvious way. */
export function runsOf(sortedPages: readonly number[]): PageRange[] {
  const runs: { firstPage: number; pages: number }[] = [];
  for (const page of sortedPages) {
    const last = runs.at(-1);
    if (last !== undefined && last.firstPage + last.pages === page) last.pages++;
    else runs.push({ firstPage: page, pages: 1 });
  }
  return runs;
}

/** Sections with holes of all sizes, from one page to some that are worth skipping. */
export const sectionsArbitrary: fc.Arbitrary<PageRange[]> = fc
  .array(
    fc.record({
      hole: fc.oneof(fc.nat(3), fc.nat(200), fc.nat(80_000)),
      pages: fc.oneof(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 3000 }),
      ),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => {
    let next = 0;
    return parts.map(({ hole, pages }) => {
      const firstPage = next + hole;
      next = firstPage + pages;
      return { firstPage, pages };
    });
  });

/** A set of pages of `sections`: lonely ones and runs, sorted. */
export function pagesArbitrary(sections: readonly PageRange[]): fc.Arbitrary<number[]> {
  const run = fc.constantFrom(...sections).chain((section) =>
    fc
      .tuple(fc.nat(section.pages - 1), fc.oneof(fc.constant(1), fc.nat(300)))
      .map(([offset, pages]) => ({
        firstPage: section.firstPage + offset,
        pages: Math.min(pages, section.pages - offset),
      })),
  );
  return fc
    .array(run, { maxLength: 12 })
    .map((runs) => [...new Set(pagesOf(runs))].sort((a, b) => a - b));
}
