import { chanceOfRepeat, type DirtyCurve } from '../dirty.js';
import type { DirtySource, RamStretch } from './types.js';

/** Pages to be sent, alike in what is known of them. */
interface Waiting {
  pages: number;
  readonly zero: boolean;
  /** Length of the window in which they were dirtied; undefined for the first round's. */
  readonly windowMs: number | undefined;
}

/** How much of each source's dirtying happened since the last synchronisation. */
export interface Elapsed {
  /** Time that the guest ran, ms. */
  readonly ms: number;
  /** The same for vCPUs, less what throttling took from them, ms. */
  readonly cpuMs: number;
}

/**
 * QEMU's bitmap of RAM that is still to be sent, as numbers of pages. QEMU's search goes round and
 * round (`last_seen_block`, `last_page`), so what was left over is sent before what came later.
 */
export class RamToSend {
  readonly #total: number;
  readonly #dataPages: number;
  readonly #sources: readonly DirtySource[];
  readonly #queue: Waiting[];
  readonly #clearPieces: number;
  readonly #zeroPageDetection: boolean;
  #pages: number;

  constructor(
    ram: readonly RamStretch[],
    sources: readonly DirtySource[],
    zeroPageDetection: boolean,
    clearPieces: number,
  ) {
    this.#sources = sources;
    this.#clearPieces = clearPieces;
    this.#zeroPageDetection = zeroPageDetection;
    this.#queue = ram
      .filter(({ pages }) => pages > 0)
      .map(({ pages, zero }) => ({
        pages,
        zero: zero && zeroPageDetection,
        windowMs: undefined,
      }));
    this.#total = ram.reduce((sum, { pages }) => sum + pages, 0);
    this.#dataPages = ram.reduce((sum, { pages, zero }) => sum + (zero ? 0 : pages), 0);
    this.#pages = this.#total;
  }

  /** `migration_dirty_pages`. */
  get pages(): number {
    return this.#pages;
  }

  /** What is sent next: how many pages of one kind. */
  next(): { readonly pages: number; readonly zero: boolean } | undefined {
    return this.#queue[0];
  }

  /** Takes pages of what {@link next} shows. */
  take(pages: number): void {
    const first = this.#queue[0];
    if (first === undefined) return;
    const taken = Math.min(pages, first.pages);
    first.pages -= taken;
    this.#pages -= taken;
    // Numbers of pages are expectations, not whole numbers: less than half a page is no page.
    if (first.pages < 0.5) {
      this.#pages -= first.pages;
      this.#queue.shift();
    }
    if (this.#queue.length === 0) this.#pages = 0;
  }

  /**
   * Adds what was dirtied since the last synchronisation.
   *
   * @param factor what chance makes of the expected number, 1 for the expectation itself
   * @returns pages that were not already waiting to be sent (`num_dirty_pages_period` counts those)
   */
  sync(elapsed: Elapsed, factor: number): number {
    const expected = this.#sources.map((source) => this.#dirtied(source, elapsed));
    const dirtied = Math.min(this.#total, factor * expected.reduce((a, b) => a + b, 0));
    const zeros = dirtied * this.#zeroShare(expected);
    const data = dirtied - zeros;
    const before = this.#pages;
    this.#append(zeros - this.#zerosWaiting(zeros), true, elapsed.ms);
    this.#append(data - this.#dataWaiting(data, elapsed), false, elapsed.ms);
    return this.#pages - before;
  }

  /** @param expected pages dirtied by each source */
  #zeroShare(expected: readonly number[]): number {
    if (!this.#zeroPageDetection) return 0;
    const all = expected.reduce((a, b) => a + b, 0);
    const zeros = expected.reduce(
      (sum, pages, i) => sum + pages * (this.#sources[i]?.zeroShare ?? 0),
      0,
    );
    return all === 0 ? 0 : zeros / all;
  }

  #append(expected: number, zero: boolean, windowMs: number): void {
    const pages = Math.min(Math.round(expected), this.#total - this.#pages);
    if (pages <= 0) return;
    this.#queue.push({ pages, zero, windowMs });
    this.#pages += pages;
  }

  #dirtied(source: DirtySource, elapsed: Elapsed): number {
    if (source.kind === 'device') return source.curve.pagesIn(elapsed.ms);
    if (this.#clearPieces <= 1) return source.curve.pagesIn(elapsed.cpuMs);
    return clearedPieceByPiece(source.curve, elapsed.cpuMs, this.#clearPieces);
  }

  /** How many of the pages of zeros that still wait are said to be dirty again. */
  #zerosWaiting(dirtied: number): number {
    if (dirtied === 0) return 0;
    const waiting = this.#queue.reduce((sum, { pages, zero }) => sum + (zero ? pages : 0), 0);
    return waiting * Math.min(1, dirtied / (this.#total - this.#dataPages));
  }

  /** How many of the other pages that still wait were dirtied again: some are the working set. */
  #dataWaiting(dirtied: number, elapsed: Elapsed): number {
    let again = 0;
    for (const { pages, zero, windowMs } of this.#queue) {
      if (zero) continue;
      again +=
        pages *
        (windowMs === undefined ? this.#share(dirtied) : this.#repeat(windowMs, elapsed.ms));
    }
    return again;
  }

  #share(dirtied: number): number {
    return this.#dataPages === 0 ? 0 : Math.min(1, dirtied / this.#dataPages);
  }

  #repeat(beforeMs: number, thenMs: number): number {
    const together: DirtyCurve = {
      pagesIn: (ms) => this.#sources.reduce((sum, { curve }) => sum + curve.pagesIn(ms), 0),
    };
    return chanceOfRepeat(together, beforeMs, thenMs);
  }
}

/** Pieces of the working set are logged from when they are cleared, which spreads over the window. */
function clearedPieceByPiece(curve: DirtyCurve, windowMs: number, pieces: number): number {
  // More terms than this change the mean by less than the curve's own error.
  const terms = Math.min(pieces, 32);
  let sum = 0;
  for (let i = 0; i < terms; i++) sum += curve.pagesIn(windowMs * (1 - i / terms));
  return sum / terms;
}
