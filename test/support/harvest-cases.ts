/**
 * Harvesting from a type1 container into a DirtyBitmap, as a table of cases for the model (unit tier) and
 * real kernels (lab tier).
 */
import assert from 'node:assert/strict';
import { analyse, type BitmapArena, type DirtyBitmap, type PageRange } from 'linux-vfio-ts';
import { layoutOf, pagesOf } from './bitmap.js';
import { PAGE, pages, type Type1Rig } from './type1-rig.js';

export interface HarvestCase {
  /** Completes "a harvest ...". */
  readonly name: string;
  run(rig: Type1Rig, arena: BitmapArena): Promise<void>;
}

/** Maps all sections of the bitmap's layout, and switches tracking on. */
export function mapSections(rig: Type1Rig, bitmap: DirtyBitmap): void {
  for (const { firstPage, pages: count } of bitmap.layout.sections) {
    rig.map(pages(firstPage), count);
  }
  rig.container.dirtyPages.start();
}

/** Reads the whole range straight into the bitmap. Returns how many ghosts there were. */
export async function harvestInto(rig: Type1Rig, bitmap: DirtyBitmap): Promise<number> {
  bitmap.clear();
  await rig.container.dirtyPages.getBitmap({
    iova: 0n,
    bytes: pages(bitmap.layout.pages),
    pageBytes: PAGE,
    bitmap: bitmap.bytes,
    bitmapIsClear: true,
  });
  return bitmap.keepSections();
}

const TEBIBYTE_PAGES = 2 ** 28;

export const harvestCases: readonly HarvestCase[] = [
  {
    name: 'has no ghosts of a mapping that does not begin on a multiple of 64 pages',
    async run(rig, arena) {
      using bitmap = arena.create(layoutOf(256, [{ firstPage: 10, pages: 70 }]));
      mapSections(rig, bitmap);
      await rig.deviceWrites(pages(79), 1);
      assert.equal(await harvestInto(rig, bitmap), 0);
      assert.deepEqual(pagesOf(bitmap.runs()), [79]);
      // The page is clean now; its bit comes back ten pages further up, where no RAM is.
      assert.equal(await harvestInto(rig, bitmap), 1);
      assert.ok(bitmap.isEmpty());
    },
  },
  {
    name: 'has nothing of the one before in the holes',
    async run(rig, arena) {
      const sections = [
        { firstPage: 0, pages: 64 },
        { firstPage: 100_000, pages: 100 },
      ];
      using bitmap = arena.create(layoutOf(200_000, sections));
      mapSections(rig, bitmap);
      await rig.deviceWrites(pages(5), 3);
      await rig.deviceWrites(pages(100_098), 2);
      await harvestInto(rig, bitmap);
      assert.deepEqual(
        [...bitmap.runs()],
        [
          { firstPage: 5, pages: 3 },
          { firstPage: 100_098, pages: 2 },
        ],
      );
      await rig.deviceWrites(pages(63), 1);
      await harvestInto(rig, bitmap);
      assert.deepEqual(pagesOf(bitmap.runs()), [63]);
      assert.equal(bitmap.countOutsideSections(), 0);
    },
  },
  {
    name: 'tells of pages that were mapped after its layout was made',
    async run(rig, arena) {
      const stale: PageRange[] = [{ firstPage: 0, pages: 64 }];
      using bitmap = arena.create(layoutOf(200_000, stale));
      mapSections(rig, bitmap);
      rig.map(pages(128_000), 64);
      await rig.deviceWrites(pages(128_010), 3);
      await harvestInto(rig, bitmap);
      assert.ok(bitmap.isEmpty());
      assert.equal(bitmap.countOutsideSections(), 3);
      using fresh = arena.create(layoutOf(200_000, [...stale, { firstPage: 128_000, pages: 64 }]));
      fresh.bytes.set(bitmap.bytes);
      assert.deepEqual([...fresh.runs()], [{ firstPage: 128_010, pages: 3 }]);
    },
  },
  {
    name: 'of a 1 TiB guest is counted and cut into runs',
    async run(rig, arena) {
      using bitmap = arena.create(layoutOf(TEBIBYTE_PAGES));
      mapSections(rig, bitmap);
      const runs = [
        { firstPage: 7, pages: 1 },
        { firstPage: 2 ** 27 - 50, pages: 100 },
        { firstPage: TEBIBYTE_PAGES - 20, pages: 20 },
      ];
      for (const run of runs) await rig.deviceWrites(pages(run.firstPage), run.pages);
      await harvestInto(rig, bitmap);
      assert.deepEqual(bitmap.firstRuns(5), runs);
      assert.deepEqual(await analyse(bitmap, { longest: 1 }), {
        dirtyPages: 121,
        runs: 3,
        longestRuns: runs.slice(1, 2),
      });
    },
  },
];
