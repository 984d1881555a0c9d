import { type BitmapEngine, type EdgesResult, MIN_EDGES } from './engine.js';

const OS_PAGE_BYTES = 4096;

/**
 * The same loops in plain TypeScript on 32-bit words, for runtimes without WebAssembly SIMD.
 * Little-endian machines only, as is every machine that runs Node with VFIO.
 */
export class PlainEngine implements BitmapEngine {
  readonly name = 'plain';
  readonly buffer: ArrayBuffer;
  readonly #words: Uint32Array;

  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Uint32Array(buffer);
  }

  popcount(source: number, end: number): number {
    const words = this.#words;
    const stop = end / 4;
    let total = 0;
    for (let i = source / 4; i < stop; i++) total += popcount32(words[i] ?? 0);
    return total;
  }

  or(target: number, end: number, source: number): void {
    const words = this.#words;
    const stop = end / 4;
    let from = source / 4;
    for (let to = target / 4; to < stop; to++, from++) {
      words[to] = (words[to] ?? 0) | (words[from] ?? 0);
    }
  }

  and(target: number, end: number, source: number): void {
    const words = this.#words;
    const stop = end / 4;
    let from = source / 4;
    for (let to = target / 4; to < stop; to++, from++) {
      words[to] = (words[to] ?? 0) & (words[from] ?? 0);
    }
  }

  andNot(target: number, end: number, source: number): void {
    const words = this.#words;
    const stop = end / 4;
    let from = source / 4;
    for (let to = target / 4; to < stop; to++, from++) {
      words[to] = (words[to] ?? 0) & ~(words[from] ?? 0);
    }
  }

  equal(a: number, end: number, b: number): boolean {
    const words = this.#words;
    const stop = end / 4;
    let j = b / 4;
    for (let i = a / 4; i < stop; i++, j++) if (words[i] !== words[j]) return false;
    return true;
  }

  subset(a: number, end: number, b: number): boolean {
    const words = this.#words;
    const stop = end / 4;
    let j = b / 4;
    for (let i = a / 4; i < stop; i++, j++) {
      if (((words[i] ?? 0) & ~(words[j] ?? 0)) !== 0) return false;
    }
    return true;
  }

  zero(source: number, end: number): boolean {
    const words = this.#words;
    const stop = end / 4;
    for (let i = source / 4; i < stop; i++) if (words[i] !== 0) return false;
    return true;
  }

  clear(target: number, end: number): void {
    for (let at = target; at < end;) {
      const stop = Math.min(at - (at % OS_PAGE_BYTES) + OS_PAGE_BYTES, end);
      if (!this.zero(at, stop)) this.#words.fill(0, at / 4, stop / 4);
      at = stop;
    }
  }

  select(source: number, end: number, rank: number): number {
    const words = this.#words;
    const start = source / 4;
    const stop = end / 4;
    let left = rank;
    for (let i = start; i < stop; i++) {
      let word = words[i] ?? 0;
      const count = popcount32(word);
      if (left >= count) {
        left -= count;
        continue;
      }
      for (; left > 0; left--) word &= word - 1;
      return (i - start) * 32 + lowestBit(word);
    }
    return (stop - start) * 32;
  }

  edges(
    source: number,
    end: number,
    page: number,
    inRun: boolean,
    out: number,
    outEnd: number,
  ): EdgesResult {
    const words = this.#words;
    const full = outEnd / 4 - MIN_EDGES;
    const stop = end / 4;
    const first = out / 4;
    let next = first;
    let before = inRun ? 1 : 0;
    let i = source / 4;
    // Two 32-bit words at a time: callers count in 64-bit words.
    for (; i < stop && next <= full; i += 2) {
      for (let half = i; half < i + 2; half++) {
        const word = words[half] ?? 0;
        let changes = word ^ ((word << 1) | before);
        before = word >>> 31;
        const base = page + (half - source / 4) * 32;
        while (changes !== 0) {
          words[next++] = base + lowestBit(changes);
          changes &= changes - 1;
        }
      }
    }
    return { count: next - first, stopped: i * 4 };
  }
}

/** Number of set bits of a 32-bit word: sums of 1, 2, 4 bits side by side, then of the bytes. */
export function popcount32(word: number): number {
  let sums = word - ((word >>> 1) & 0x55555555);
  sums = (sums & 0x33333333) + ((sums >>> 2) & 0x33333333);
  sums = (sums + (sums >>> 4)) & 0x0f0f0f0f;
  return Math.imul(sums, 0x01010101) >>> 24;
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
