import type { PageRange } from 'linux-vfio-ts';

/** A RAM block by the pages at which the guest sees it; more than one stretch where it is mapped in parts. */
export interface BlockPages {
  readonly name: string;
  readonly ranges: readonly PageRange[];
}

/** A stretch of pages, `end` exclusive, and which block it is of. */
export interface BlockStretch {
  readonly first: number;
  readonly end: number;
  readonly block: number;
}

/** Finds the blocks of pages. */
export class BlockIndex {
  readonly names: readonly string[];
  readonly #stretches: readonly BlockStretch[];

  constructor(blocks: readonly BlockPages[]) {
    this.names = blocks.map(({ name }) => name);
    this.#stretches = blocks
      .flatMap(({ ranges }, block) =>
        ranges.map(({ firstPage, pages }) => ({ first: firstPage, end: firstPage + pages, block })),
      )
      .sort((a, b) => a.first - b.first);
  }

  /** What overlaps with pages `first` up to `end`. */
  within(first: number, end: number): BlockStretch[] {
    return this.#stretches.filter((stretch) => stretch.first < end && stretch.end > first);
  }
}
