import { isPageSize } from '../page-size.js';
import type { IovaRange } from '../type1/info.js';
import { BitmapError } from './errors.js';

/** A stretch of pages, numbered from the layout's first IOVA. */
export interface PageRange {
  readonly firstPage: number;
  readonly pages: number;
}

/** A stretch of a bitmap's bytes, in whole 64-bit words; `end` is exclusive. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

export interface BitmapLayoutOptions {
  /** What the bitmap covers: the `iova` and `size` of the kernel's query. Both ends on pages. */
  readonly range: IovaRange;
  /** Bytes a bit stands for; a power of two. type1 takes only the smallest supported one. */
  readonly pageSizeBytes: number;
  /**
   * Where RAM is mapped within `range`: page-aligned, in any order, not overlapping. Only there can
   * bits be set; everything else is a hole that costs neither memory nor time. Without it, the whole
   * range is one section.
   */
  readonly sections?: readonly IovaRange[] | undefined;
}

/** `DIRTY_BITMAP_SIZE_MAX` of drivers/vfio/vfio_iommu_type1.c: the largest bitmap the kernel writes. */
export const MAX_BITMAP_BYTES = 256 * 1024 * 1024;
/** Pages in the largest bitmap: 8 TiB of 4 KiB pages. */
export const MAX_BITMAP_PAGES = MAX_BITMAP_BYTES * 8;

export const PAGES_PER_WORD = 64;
const BYTES_PER_WORD = 8;
/** A hole in a bitmap smaller than a page of memory can't be skipped by leaving memory untouched. */
const MIN_HOLE_BYTES = 4096;

/**
 * What the bits of a dirty bitmap stand for: bit n (bit n % 64 of the little-endian word n / 64) is
 * the page at IOVA `range.first + n * pageSizeBytes`, as in `struct vfio_bitmap` of linux/vfio.h.
 *
 * Immutable; bitmaps that are combined usually share one.
 */
export class BitmapLayout {
  readonly range: IovaRange;
  readonly pageSizeBytes: number;
  /** Number of bits that stand for a page. */
  readonly pages: number;
  /** Length of the bitmap in bytes: whole 64-bit words. */
  readonly bytes: number;
  /** Where bits can be set: ascending, with a gap between each two. */
  readonly sections: readonly PageRange[];
  /** Pages in all sections. */
  readonly mappedPages: number;
  /** The words that hold the sections, small holes included: what a pass over the bitmap reads. */
  readonly spans: readonly ByteSpan[];
  /** The words between and around `spans`, which only {@link DirtyBitmap.countOutsideSections} reads. */
  readonly holes: readonly ByteSpan[];
  /** The bits within `spans` that belong to no section: where the kernel leaves ghost bits. */
  readonly gaps: readonly PageRange[];

  /** @throws {@link BitmapError} `BITMAP_LAYOUT` */
  constructor(options: BitmapLayoutOptions) {
    const { range, pageSizeBytes, sections = [range] } = options;
    if (!isPageSize(pageSizeBytes)) {
      throw invalid(`a page size of ${pageSizeBytes} bytes is not a power of two`);
    }
    this.range = { ...range };
    this.pageSizeBytes = pageSizeBytes;
    checkAligned(range, this.pageSizeBytes);
    const pages = (range.last + 1n - range.first) / BigInt(pageSizeBytes);
    if (pages > BigInt(MAX_BITMAP_PAGES)) {
      throw invalid(
        `${show(range)} has ${pages} pages, and the kernel fills bitmaps of at most ` +
          `${MAX_BITMAP_PAGES} (${MAX_BITMAP_BYTES / 1024 / 1024} MiB); query it in pieces`,
      );
    }
    this.pages = Number(pages);
    this.bytes = Math.ceil(this.pages / PAGES_PER_WORD) * BYTES_PER_WORD;
    this.sections = joinSections(sections.map((section) => this.#pagesOfSection(section)));
    this.mappedPages = this.sections.reduce((sum, section) => sum + section.pages, 0);
    this.spans = wordSpans(this.sections);
    this.holes = holesBetween(this.spans, this.bytes);
    this.gaps = gapsWithin(this.spans, this.sections);
  }

  /** IOVA of the first byte of a page. */
  iovaOf(page: number): bigint {
    this.#checkPage(page);
    return this.range.first + BigInt(page) * BigInt(this.pageSizeBytes);
  }

  /** The page that holds the byte at `iova`. */
  pageOf(iova: bigint): number {
    if (iova < this.range.first || iova > this.range.last) {
      throw outOfRange(`IOVA 0x${iova.toString(16)} lies outside ${show(this.range)}`);
    }
    return Number((iova - this.range.first) / BigInt(this.pageSizeBytes));
  }

  /** The IOVAs of a stretch of pages, as an entry of a page list or a copy would use them. */
  iovasOf(range: PageRange): IovaRange {
    this.checkRange(range);
    if (range.pages === 0) throw outOfRange('a stretch of no pages has no IOVAs');
    const first = this.iovaOf(range.firstPage);
    return { first, last: first + BigInt(range.pages) * BigInt(this.pageSizeBytes) - 1n };
  }

  /** The pages that hold any byte of `range`. */
  pagesOf(range: IovaRange): PageRange {
    if (range.last < range.first) throw outOfRange(`${show(range)} ends before it begins`);
    const firstPage = this.pageOf(range.first);
    return { firstPage, pages: this.pageOf(range.last) - firstPage + 1 };
  }

  /** Whether the bits of both stand for the same pages; their sections may differ. */
  hasSamePages(other: BitmapLayout): boolean {
    return (
      this === other ||
      (this.range.first === other.range.first &&
        this.pages === other.pages &&
        this.pageSizeBytes === other.pageSizeBytes)
    );
  }

  /** Whether all of a stretch of pages lies in sections. */
  maps(range: PageRange): boolean {
    const end = range.firstPage + range.pages;
    return this.sections.some(
      (section) => section.firstPage <= range.firstPage && end <= section.firstPage + section.pages,
    );
  }

  /** Whether every section of `other` lies in sections of this. */
  mapsAllOf(other: BitmapLayout): boolean {
    return this === other || other.sections.every((section) => this.maps(section));
  }

  /** @throws {@link BitmapError} `BITMAP_OUT_OF_RANGE` unless `range` lies within the bitmap. */
  checkRange(range: PageRange): void {
    const { firstPage, pages } = range;
    const whole = Number.isSafeInteger(firstPage) && Number.isSafeInteger(pages);
    if (!whole || firstPage < 0 || pages < 0 || firstPage + pages > this.pages) {
      throw outOfRange(`${pages} pages from page ${firstPage} are not within ${this.pages} pages`);
    }
  }

  #checkPage(page: number): void {
    if (!Number.isSafeInteger(page) || page < 0 || page >= this.pages) {
      throw outOfRange(`page ${page} is not one of ${this.pages} pages`);
    }
  }

  #pagesOfSection(section: IovaRange): PageRange {
    checkAligned(section, this.pageSizeBytes);
    if (section.first < this.range.first || section.last > this.range.last) {
      throw invalid(`section ${show(section)} is not within ${show(this.range)}`);
    }
    return this.pagesOf(section);
  }
}

/** Sorts, and joins what adjoins. */
function joinSections(sections: PageRange[]): PageRange[] {
  const joined: { firstPage: number; pages: number }[] = [];
  for (const section of sections.sort((a, b) => a.firstPage - b.firstPage)) {
    const before = joined.at(-1);
    const end = before === undefined ? -1 : before.firstPage + before.pages;
    if (section.firstPage < end) {
      throw invalid(`two sections both hold page ${section.firstPage}`);
    }
    if (before !== undefined && section.firstPage === end) before.pages += section.pages;
    else joined.push({ ...section });
  }
  return joined;
}

/** The words of each section; sections with less than a page of memory between them share a span. */
function wordSpans(sections: readonly PageRange[]): ByteSpan[] {
  const spans: { start: number; end: number }[] = [];
  for (const { firstPage, pages } of sections) {
    const start = Math.floor(firstPage / PAGES_PER_WORD) * BYTES_PER_WORD;
    const end = Math.ceil((firstPage + pages) / PAGES_PER_WORD) * BYTES_PER_WORD;
    const before = spans.at(-1);
    if (before !== undefined && start - before.end < MIN_HOLE_BYTES) before.end = end;
    else spans.push({ start, end });
  }
  return spans;
}

function holesBetween(spans: readonly ByteSpan[], bytes: number): ByteSpan[] {
  const holes: ByteSpan[] = [];
  let start = 0;
  for (const span of [...spans, { start: bytes, end: bytes }]) {
    if (span.start > start) holes.push({ start, end: span.start });
    start = span.end;
  }
  return holes;
}

function gapsWithin(spans: readonly ByteSpan[], sections: readonly PageRange[]): PageRange[] {
  const gaps: PageRange[] = [];
  let next = 0;
  for (const span of spans) {
    const end = span.end * 8;
    let page = span.start * 8;
    while (page < end) {
      const section = sections[next];
      const until = Math.min(section?.firstPage ?? end, end);
      if (until > page) gaps.push({ firstPage: page, pages: until - page });
      if (section === undefined || section.firstPage >= end) break;
      page = section.firstPage + section.pages;
      next++;
    }
  }
  return gaps;
}

function checkAligned(range: IovaRange, pageSizeBytes: number): void {
  const mask = BigInt(pageSizeBytes) - 1n;
  if (range.first < 0n || range.last < range.first) throw invalid(`${show(range)} is no range`);
  if ((range.first & mask) !== 0n || ((range.last + 1n) & mask) !== 0n) {
    throw invalid(`${show(range)} does not begin and end on pages of ${pageSizeBytes} bytes`);
  }
}

function show(range: IovaRange): string {
  return `0x${range.first.toString(16)}-0x${range.last.toString(16)}`;
}

function invalid(what: string): BitmapError {
  return new BitmapError('BITMAP_LAYOUT', `No dirty bitmap can be laid out: ${what}.`);
}

function outOfRange(what: string): BitmapError {
  return new BitmapError('BITMAP_OUT_OF_RANGE', `Outside of the dirty bitmap: ${what}.`);
}
