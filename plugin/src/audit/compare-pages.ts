/** Pages of two equally long stretches of memory that differ. */
export interface PageDifference {
  /** Offset of the first differing page, bytes. */
  offset: number;
  pages: number;
}

/**
 * Compares two stretches of memory page by page and returns the runs of pages that differ, with
 * offsets counted from `base`. The last page may be short.
 *
 * @throws RangeError if the lengths differ
 */
export function comparePages(
  source: Buffer,
  destination: Buffer,
  pageBytes: number,
  base = 0,
): PageDifference[] {
  if (source.length !== destination.length) {
    throw new RangeError(`comparing ${source.length} bytes with ${destination.length} bytes`);
  }
  // memcmp over the whole is an order of magnitude faster than page by page, and nearly always equal.
  if (source.equals(destination)) return [];
  const differences: PageDifference[] = [];
  for (let start = 0; start < source.length; start += pageBytes) {
    const end = Math.min(start + pageBytes, source.length);
    if (source.compare(destination, start, end, start, end) === 0) continue;
    appendPages(differences, { offset: base + start, pages: 1 }, pageBytes);
  }
  return differences;
}

/** Appends a run of pages in ascending order, joined to the last one where they touch. */
export function appendPages(
  differences: PageDifference[],
  next: PageDifference,
  pageBytes: number,
): void {
  const last = differences.at(-1);
  if (last && last.offset + last.pages * pageBytes === next.offset) last.pages += next.pages;
  else differences.push({ ...next });
}
