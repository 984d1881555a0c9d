import { finish } from './cooperate.js';
import type { BitmapEngine } from './engine.js';
import { popcount32 } from './engine-plain.js';
import { BitmapError } from './errors.js';
import { type BitmapLayout, type ByteSpan, type PageRange, PAGES_PER_WORD } from './layout.js';
import { runBlocks, RunSummary } from './runs.js';

/**
 * Bytes that an engine is given at a time. It keeps steps short for those who share the event loop,
 * and calls frequent for V8, which can only replace its baseline WebAssembly code between calls.
 */
const PIECE_BYTES = 2 ** 20;
/** The smallest unit in which the operating system backs memory. */
const MEMORY_PAGE_BYTES = 4096;

/** A bitmap's place in its arena. @internal */
export interface BitmapMemory {
  /** Offset of the bitmap in the engine's memory. */
  readonly start: number;
  /** The engine; throws when the bitmap or the arena was disposed of. */
  use(): BitmapEngine;
  release(): void;
  borrowRunBuffer(): number;
  returnRunBuffer(buffer: number): void;
}

/** Work in small steps: give it to {@link cooperate}. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** Operations of {@link DirtyBitmap} that do their work in steps; each is as its namesake, if it has one. */
export interface BitmapSteps {
  count(range?: PageRange): Steps<number>;
  isEmpty(): Steps<boolean>;
  clear(): Steps<void>;
  copyFrom(other: DirtyBitmap): Steps<void>;
  or(other: DirtyBitmap): Steps<void>;
  and(other: DirtyBitmap): Steps<void>;
  andNot(other: DirtyBitmap): Steps<void>;
  equals(other: DirtyBitmap): Steps<boolean>;
  isSubsetOf(other: DirtyBitmap): Steps<boolean>;
  countOutsideSections(): Steps<number>;
  /**
   * Has the operating system back all that a harvest may write, 32 KiB for each GiB of the sections. The first
   * harvest would else have that done at once, which can keep this thread from memory of its own.
   */
  commit(): Steps<void>;
}

/**
 * A set of dirty pages, in the kernel's format (`struct vfio_bitmap` of linux/vfio.h): 64-bit
 * little-endian words, bit n for page n of the layout.
 *
 * Made by {@link BitmapArena.create}. Give {@link bytes} to VFIO_IOMMU_DIRTY_PAGES with GET_BITMAP and
 * the kernel writes straight into it; then call {@link keepSections}, before anything else looks at it.
 *
 * Everything works on the sections of the layout alone. Bits elsewhere are not part of the set; nothing
 * here sets them, and {@link countOutsideSections} tells whether the kernel has.
 *
 * All methods throw {@link BitmapError} `BITMAP_DISPOSED` after disposal. One that takes another bitmap
 * throws `BITMAP_LAYOUTS_DIFFER` unless both have the same base, page size and length (and come from
 * the same arena).
 */
export class DirtyBitmap implements Disposable {
  readonly layout: BitmapLayout;
  readonly #memory: BitmapMemory;

  /** @internal */
  constructor(layout: BitmapLayout, memory: BitmapMemory) {
    this.layout = layout;
    this.#memory = memory;
  }

  /**
   * The bits themselves, at an address that stays the same until the bitmap is disposed of. It must
   * not be disposed of while a system call writes into it: its room may be another bitmap's by then.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.use().buffer, this.#memory.start, this.layout.bytes);
  }

  /**
   * The operations on whole bitmaps in steps of at most a MiB of bitmap, for {@link cooperate}: where a
   * process must not be held up for as long as all of a large bitmap takes. The same otherwise; the
   * bitmaps must not change meanwhile.
   */
  get steps(): BitmapSteps {
    return {
      count: (range) => this.#count(range),
      isEmpty: () => this.#isEmpty(),
      clear: () => this.#clear(),
      copyFrom: (other) => this.#copyFrom(other),
      or: (other) => this.#or(other),
      and: (other) => this.#and(other),
      andNot: (other) => this.#andNot(other),
      equals: (other) => this.#equals(other),
      isSubsetOf: (other) => this.#isSubsetOf(other),
      countOutsideSections: () => this.#countOutsideSections(),
      commit: () => this.#commit(),
    };
  }

  /** Number of dirty pages, all or those of a stretch. @throws `BITMAP_OUT_OF_RANGE` */
  count(range?: PageRange): number {
    return finish(this.#count(range));
  }

  isEmpty(): boolean {
    return finish(this.#isEmpty());
  }

  /** Whether a page is dirty. @throws `BITMAP_OUT_OF_RANGE` */
  has(page: number): boolean {
    this.layout.checkRange({ firstPage: page, pages: 1 });
    return (((this.bytes[page >>> 3] ?? 0) >>> (page & 7)) & 1) === 1;
  }

  /** Makes a stretch of pages dirty. @throws `BITMAP_OUT_OF_RANGE` unless it lies in sections. */
  add(range: PageRange): void {
    this.layout.checkRange(range);
    if (range.pages > 0 && !this.layout.maps(range)) {
      throw new BitmapError(
        'BITMAP_OUT_OF_RANGE',
        `No section maps all of the ${range.pages} pages from page ${range.firstPage}.`,
      );
    }
    fillBits(this.bytes, range, true);
  }

  /** Makes a stretch of pages clean. @throws `BITMAP_OUT_OF_RANGE` */
  remove(range: PageRange): void {
    this.layout.checkRange(range);
    fillBits(this.bytes, range, false);
  }

  /**
   * Makes all pages clean. The kernel does not write holes between mappings, and mixes what it finds
   * in a mapping's first word into the answer: a bitmap must be clear before it is harvested into.
   */
  clear(): void {
    finish(this.#clear());
  }

  /** Makes this the same set as `other`; its sections must lie within this bitmap's. */
  copyFrom(other: DirtyBitmap): void {
    finish(this.#copyFrom(other));
  }

  /** Adds the pages of `other`, whose sections must lie within this bitmap's. */
  or(other: DirtyBitmap): void {
    finish(this.#or(other));
  }

  /** Keeps the pages that are in `other` too. */
  and(other: DirtyBitmap): void {
    finish(this.#and(other));
  }

  /** Removes the pages of `other`. */
  andNot(other: DirtyBitmap): void {
    finish(this.#andNot(other));
  }

  /** Whether both are the same set, whatever their sections. */
  equals(other: DirtyBitmap): boolean {
    return finish(this.#equals(other));
  }

  /** Whether all pages of this are in `other`. */
  isSubsetOf(other: DirtyBitmap): boolean {
    return finish(this.#isSubsetOf(other));
  }

  /**
   * The dirty page that has `rank` dirty pages before it; undefined if there are not that many.
   * `nth(0)` is the first.
   */
  nth(rank: number): number | undefined {
    const engine = this.#memory.use();
    if (!Number.isSafeInteger(rank) || rank < 0) return undefined;
    let left = rank;
    for (const { start, end } of this.#pieces()) {
      const count = engine.popcount(start, end);
      if (left < count) {
        return (start - this.#memory.start) * 8 + engine.select(start, end, left);
      }
      left -= count;
    }
    return undefined;
  }

  /** The runs of dirty pages, ascending; those of a stretch are cut off at its ends. */
  *runs(range?: PageRange): Generator<PageRange, void, undefined> {
    const from = range?.firstPage ?? 0;
    const to = range === undefined ? Infinity : range.firstPage + range.pages;
    for (const block of this.runBlocks(range)) {
      for (let i = 0; i < block.length; i += 2) {
        const firstPage = Math.max(block[i] ?? 0, from);
        const pages = Math.min(block[i + 1] ?? 0, to) - firstPage;
        if (pages > 0) yield { firstPage, pages };
      }
    }
  }

  /**
   * The runs of dirty pages in blocks, for loops that must be fast: [first page, page after the last)
   * for each run of a block, ascending. A block is good until the next one is asked for, and may be
   * empty: each takes at most about a millisecond (a MiB of bitmap or 8,192 runs), so that a caller can
   * give way to the event loop in between. With `range`, whole words around its ends are looked at.
   */
  *runBlocks(range?: PageRange): Generator<Uint32Array, void, undefined> {
    const engine = this.#memory.use();
    const pieces = this.#pieces(range);
    const buffer = this.#memory.borrowRunBuffer();
    try {
      for (const block of runBlocks(engine, pieces, this.#memory.start, buffer)) {
        yield block;
        this.#memory.use();
      }
    } finally {
      this.#memory.returnRunBuffer(buffer);
    }
  }

  /** The first runs, at most `limit`. */
  firstRuns(limit: number): PageRange[] {
    const found: PageRange[] = [];
    if (limit <= 0) return found;
    for (const run of this.runs()) {
      found.push(run);
      if (found.length === limit) break;
    }
    return found;
  }

  /** The longest runs, at most `limit`, longest first; of equally long ones, the first. */
  longestRuns(limit: number): PageRange[] {
    const summary = new RunSummary(limit);
    for (const block of this.runBlocks()) summary.add(block);
    return summary.longest();
  }

  /**
   * Clears what the kernel leaves beside the sections in the words that it writes. Where a mapping does
   * not start on a multiple of 64 pages of the range, update_user_bitmap() of vfio_iommu_type1.c shifts
   * the mapping's own bitmap in place, and up to as many bits as it shifts come back as ghosts past the
   * mapping's end at later harvests. A ghost that falls on the next mapping's pages can't be told from
   * a dirty page: it stays, and costs one copy of a clean page.
   *
   * @returns how many ghosts there were
   */
  keepSections(): number {
    const bytes = this.bytes;
    let ghosts = 0;
    for (const gap of this.layout.gaps) {
      ghosts += countBits(this.#words(), gap);
      fillBits(bytes, gap, false);
    }
    return ghosts;
  }

  /**
   * Bits set outside of all sections. After {@link keepSections} there are none, unless the kernel wrote
   * where the layout has a hole: mappings have moved since the layout was made, and the harvest holds
   * pages that the sections hide. This reads the holes, which everything else leaves alone.
   */
  countOutsideSections(): number {
    return finish(this.#countOutsideSections());
  }

  /** Frees the bitmap's room in the arena. Further use throws; disposing twice does not. */
  [Symbol.dispose](): void {
    this.#memory.release();
  }

  *#count(range?: PageRange): Steps<number> {
    let total = 0;
    for (const { start, end } of this.#pieces(range)) {
      total += this.#memory.use().popcount(start, end);
      yield;
    }
    return range === undefined ? total : total - this.#countBeside(range);
  }

  *#isEmpty(): Steps<boolean> {
    for (const { start, end } of this.#pieces()) {
      if (!this.#memory.use().zero(start, end)) return false;
      yield;
    }
    return true;
  }

  *#clear(): Steps<void> {
    for (const { start, end } of this.#pieces()) {
      this.#memory.use().clear(start, end);
      yield;
    }
  }

  *#commit(): Steps<void> {
    for (const { start, end } of this.#pieces()) {
      const bytes = new Uint8Array(this.#memory.use().buffer, start, end - start);
      // A write of what is there is a write.
      for (let at = 0; at < bytes.length; at += MEMORY_PAGE_BYTES) bytes[at] = bytes[at] ?? 0;
      yield;
    }
  }

  *#copyFrom(other: DirtyBitmap): Steps<void> {
    if (other === this) return;
    this.#distanceTo(other, 'copy');
    this.#checkSections(other, 'copied');
    yield* this.#clear();
    yield* this.#or(other);
  }

  *#or(other: DirtyBitmap): Steps<void> {
    const distance = this.#distanceTo(other, 'add');
    this.#checkSections(other, 'added');
    for (const { start, end } of other.#pieces()) {
      this.#engineWith(other).or(start - distance, end - distance, start);
      yield;
    }
  }

  *#and(other: DirtyBitmap): Steps<void> {
    const distance = this.#distanceTo(other, 'intersect with');
    for (const { start, end } of this.#pieces()) {
      this.#engineWith(other).and(start, end, start + distance);
      yield;
    }
  }

  *#andNot(other: DirtyBitmap): Steps<void> {
    const distance = this.#distanceTo(other, 'subtract');
    for (const { start, end } of this.#pieces()) {
      this.#engineWith(other).andNot(start, end, start + distance);
      yield;
    }
  }

  *#equals(other: DirtyBitmap): Steps<boolean> {
    const distance = this.#distanceTo(other, 'compare with');
    for (const { start, end } of this.#pieces()) {
      if (!this.#engineWith(other).equal(start, end, start + distance)) return false;
      yield;
    }
    return this.layout === other.layout || (yield* other.#isSubsetOf(this));
  }

  *#isSubsetOf(other: DirtyBitmap): Steps<boolean> {
    const distance = this.#distanceTo(other, 'compare with');
    for (const { start, end } of this.#pieces()) {
      if (!this.#engineWith(other).subset(start, end, start + distance)) return false;
      yield;
    }
    return true;
  }

  *#countOutsideSections(): Steps<number> {
    const { start: origin } = this.#memory;
    let total = 0;
    for (const { start, end } of pieces(this.layout.holes, origin, 0, this.layout.bytes)) {
      total += this.#memory.use().popcount(start, end);
      yield;
    }
    const words = this.#words();
    return this.layout.gaps.reduce((sum, gap) => sum + countBits(words, gap), total);
  }

  /**
   * What a pass reads, at most PIECE_BYTES at a time, as offsets into the engine's memory: the layout's
   * spans, or those words of them that hold pages of `range`.
   */
  #pieces(range?: PageRange): Iterable<ByteSpan> {
    if (range !== undefined) this.layout.checkRange(range);
    const { start } = this.#memory;
    const from = range === undefined ? 0 : wordFloor(range.firstPage);
    const to =
      range === undefined ? this.layout.bytes : wordFloor(range.firstPage + range.pages + 63);
    return pieces(this.layout.spans, start, from, range?.pages === 0 ? from : to);
  }

  /** Bits in the first and last word of a stretch that are not part of it. */
  #countBeside(range: PageRange): number {
    const end = range.firstPage + range.pages;
    if (range.pages === 0) return 0;
    const words = this.#words();
    const before = range.firstPage % PAGES_PER_WORD;
    const after = (PAGES_PER_WORD - (end % PAGES_PER_WORD)) % PAGES_PER_WORD;
    return (
      countBits(words, { firstPage: range.firstPage - before, pages: before }) +
      countBits(words, { firstPage: end, pages: after })
    );
  }

  #words(): Uint32Array {
    return new Uint32Array(this.#memory.use().buffer, this.#memory.start, this.layout.bytes / 4);
  }

  /** The engine that has both; throws when either was disposed of. */
  #engineWith(other: DirtyBitmap): BitmapEngine {
    other.#memory.use();
    return this.#memory.use();
  }

  /** How far behind this bitmap `other` lies in the engine's memory, in bytes. */
  #distanceTo(other: DirtyBitmap, verb: string): number {
    if (other.#memory.use() !== this.#memory.use()) {
      throw new BitmapError(
        'BITMAP_LAYOUTS_DIFFER',
        `Can't ${verb} a bitmap of another arena. Create both in one arena.`,
      );
    }
    if (!this.layout.hasSamePages(other.layout)) {
      const [mine, its] = [this.layout, other.layout].map(
        ({ range, pages, pageSizeBytes }) =>
          `${pages} pages of ${pageSizeBytes} bytes from IOVA 0x${range.first.toString(16)}`,
      );
      throw new BitmapError(
        'BITMAP_LAYOUTS_DIFFER',
        `Can't ${verb} a bitmap whose bits stand for other pages: ${mine ?? ''} here, ${its ?? ''} there.`,
      );
    }
    return other.#memory.start - this.#memory.start;
  }

  #checkSections(other: DirtyBitmap, participle: string): void {
    if (this.layout.mapsAllOf(other.layout)) return;
    throw new BitmapError(
      'BITMAP_LAYOUTS_DIFFER',
      `The bitmap to be ${participle} has sections that this one has not, whose pages would be lost. ` +
        `Create the target with the sections of both.`,
    );
  }
}

/** Offset in a bitmap of the word that holds a page. */
function wordFloor(page: number): number {
  return Math.floor(page / PAGES_PER_WORD) * 8;
}

function* pieces(
  spans: readonly ByteSpan[],
  origin: number,
  from: number,
  to: number,
): Generator<ByteSpan, void, undefined> {
  for (const span of spans) {
    const end = Math.min(span.end, to);
    for (let start = Math.max(span.start, from); start < end; start += PIECE_BYTES) {
      yield { start: origin + start, end: origin + Math.min(start + PIECE_BYTES, end) };
    }
  }
}

/** Set bits in a stretch of pages; for short stretches. */
function countBits(words: Uint32Array, { firstPage, pages }: PageRange): number {
  let total = 0;
  for (let page = firstPage; page < firstPage + pages;) {
    const bits = Math.min(32 - (page % 32), firstPage + pages - page);
    const word = (words[Math.floor(page / 32)] ?? 0) >>> (page % 32);
    total += popcount32(bits === 32 ? word : word & (2 ** bits - 1));
    page += bits;
  }
  return total;
}

function fillBits(bytes: Uint8Array, { firstPage, pages }: PageRange, dirty: boolean): void {
  let page = firstPage;
  const end = firstPage + pages;
  const single = (until: number): void => {
    for (; page < until; page++) {
      const index = page >>> 3;
      const bit = 1 << (page & 7);
      bytes[index] = dirty ? (bytes[index] ?? 0) | bit : (bytes[index] ?? 0) & ~bit;
    }
  };
  single(Math.min(Math.ceil(firstPage / 8) * 8, end));
  const wholeEnd = Math.floor(end / 8) * 8;
  if (wholeEnd > page) {
    bytes.fill(dirty ? 0xff : 0, page / 8, wholeEnd / 8);
    page = wholeEnd;
  }
  single(end);
}
