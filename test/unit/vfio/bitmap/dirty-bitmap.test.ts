import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BitmapArena, BitmapLayout, type DirtyBitmap, type PageRange } from 'linux-vfio-ts';
import { FastBitSet } from '#scripts/bench/fastbitset.js';
import {
  addAll,
  iovas,
  layoutOf,
  pagesArbitrary,
  pageSizeBytes,
  pagesOf,
  runsOf,
  sectionsArbitrary,
} from '../../../support/bitmap.js';

/** A layout and two sets of pages in it. */
const twoSets = sectionsArbitrary.chain((sections) =>
  fc.record({
    sections: fc.constant(sections),
    a: pagesArbitrary(sections),
    b: pagesArbitrary(sections),
  }),
);

function endOf(sections: readonly PageRange[]): number {
  const last = sections.at(-1);
  return last === undefined ? 1 : last.firstPage + last.pages;
}

/** The bitmap's value as one big little-endian integer: bit n for page n. */
function integerOf(bitmap: DirtyBitmap): bigint {
  const hex = Buffer.from(bitmap.bytes).reverse().toString('hex');
  return BigInt(`0x${hex}`);
}

for (const engine of ['simd', 'plain'] as const) {
  describe(`a dirty bitmap (${engine} engine)`, () => {
    const arena = new BitmapArena({ capacityBytes: 64 * 2 ** 20, engine });

    /** Calls `check` with bitmaps of `sections` that hold the given pages. */
    function withBitmaps(
      sections: readonly PageRange[],
      sets: readonly (readonly number[])[],
      check: (...bitmaps: [DirtyBitmap, DirtyBitmap]) => void,
    ): void {
      const layout = layoutOf(endOf(sections), sections);
      using a = arena.create(layout);
      using b = arena.create(layout);
      addAll(a, sets[0] ?? []);
      addAll(b, sets[1] ?? []);
      check(a, b);
    }

    it('runs on the engine that was asked for', () => {
      assert.equal(arena.engineName, engine);
    });

    it('has bit n of the little-endian 64-bit word n / 64 for page n', () => {
      fc.assert(
        fc.property(twoSets, ({ sections, a }) => {
          withBitmaps(sections, [a], (bitmap) => {
            const expected = a.reduce((sum, page) => sum | (1n << BigInt(page)), 0n);
            assert.equal(integerOf(bitmap), expected);
          });
        }),
      );
    });

    it('counts, finds and lists the pages that were added', () => {
      fc.assert(
        fc.property(twoSets, fc.nat(), ({ sections, a }, seed) => {
          withBitmaps(sections, [a], (bitmap) => {
            assert.equal(bitmap.count(), a.length);
            assert.equal(bitmap.isEmpty(), a.length === 0);
            assert.deepEqual([...bitmap.runs()], runsOf(a));
            const rank = seed % (a.length + 1);
            assert.equal(bitmap.nth(rank), a[rank]);
            const probe = seed % endOf(sections);
            assert.equal(bitmap.has(probe), a.includes(probe));
          });
        }),
      );
    });

    it('finds every page by its rank', () => {
      const pages = pagesOf([
        { firstPage: 3, pages: 2 },
        { firstPage: 63, pages: 2 },
        { firstPage: 40_000, pages: 700 },
        { firstPage: 99_999, pages: 1 },
      ]);
      withBitmaps([{ firstPage: 0, pages: 100_000 }], [pages], (bitmap) => {
        assert.deepEqual(
          pages.map((_, rank) => bitmap.nth(rank)),
          pages,
        );
        assert.equal(bitmap.nth(pages.length), undefined);
        assert.equal(bitmap.nth(-1), undefined);
      });
    });

    it('does set algebra as Set and fastbitset do', () => {
      fc.assert(
        fc.property(twoSets, ({ sections, a, b }) => {
          const [setA, setB] = [new Set(a), new Set(b)];
          const [fastA, fastB] = [new FastBitSet(a), new FastBitSet(b)];
          const table = [
            {
              apply: (x: DirtyBitmap, y: DirtyBitmap) => {
                x.or(y);
              },
              expected: [...new Set([...a, ...b])].sort((x, y) => x - y),
              fast: fastA.clone().union(fastB),
            },
            {
              apply: (x: DirtyBitmap, y: DirtyBitmap) => {
                x.and(y);
              },
              expected: a.filter((page) => setB.has(page)),
              fast: fastA.clone().intersection(fastB),
            },
            {
              apply: (x: DirtyBitmap, y: DirtyBitmap) => {
                x.andNot(y);
              },
              expected: a.filter((page) => !setB.has(page)),
              fast: fastA.clone().difference(fastB),
            },
            {
              apply: (x: DirtyBitmap, y: DirtyBitmap) => {
                x.copyFrom(y);
              },
              expected: b,
              fast: fastB,
            },
          ];
          for (const { apply, expected, fast } of table) {
            withBitmaps(sections, [a, b], (x, y) => {
              apply(x, y);
              assert.deepEqual(pagesOf(x.runs()), expected);
              assert.deepEqual(pagesOf(x.runs()), fast.array());
              assert.deepEqual(pagesOf(y.runs()), b);
            });
          }
          withBitmaps(sections, [a, b], (x, y) => {
            assert.equal(x.equals(y), fastA.equals(fastB));
            assert.equal(
              x.isSubsetOf(y),
              a.every((page) => setB.has(page)),
            );
            assert.equal(
              y.isSubsetOf(x),
              b.every((page) => setA.has(page)),
            );
          });
        }),
      );
    });

    it('obeys the laws of set algebra', () => {
      fc.assert(
        fc.property(twoSets, ({ sections, a, b }) => {
          withBitmaps(sections, [a, b], (x, y) => {
            const layout = x.layout;
            using union = arena.create(layout);
            using common = arena.create(layout);
            using onlyX = arena.create(layout);
            union.copyFrom(x);
            union.or(y);
            common.copyFrom(x);
            common.and(y);
            onlyX.copyFrom(x);
            onlyX.andNot(y);
            assert.equal(union.count() + common.count(), x.count() + y.count());
            assert.equal(onlyX.count() + common.count(), x.count());
            assert.ok(common.isSubsetOf(x) && x.isSubsetOf(union));
            onlyX.or(common);
            assert.ok(onlyX.equals(x));
            x.andNot(x);
            assert.ok(x.isEmpty());
          });
        }),
      );
    });

    it('counts and lists within a stretch of pages', () => {
      fc.assert(
        fc.property(twoSets, fc.nat(), fc.nat(), ({ sections, a }, from, length) => {
          withBitmaps(sections, [a], (bitmap) => {
            const end = endOf(sections);
            const firstPage = from % (end + 1);
            const range = { firstPage, pages: length % (end - firstPage + 1) };
            const inside = a.filter((page) => page >= firstPage && page < firstPage + range.pages);
            assert.equal(bitmap.count(range), inside.length);
            assert.deepEqual([...bitmap.runs(range)], runsOf(inside));
          });
        }),
      );
    });

    it('adds and removes stretches of pages', () => {
      fc.assert(
        fc.property(fc.nat(300), fc.nat(300), fc.nat(300), fc.nat(300), (a, b, c, d) => {
          withBitmaps([{ firstPage: 0, pages: 700 }], [], (bitmap) => {
            bitmap.add({ firstPage: a, pages: b });
            bitmap.remove({ firstPage: c, pages: d });
            const expected = pagesOf([{ firstPage: a, pages: b }]).filter(
              (page) => page < c || page >= c + d,
            );
            assert.deepEqual(pagesOf(bitmap.runs()), expected);
          });
        }),
      );
    });

    it('lists the first and the longest runs', () => {
      fc.assert(
        fc.property(twoSets, fc.nat(6), ({ sections, a }, limit) => {
          withBitmaps(sections, [a], (bitmap) => {
            const runs = runsOf(a);
            assert.deepEqual(bitmap.firstRuns(limit), runs.slice(0, limit));
            const byLength = runs.sort((x, y) => y.pages - x.pages || x.firstPage - y.firstPage);
            assert.deepEqual(bitmap.longestRuns(limit), byLength.slice(0, limit));
          });
        }),
      );
    });

    it('keeps runs whole across the pieces and blocks it works in', () => {
      // Pieces are 1 MiB of bitmap (8 Mi pages), blocks 8,192 runs.
      const piece = 8 * 2 ** 20;
      const layout = layoutOf(2 * piece + 1000);
      using bitmap = arena.create(layout);
      const expected: PageRange[] = [];
      for (let i = 0; i < 20_000; i++) expected.push({ firstPage: 3 * i, pages: 2 });
      expected.push({ firstPage: piece - 70, pages: piece + 90 });
      expected.push({ firstPage: 2 * piece + 999, pages: 1 });
      for (const run of expected) bitmap.add(run);
      assert.deepEqual([...bitmap.runs()], expected);
      assert.equal(bitmap.count(), 40_000 + piece + 91);
      assert.equal(bitmap.nth(40_000 + piece + 90), 2 * piece + 999);
      assert.deepEqual(bitmap.longestRuns(1), [{ firstPage: piece - 70, pages: piece + 90 }]);
    });

    it('ends a run where its section ends, although the next section goes on after a hole', () => {
      const sections = [
        { firstPage: 64, pages: 64 },
        { firstPage: 64 * 2000, pages: 64 },
      ];
      withBitmaps(sections, [pagesOf(sections)], (bitmap) => {
        assert.deepEqual([...bitmap.runs()], sections);
      });
    });

    it('counts a bitmap that is all dirty', () => {
      using bitmap = arena.create(layoutOf(32 * 2 ** 20));
      bitmap.add({ firstPage: 0, pages: 32 * 2 ** 20 });
      assert.equal(bitmap.count(), 32 * 2 ** 20);
      assert.deepEqual([...bitmap.runs()], [{ firstPage: 0, pages: 32 * 2 ** 20 }]);
    });

    it('counts and lists pages however close they lie, and in whichever way it counts', () => {
      const words = 150_000;
      using bitmap = arena.create(layoutOf(64 * words));
      const halves = new Uint32Array(bitmap.bytes.buffer, bitmap.bytes.byteOffset, 2 * words);
      // From none to all pages of a half word, and from none to all edges.
      let state = 1;
      const random = (): number => {
        state ^= state << 13;
        state ^= state >>> 17;
        return (state ^= state << 5);
      };
      for (let i = 0; i < halves.length; i += 1) {
        let half = i % 11 === 0 ? 0x5555_5555 : random();
        for (let thinner = i % 7; thinner > 0; thinner -= 1) half &= random();
        halves[i] = i % 2 === 0 ? half : ~half;
      }
      let pages = 0;
      const expected: number[] = [];
      for (let page = 0, before = 0; page < 64 * words; page += 1) {
        const dirty = ((halves[page >>> 5] ?? 0) >>> (page & 31)) & 1;
        pages += dirty;
        if (dirty !== before) expected.push(page);
        before = dirty;
      }
      if (expected.length % 2 === 1) expected.push(64 * words);
      // More often than it takes to choose a way.
      for (let i = 0; i < 150; i += 1) assert.equal(bitmap.count(), pages);
      let at = 0;
      for (const block of bitmap.runBlocks())
        for (const edge of block) {
          if (edge !== expected[at++])
            assert.fail(`edge ${at - 1} is ${edge}, not ${expected[at - 1]}`);
        }
      assert.equal(at, expected.length);
    });

    it('can be cleared and used again', () => {
      withBitmaps([{ firstPage: 5, pages: 300 }], [[5, 100, 304]], (bitmap) => {
        bitmap.clear();
        assert.ok(bitmap.isEmpty());
        bitmap.add({ firstPage: 7, pages: 1 });
        assert.deepEqual([...bitmap.runs()], [{ firstPage: 7, pages: 1 }]);
      });
    });

    it('lets several iterations be under way, and takes their buffers back when one is left', () => {
      withBitmaps([{ firstPage: 0, pages: 1000 }], [[1, 5, 9]], (bitmap) => {
        for (const a of bitmap.runs()) {
          for (const b of bitmap.runs()) {
            assert.equal(b.firstPage, 1);
            break;
          }
          assert.equal(a.pages, 1);
        }
        for (let i = 0; i < 100; i++) assert.equal(bitmap.firstRuns(1).length, 1);
      });
    });

    it('refuses pages outside of the bitmap or of its sections', () => {
      withBitmaps([{ firstPage: 10, pages: 10 }], [], (bitmap) => {
        const outside = { code: 'BITMAP_OUT_OF_RANGE' };
        assert.throws(() => {
          bitmap.add({ firstPage: 9, pages: 2 });
        }, outside);
        assert.throws(() => {
          bitmap.add({ firstPage: 19, pages: 2 });
        }, outside);
        assert.throws(() => bitmap.has(20), outside);
        assert.throws(() => bitmap.count({ firstPage: -1, pages: 1 }), outside);
        assert.throws(() => [...bitmap.runs({ firstPage: 0.5, pages: 1 })], outside);
      });
    });

    it('refuses to be combined with a bitmap whose bits mean other pages', () => {
      using a = arena.create(layoutOf(100));
      using longer = arena.create(layoutOf(101));
      const moved = iovas({ firstPage: 0, pages: 100 }, 2n ** 32n);
      using elsewhere = arena.create(new BitmapLayout({ range: moved, pageSizeBytes }));
      using otherArena = new BitmapArena({ capacityBytes: 4096, engine });
      using foreign = otherArena.create(layoutOf(100));
      for (const other of [longer, elsewhere, foreign]) {
        assert.throws(
          () => {
            a.or(other);
          },
          { code: 'BITMAP_LAYOUTS_DIFFER' },
        );
        assert.throws(() => a.equals(other), { code: 'BITMAP_LAYOUTS_DIFFER' });
      }
    });

    it('is combined with a bitmap of other sections unless that would lose pages', () => {
      using narrow = arena.create(layoutOf(9000, [{ firstPage: 0, pages: 70 }]));
      using wide = arena.create(layoutOf(9000));
      addAll(narrow, [1, 69]);
      addAll(wide, [1, 8999]);
      assert.throws(
        () => {
          narrow.or(wide);
        },
        { code: 'BITMAP_LAYOUTS_DIFFER' },
      );
      assert.throws(
        () => {
          narrow.copyFrom(wide);
        },
        { code: 'BITMAP_LAYOUTS_DIFFER' },
      );
      assert.equal(narrow.equals(wide), false);
      assert.equal(wide.equals(narrow), false);
      narrow.and(wide);
      assert.deepEqual(pagesOf(narrow.runs()), [1]);
      assert.ok(narrow.isSubsetOf(wide));
      wide.andNot(narrow);
      assert.deepEqual(pagesOf(wide.runs()), [8999]);
      wide.or(narrow);
      assert.deepEqual(pagesOf(wide.runs()), [1, 8999]);
      wide.copyFrom(narrow);
      assert.ok(wide.equals(narrow) && narrow.equals(wide));
    });
  });
}
