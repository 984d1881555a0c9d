/**
 * The loops over a bitmap's words, behind one interface with two implementations that pass the same
 * tests: WebAssembly SIMD (engine-simd.ts) and plain TypeScript (engine-plain.ts).
 *
 * An engine owns one block of memory, `buffer`, and names places in it by byte offset. Offsets are
 * multiples of 8, ends are exclusive. Nothing is checked here: DirtyBitmap and the arena are the only
 * callers, and hand in what they allocated.
 */
export interface BitmapEngine {
  readonly name: EngineName;
  /** Never grown nor replaced, so that a view of it, and its address, stay good. */
  readonly buffer: ArrayBuffer;

  /** Number of set bits. */
  popcount(source: number, end: number): number;
  /** target |= source; `end` is the end of the target. */
  or(target: number, end: number, source: number): void;
  /** target &= source */
  and(target: number, end: number, source: number): void;
  /** target &= ~source */
  andNot(target: number, end: number, source: number): void;
  equal(a: number, end: number, b: number): boolean;
  /** Whether every bit of `a` is set in `b`. */
  subset(a: number, end: number, b: number): boolean;
  /** Whether no bit is set. */
  zero(source: number, end: number): boolean;
  /** Clears all bits, and leaves memory that is zero anyway untouched, thus uncommitted. */
  clear(target: number, end: number): void;
  /** Bit number, from `source`, of the set bit with `rank` set bits before it; there must be one. */
  select(source: number, end: number, rank: number): number;
  /**
   * Writes the page numbers at which the bitmap changes between clean and dirty to `out`, one u32
   * each, and stops where the next 64 bytes' edges might not fit any more.
   *
   * @param page  page number of the first bit at `source`
   * @param inRun whether the page before is dirty
   * @param outEnd end of the buffer at `out`; room for at least {@link MIN_EDGES} edges
   */
  edges(
    source: number,
    end: number,
    page: number,
    inRun: boolean,
    out: number,
    outEnd: number,
  ): EdgesResult;
}

export type EngineName = 'simd' | 'plain';

export interface EdgesResult {
  /** Number of edges written. */
  readonly count: number;
  /** Where reading stopped: at `end`, or earlier when `out` was full. */
  readonly stopped: number;
}

/** Room that {@link BitmapEngine.edges} needs to get on: 64 bytes may have so many edges. */
export const MIN_EDGES = 512;

/** The first bytes of every engine's memory are its own. */
export const ENGINE_RESERVED_BYTES = 4096;
