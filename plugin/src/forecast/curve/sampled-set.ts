import type { PageRange, Steps } from 'linux-vfio-ts';
import type { BlockIndex, BlockStretch } from './blocks.js';

/** Where dirty pages come from: a DirtyBitmap of linux-vfio-ts, or runs. */
export type DirtyPages = BitmapLike | readonly PageRange[];

/** The part of DirtyBitmap that is read here. */
export interface BitmapLike {
  /** Bit n for page n, little-endian; a multiple of 8 bytes, aligned to 4. */
  readonly bytes: Uint8Array;
  readonly layout: { readonly spans: readonly { readonly start: number; readonly end: number }[] };
}

/** Pages of a word, the unit of sampling. */
const wordPages = 32;
/** Words of a chunk, the unit of memory: 2 KiB. */
const chunkWords = 512;
/** Chunks that are worked on in one step. */
const stepChunks = 64;

/**
 * Goes over all with a pause after each {@link stepChunks} of them. Nothing else may be asked of their set
 * meanwhile.
 *
 * @param each returns false to end it there
 * @returns false if that ended it
 */
function* paced<Item>(items: Iterable<Item>, each: (item: Item) => unknown): Steps<boolean> {
  let left = stepChunks;
  for (const item of items) {
    if (each(item) === false) return false;
    if (--left > 0) continue;
    left = stepChunks;
    yield;
  }
  return true;
}

/**
 * How many words are kept: one of each 2^`shift` that follow each other, chosen by a hash. All sets
 * of one curve share it, so that their unions are of the same pages. Set by the memory they may take.
 */
export class Sampling {
  #shift = 0;
  #bytes = 0;
  readonly #budgetBytes: number;
  readonly #sets = new Set<SampledSet>();

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** log2 of how many pages each kept page stands for; 0: every page is kept. */
  get shift(): number {
    return this.#shift;
  }

  /** What the sets take now. */
  get bytes(): number {
    return this.#bytes;
  }

  create(): SampledSet {
    const set = new SampledSet(this);
    this.#sets.add(set);
    return set;
  }

  release(set: SampledSet): void {
    this.#sets.delete(set);
    this.#bytes -= set.chunkCount * chunkWords * 4;
  }

  /** Called by a set for each chunk that it makes. */
  allocated(): void {
    this.#bytes += chunkWords * 4;
  }

  get full(): boolean {
    return this.#bytes > this.#budgetBytes;
  }

  /** Halves all sets until they fit. Returns false if they can't: halving no longer helps. */
  *shrink(): Steps<boolean> {
    while (this.full) {
      const before = this.#bytes;
      this.#bytes = 0;
      for (const set of this.#sets) {
        yield* set.halve(this.#shift);
        this.#bytes += set.chunkCount * chunkWords * 4;
      }
      this.#shift++;
      if (this.#bytes >= before) return false;
    }
    return true;
  }
}

/** A set of pages of which a sample is kept; a hash decides which, the same for all sets. */
export class SampledSet {
  readonly #sampling: Sampling;
  #chunks = new Map<number, Uint32Array>();

  constructor(sampling: Sampling) {
    this.#sampling = sampling;
  }

  get chunkCount(): number {
    return this.#chunks.size;
  }

  *add(pages: DirtyPages): Steps<void> {
    yield* this.#withinBudget((full) =>
      isBitmap(pages) ? this.#addWords(pages, full) : this.#addRuns(pages, full),
    );
  }

  /** Adds the pages of another set. */
  *or(other: SampledSet): Steps<void> {
    yield* this.#withinBudget((full) => this.#addSet(other, full));
  }

  /**
   * A set of a large guest can pass the budget alone, so `adding` gives up (false) as soon as memory is
   * full, and is begun anew once all sets are halved: what it has added already is only added again.
   */
  *#withinBudget(adding: (full: () => boolean) => Steps<boolean>): Steps<void> {
    while (!(yield* adding(() => this.#sampling.full))) {
      if (yield* this.#sampling.shrink()) continue;
      yield* adding(() => false);
      return;
    }
  }

  /** How many kept pages are in this set or in `also`; each stands for 2^shift. */
  *count(also?: SampledSet): Steps<number> {
    let total = 0;
    yield* this.#forEachChunk(also, (_, mine, its) => (total += countChunk(mine, its)));
    return total;
  }

  /** The same by block. */
  *countBlocks(index: BlockIndex, also?: SampledSet): Steps<number[]> {
    const counts = index.names.map(() => 0);
    const add = (block: number, pages: number): void => {
      counts[block] = (counts[block] ?? 0) + pages;
    };
    const chunkPages = chunkWords * wordPages * 2 ** this.#sampling.shift;
    yield* this.#forEachChunk(also, (chunk, mine, its) => {
      const [first, end] = [chunk * chunkPages, (chunk + 1) * chunkPages];
      const stretches = index.within(first, end);
      const around = stretches.find((stretch) => stretch.first <= first && stretch.end >= end);
      if (around !== undefined) add(around.block, countChunk(mine, its));
      else {
        this.#forEachWordOf(chunk, mine, its, (page, word) => {
          for (const stretch of stretches) add(stretch.block, countWithin(stretch, page, word));
        });
      }
    });
    return counts;
  }

  /**
   * Calls `visit` with each word that has pages: its first page, and a bit for each of its 32 pages
   * that is in this set or in `also`. Each word stands for 2^shift words around it.
   */
  *forEachWord(visit: (firstPage: number, word: number) => void, also?: SampledSet): Steps<void> {
    yield* this.#forEachChunk(also, (chunk, mine, its) => {
      this.#forEachWordOf(chunk, mine, its, visit);
    });
  }

  *#forEachChunk(
    also: SampledSet | undefined,
    visit: (index: number, mine: Uint32Array | undefined, its: Uint32Array | undefined) => void,
  ): Steps<void> {
    const others = also === undefined ? undefined : also.#chunks;
    yield* paced(this.#chunks, ([index, words]) => {
      visit(index, words, others?.get(index));
    });
    yield* paced(others ?? [], ([index, words]) => {
      if (!this.#chunks.has(index)) visit(index, undefined, words);
    });
  }

  #forEachWordOf(
    chunk: number,
    mine: Uint32Array | undefined,
    its: Uint32Array | undefined,
    visit: (firstPage: number, word: number) => void,
  ): void {
    const { shift } = this.#sampling;
    for (let i = 0; i < chunkWords; i++) {
      const word = (mine?.[i] ?? 0) | (its?.[i] ?? 0);
      if (word !== 0) visit(wordIndex(chunk * chunkWords + i, shift) * wordPages, word);
    }
  }

  /** Keeps one of each two neighbouring words. @param shift before */
  *halve(shift: number): Steps<void> {
    const old = this.#chunks;
    this.#chunks = new Map();
    yield* paced(old, ([index, words]) => {
      let target: Uint32Array | undefined;
      for (let i = 0; i < chunkWords; i++) {
        const word = words[i] ?? 0;
        const slot = index * chunkWords + i;
        const half = Math.floor(slot / 2);
        if (word === 0 || slot % 2 !== chosen(half, shift)) continue;
        const halfChunk = Math.floor(half / chunkWords);
        target ??= this.#chunks.get(halfChunk) ?? new Uint32Array(chunkWords);
        this.#chunks.set(halfChunk, target);
        target[half % chunkWords] = word;
      }
    });
  }

  *#addSet(other: SampledSet, full: () => boolean): Steps<boolean> {
    return yield* paced(other.#chunks, ([index, words]) => {
      const mine = this.#chunk(index);
      for (let i = 0; i < chunkWords; i++) mine[i] = (mine[i] ?? 0) | (words[i] ?? 0);
      return !full();
    });
  }

  *#addWords({ bytes, layout }: BitmapLike, full: () => boolean): Steps<boolean> {
    const all = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const { shift } = this.#sampling;
    for (const { start, end } of layout.spans) {
      const [first, last] = [start / 4, end / 4];
      const lastSlot = Math.ceil(last / 2 ** shift);
      let chunk: Uint32Array | undefined;
      for (let slot = Math.floor(first / 2 ** shift); slot < lastSlot; slot++) {
        if (slot % chunkWords === 0) {
          if (full()) return false;
          chunk = undefined;
          if (slot % (stepChunks * chunkWords) === 0) yield;
        }
        const index = shift === 0 ? slot : wordIndex(slot, shift);
        const word = index < first || index >= last ? 0 : (all[index] ?? 0);
        if (word === 0) continue;
        chunk ??= this.#chunk(Math.floor(slot / chunkWords));
        const at = slot % chunkWords;
        chunk[at] = (chunk[at] ?? 0) | word;
      }
    }
    return true;
  }

  *#addRuns(runs: readonly PageRange[], full: () => boolean): Steps<boolean> {
    return yield* paced(runs, (run) => {
      this.#addRun(run);
      return !full();
    });
  }

  #addRun({ firstPage, pages }: PageRange): void {
    const { shift } = this.#sampling;
    const end = firstPage + pages;
    const lastSlot = Math.floor((end - 1) / wordPages / 2 ** shift);
    for (let slot = Math.floor(firstPage / wordPages / 2 ** shift); slot <= lastSlot; slot++) {
      const first = wordIndex(slot, shift) * wordPages;
      const from = Math.max(0, firstPage - first);
      const to = Math.min(wordPages, end - first);
      if (from < to) this.#set(slot, bits(from, to));
    }
  }

  #set(slot: number, word: number): void {
    const chunk = this.#chunk(Math.floor(slot / chunkWords));
    const at = slot % chunkWords;
    chunk[at] = (chunk[at] ?? 0) | word;
  }

  #chunk(index: number): Uint32Array {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new Uint32Array(chunkWords);
      this.#chunks.set(index, chunk);
      this.#sampling.allocated();
    }
    return chunk;
  }
}

function countChunk(words: Uint32Array | undefined, also: Uint32Array | undefined): number {
  let total = 0;
  for (let i = 0; i < chunkWords; i++) {
    const word = (words?.[i] ?? 0) | (also?.[i] ?? 0);
    if (word !== 0) total += popcount(word);
  }
  return total;
}

function isBitmap(pages: DirtyPages): pages is BitmapLike {
  return 'bytes' in pages;
}

/** Which of the two neighbours at `shift` is kept at `shift` + 1. */
function chosen(half: number, shift: number): 0 | 1 {
  let x = Math.imul(half ^ (shift * 0x9e3779b9), 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return ((x >>> 16) & 1) === 0 ? 0 : 1;
}

/** The word that slot stands for: at each halving, one of two was chosen. */
function wordIndex(slot: number, shift: number): number {
  let index = slot;
  for (let s = shift - 1; s >= 0; s--) index = index * 2 + chosen(index, s);
  return index;
}

function bits(from: number, to: number): number {
  const upTo = to === wordPages ? -1 : (1 << to) - 1;
  return (upTo & ~((1 << from) - 1)) >>> 0;
}

/** Pages of a word that lie in a stretch. */
function countWithin(stretch: BlockStretch, firstPage: number, word: number): number {
  const from = Math.max(0, stretch.first - firstPage);
  const to = Math.min(wordPages, stretch.end - firstPage);
  return from < to ? popcount(word & bits(from, to)) : 0;
}

/** Number of set bits. */
export function popcount(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
