import { BlockAllocator } from './blocks.js';
import { type BitmapMemory, DirtyBitmap } from './dirty-bitmap.js';
import { type BitmapEngine, type EngineName, ENGINE_RESERVED_BYTES } from './engine.js';
import { PlainEngine } from './engine-plain.js';
import { SimdEngine, simdAvailable } from './engine-simd.js';
import { BitmapError } from './errors.js';
import type { BitmapLayout } from './layout.js';
import { RUN_BLOCK_BYTES } from './runs.js';

/** A 32-bit WebAssembly memory less one of its 64 KiB pages, so that every end has an address. */
export const MAX_ARENA_BYTES = 2 ** 32 - 65536;
const DEFAULT_ARENA_BYTES = 2 ** 30;

/** Iterations over runs that can be under way at the same time in one arena. */
const RUN_BUFFERS = 16;
const FIRST_BITMAP = ENGINE_RESERVED_BYTES + RUN_BUFFERS * RUN_BLOCK_BYTES;

export interface BitmapArenaOptions {
  /**
   * Room for bitmaps, in bytes: default 1 GiB, at most 4 GiB less 1.1 MiB. This is address space; the
   * operating system backs only what gets written. (With `vm.overcommit_memory=2` all of it counts.)
   */
  readonly capacityBytes?: number | undefined;
  /** Default: `simd` where the runtime has it, else `plain`. */
  readonly engine?: EngineName | undefined;
}

/**
 * Memory for dirty bitmaps that are combined with each other: one block that never moves, in which
 * bitmaps come and go.
 *
 * WebAssembly memory never shrinks, so neither does what an arena once committed: disposing of a
 * bitmap makes its room free for the next one, disposing of the arena gives the memory back (when the
 * garbage collector runs). Keep one arena for each guest or migration, and dispose of it with that.
 */
export class BitmapArena implements Disposable {
  readonly capacityBytes: number;
  #engine: BitmapEngine | undefined;
  readonly #blocks: BlockAllocator;
  readonly #runBuffers: number[];
  /** Where memory begins that no bitmap has had yet, and that is zero therefore. */
  #untouchedFrom = FIRST_BITMAP;

  /** @throws {@link BitmapError} `BITMAP_NO_SIMD`, `BITMAP_LAYOUT` for an impossible capacity */
  constructor(options: BitmapArenaOptions = {}) {
    const { capacityBytes = DEFAULT_ARENA_BYTES, engine = simdAvailable() ? 'simd' : 'plain' } =
      options;
    const most = MAX_ARENA_BYTES - FIRST_BITMAP;
    if (!Number.isSafeInteger(capacityBytes) || capacityBytes <= 0 || capacityBytes > most) {
      throw new BitmapError(
        'BITMAP_LAYOUT',
        `An arena can have between 1 and ${most} bytes, not ${capacityBytes}.`,
      );
    }
    this.capacityBytes = capacityBytes;
    const end = FIRST_BITMAP + Math.ceil(capacityBytes / 4096) * 4096;
    this.#engine = engine === 'simd' ? new SimdEngine(end) : new PlainEngine(new ArrayBuffer(end));
    this.#blocks = new BlockAllocator(FIRST_BITMAP, end);
    this.#runBuffers = Array.from(
      { length: RUN_BUFFERS },
      (_, i) => ENGINE_RESERVED_BYTES + i * RUN_BLOCK_BYTES,
    );
  }

  /** Which implementation of the loops is in use. */
  get engineName(): EngineName {
    return this.#use().name;
  }

  /** Bytes not taken by bitmaps; they may not be in one piece. */
  get freeBytes(): number {
    this.#use();
    return this.#blocks.freeBytes;
  }

  /**
   * A bitmap with no bit set.
   * @throws {@link BitmapError} `BITMAP_ARENA_FULL`, `BITMAP_DISPOSED`
   */
  create(layout: BitmapLayout): DirtyBitmap {
    const engine = this.#use();
    const start = this.#blocks.allocate(layout.bytes);
    if (start === undefined) {
      throw new BitmapError(
        'BITMAP_ARENA_FULL',
        `No room for a bitmap of ${layout.bytes} bytes: ${this.#blocks.freeBytes} of ` +
          `${this.capacityBytes} bytes are free. Dispose of bitmaps that are no longer needed, ` +
          `or give the arena a larger capacityBytes.`,
      );
    }
    const end = start + layout.bytes;
    // All of it, not only the sections: they may differ from those of the bitmap that was here.
    engine.clear(start, Math.min(end, Math.max(start, this.#untouchedFrom)));
    this.#untouchedFrom = Math.max(this.#untouchedFrom, end);
    return new DirtyBitmap(layout, this.#memory(start, layout.bytes));
  }

  /** Invalidates the arena and all bitmaps in it. */
  [Symbol.dispose](): void {
    this.#engine = undefined;
  }

  #use(): BitmapEngine {
    if (this.#engine === undefined) throw disposed('The arena');
    return this.#engine;
  }

  #memory(start: number, bytes: number): BitmapMemory {
    let released = false;
    return {
      start,
      use: () => {
        if (released) throw disposed('The bitmap');
        return this.#use();
      },
      release: () => {
        if (released) return;
        released = true;
        this.#blocks.release(start, bytes);
      },
      borrowRunBuffer: () => {
        const buffer = this.#runBuffers.pop();
        if (buffer === undefined) {
          throw new BitmapError(
            'BITMAP_ARENA_FULL',
            `${RUN_BUFFERS} iterations over runs are under way in one arena. ` +
              `End some: leave the for-of loop, or call return() on the iterator.`,
          );
        }
        return buffer;
      },
      returnRunBuffer: (buffer) => {
        this.#runBuffers.push(buffer);
      },
    };
  }
}

function disposed(what: string): BitmapError {
  return new BitmapError('BITMAP_DISPOSED', `${what} was disposed of and can't be used any more.`);
}
