import type { BitmapEngine } from './engine.js';
import type { ByteSpan, PageRange } from './layout.js';

/** Bytes of a buffer for runs: 8,192 runs of two u32. */
export const RUN_BLOCK_BYTES = 65536;

/**
 * Yields the runs of dirty pages in blocks of page numbers, [first, end) twice a run. A block may be
 * empty; it is overwritten by the next one.
 *
 * @param pieces stretches of the bitmap to look at, ascending, as offsets into the engine's memory;
 *               what lies between two that do not adjoin is clean
 * @param origin offset of page 0
 * @param buffer offset of RUN_BLOCK_BYTES for the blocks
 */
export function* runBlocks(
  engine: BitmapEngine,
  pieces: Iterable<ByteSpan>,
  origin: number,
  buffer: number,
): Generator<Uint32Array, void, undefined> {
  const block = new Uint32Array(engine.buffer, buffer, RUN_BLOCK_BYTES / 4);
  const bufferEnd = buffer + RUN_BLOCK_BYTES;
  /** Edges in the block that were not yielded: 1 while inside a run, whose first page is block[0]. */
  let open = 0;
  let end = origin;
  for (const piece of pieces) {
    if (piece.start !== end && open === 1) {
      block[1] = (end - origin) * 8;
      yield block.subarray(0, 2);
      open = 0;
    }
    end = piece.end;
    for (let at = piece.start; at < end;) {
      const page = (at - origin) * 8;
      const out = buffer + open * 4;
      const { count, stopped } = engine.edges(at, end, page, open === 1, out, bufferEnd);
      const edges = open + count;
      const complete = edges - (edges % 2);
      yield block.subarray(0, complete);
      open = edges - complete;
      if (open === 1) block[0] = block[complete] ?? 0;
      at = stopped;
    }
  }
  if (open === 1) {
    block[1] = (end - origin) * 8;
    yield block.subarray(0, 2);
  }
}

/** Adds up runs and keeps the `limit` longest of them; of equally long ones, the first. */
export class RunSummary {
  /** Dirty pages in all runs so far. */
  pages = 0;
  /** Number of runs so far. */
  runs = 0;
  readonly #limit: number;
  /** Longest first. */
  readonly #longest: PageRange[] = [];
  /** Runs up to this length can't get in any more. */
  #tooShort: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#tooShort = limit > 0 ? 0 : Infinity;
  }

  /** Takes in a block of runs, as {@link runBlocks} yields them; blocks must come in order. */
  add(block: Uint32Array): void {
    let sum = 0;
    for (let i = 0; i < block.length; i += 2) {
      const firstPage = block[i] ?? 0;
      const pages = (block[i + 1] ?? 0) - firstPage;
      sum += pages;
      if (pages > this.#tooShort) this.#insert({ firstPage, pages });
    }
    this.pages += sum;
    this.runs += block.length / 2;
  }

  /** Longest first. */
  longest(): PageRange[] {
    return [...this.#longest];
  }

  /** Rare: a run that gets in is longer than all but `limit` before it. */
  #insert(run: PageRange): void {
    const longest = this.#longest;
    const shorter = longest.findIndex((other) => other.pages < run.pages);
    longest.splice(shorter < 0 ? longest.length : shorter, 0, run);
    if (longest.length > this.#limit) longest.pop();
    if (longest.length === this.#limit) this.#tooShort = longest.at(-1)?.pages ?? 0;
  }
}
