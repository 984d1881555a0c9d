import { type BitmapEngine, type EdgesResult, ENGINE_RESERVED_BYTES } from './engine.js';
import { BitmapError } from './errors.js';
import { FasterWay } from './faster-way.js';
import { kernelsBase64 } from './kernels.generated.js';

const WASM_PAGE_BYTES = 65536;

/** The exports of assembly/kernels.ts. WebAssembly hands unsigned results back as signed ones. */
interface Kernels {
  popcount(source: number, end: number): number;
  popcountPages(source: number, end: number): number;
  or(target: number, end: number, source: number): void;
  and(target: number, end: number, source: number): void;
  andNot(target: number, end: number, source: number): void;
  equal(a: number, end: number, b: number): number;
  subset(a: number, end: number, b: number): number;
  zero(source: number, end: number): number;
  clear(target: number, end: number): void;
  select(source: number, end: number, rank: number): number;
  edges(
    source: number,
    end: number,
    page: number,
    inRun: number,
    out: number,
    outEnd: number,
    stopped: number,
  ): number;
}

let compiled: WebAssembly.Module | undefined;

/** Below, what is counted lies in a near cache, where the two ways of counting are alike. */
const LARGE_BYTES = 2 ** 20;
/** 0: popcount, 1: popcountPages. */
const wayToCount = new FasterWay();

/** Whether this runtime runs the SIMD kernels; it does not without WebAssembly (`--jitless`). */
export function simdAvailable(): boolean {
  return typeof WebAssembly !== 'undefined' && WebAssembly.validate(kernelBytes());
}

/** The kernels of assembly/kernels.ts over a WebAssembly memory of fixed size. */
export class SimdEngine implements BitmapEngine {
  readonly name = 'simd';
  readonly buffer: ArrayBuffer;
  readonly #kernels: Kernels;
  /** Where `edges` leaves its second result: a word of the reserved bytes. */
  readonly #stopped: Uint32Array;

  /** @throws {@link BitmapError} `BITMAP_NO_SIMD` */
  constructor(capacityBytes: number) {
    if (!simdAvailable()) {
      throw new BitmapError(
        'BITMAP_NO_SIMD',
        "This JavaScript runtime has no WebAssembly SIMD. Use engine 'plain', or leave the choice open.",
      );
    }
    compiled ??= new WebAssembly.Module(kernelBytes());
    const pages = Math.ceil(capacityBytes / WASM_PAGE_BYTES);
    // All of it at once: growing would detach `buffer`. Untouched pages cost only address space.
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const instance = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#kernels = instance.exports as unknown as Kernels;
    // Compiled now, and not in the first large count, which may have an event loop to share.
    this.#kernels.popcountPages(0, 0);
    this.buffer = memory.buffer;
    this.#stopped = new Uint32Array(this.buffer, ENGINE_RESERVED_BYTES - 4, 1);
  }

  popcount(source: number, end: number): number {
    const bytes = end - source;
    const kernels = this.#kernels;
    if (bytes < LARGE_BYTES) return kernels.popcount(source, end) >>> 0;
    const way = wayToCount.next;
    const start = performance.now();
    const count = way === 0 ? kernels.popcount(source, end) : kernels.popcountPages(source, end);
    wayToCount.took(way, (performance.now() - start) / bytes);
    return count >>> 0;
  }

  or(target: number, end: number, source: number): void {
    this.#kernels.or(target, end, source);
  }

  and(target: number, end: number, source: number): void {
    this.#kernels.and(target, end, source);
  }

  andNot(target: number, end: number, source: number): void {
    this.#kernels.andNot(target, end, source);
  }

  equal(a: number, end: number, b: number): boolean {
    return this.#kernels.equal(a, end, b) !== 0;
  }

  subset(a: number, end: number, b: number): boolean {
    return this.#kernels.subset(a, end, b) !== 0;
  }

  zero(source: number, end: number): boolean {
    return this.#kernels.zero(source, end) !== 0;
  }

  clear(target: number, end: number): void {
    this.#kernels.clear(target, end);
  }

  select(source: number, end: number, rank: number): number {
    return this.#kernels.select(source, end, rank) >>> 0;
  }

  edges(
    source: number,
    end: number,
    page: number,
    inRun: boolean,
    out: number,
    outEnd: number,
  ): EdgesResult {
    const stoppedAt = this.#stopped.byteOffset;
    const next = this.#kernels.edges(source, end, page, inRun ? 1 : 0, out, outEnd, stoppedAt);
    return { count: ((next >>> 0) - out) / 4, stopped: this.#stopped[0] ?? end };
  }
}

function kernelBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(kernelsBase64, 'base64'));
}
