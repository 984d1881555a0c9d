/** Bytes that blocks begin and end on: a page of memory, so that no two blocks share one. */
export const BLOCK_ALIGNMENT_BYTES = 4096;

/**
 * Hands out stretches of an address range, first fit from the low end, so that memory that was
 * committed once is used again before untouched memory is.
 */
export class BlockAllocator {
  /** Ascending, with something in use between each two. */
  readonly #free: { start: number; end: number }[];

  constructor(start: number, end: number) {
    this.#free = [{ start, end }];
  }

  /** Where a block of `bytes` (rounded up to whole pages) begins, or undefined if none fits. */
  allocate(bytes: number): number | undefined {
    const size = roundUp(bytes);
    const index = this.#free.findIndex(({ start, end }) => end - start >= size);
    const stretch = this.#free[index];
    if (stretch === undefined) return undefined;
    const { start } = stretch;
    stretch.start += size;
    if (stretch.start === stretch.end) this.#free.splice(index, 1);
    return start;
  }

  /** Takes back a block, with the size that it was allocated with. */
  release(start: number, bytes: number): void {
    const end = start + roundUp(bytes);
    let index = this.#free.findIndex((stretch) => stretch.start >= end);
    if (index < 0) index = this.#free.length;
    const before = this.#free[index - 1];
    const after = this.#free[index];
    if (before?.end === start) {
      before.end = end;
      if (after?.start === end) {
        before.end = after.end;
        this.#free.splice(index, 1);
      }
    } else if (after?.start === end) after.start = start;
    else this.#free.splice(index, 0, { start, end });
  }

  get freeBytes(): number {
    return this.#free.reduce((sum, { start, end }) => sum + end - start, 0);
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / BLOCK_ALIGNMENT_BYTES) * BLOCK_ALIGNMENT_BYTES;
}
