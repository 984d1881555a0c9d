import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BitmapArena, type BitmapLayout, type DirtyBitmap, type PageRange } from 'linux-vfio-ts';
import { FastBitSet } from '#scripts/bench/fastbitset.js';
import { layoutOf, pagesOf, runsOf, sectionsArbitrary } from '../support/bitmap.js';

/** Two bitmaps on each engine beside two fastbitsets, all of which get the same operations. */
class Trial implements Disposable {
  readonly #arenas = (['simd', 'plain'] as const).map(
    (engine) => new BitmapArena({ capacityBytes: 2 ** 20, engine }),
  );
  readonly #pairs: [DirtyBitmap, DirtyBitmap][];
  readonly #sets: [FastBitSet, FastBitSet] = [new FastBitSet(), new FastBitSet()];
  readonly layout: BitmapLayout;

  constructor(sections: readonly PageRange[]) {
    const last = sections.at(-1);
    this.layout = layoutOf((last?.firstPage ?? 0) + (last?.pages ?? 1), sections);
    this.#pairs = this.#arenas.map((arena) => [
      arena.create(this.layout),
      arena.create(this.layout),
    ]);
  }

  apply({ kind, first, firstPage, pages }: Operation): void {
    const section = this.layout.sections[firstPage % this.layout.sections.length];
    assert.ok(section);
    const offset = firstPage % section.pages;
    const range = {
      firstPage: section.firstPage + offset,
      pages: Math.min(pages, section.pages - offset),
    };
    const [set, otherSet] = first ? this.#sets : this.#sets.toReversed();
    assert.ok(set && otherSet);
    for (const pair of this.#pairs) {
      const [bitmap, other] = first ? pair : pair.toReversed();
      assert.ok(bitmap && other);
      if (kind === 'add' || kind === 'remove') bitmap[kind](range);
      else if (kind === 'clear') bitmap.clear();
      else bitmap[kind](other);
    }
    const list = pagesOf([range]);
    if (kind === 'add') set.union(new FastBitSet(list));
    else if (kind === 'remove' || kind === 'clear') {
      set.difference(kind === 'clear' ? set.clone() : new FastBitSet(list));
    } else {
      if (kind === 'or') set.union(otherSet);
      if (kind === 'and') set.intersection(otherSet);
      if (kind === 'andNot') set.difference(otherSet);
    }
  }

  check(): void {
    const [expected, other] = this.#sets;
    const pages = expected.array();
    for (const [bitmap, otherBitmap] of this.#pairs) {
      assert.equal(bitmap.count(), pages.length);
      assert.deepEqual([...bitmap.runs()], runsOf(pages));
      assert.equal(bitmap.equals(otherBitmap), expected.equals(other));
      assert.equal(bitmap.isSubsetOf(otherBitmap), expected.clone().difference(other).size() === 0);
      const rank = Math.floor(pages.length / 2);
      assert.equal(bitmap.nth(rank), pages[rank]);
      assert.equal(bitmap.countOutsideSections(), 0);
    }
  }

  [Symbol.dispose](): void {
    for (const arena of this.#arenas) arena[Symbol.dispose]();
  }
}

const operation = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'remove', 'clear', 'or', 'and', 'andNot'),
  /** Which of the two bitmaps it is applied to. */
  first: fc.boolean(),
  firstPage: fc.nat(),
  pages: fc.oneof(fc.constant(1), fc.nat(100), fc.nat(5000)),
});
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

describe('dirty bitmaps under random operations', () => {
  it('stay equal to fastbitset on both engines', () => {
    fc.assert(
      fc.property(
        sectionsArbitrary,
        fc.array(operation, { minLength: 1, maxLength: 30 }),
        (sections, operations) => {
          using trial = new Trial(sections);
          for (const one of operations) {
            trial.apply(one);
            trial.check();
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
