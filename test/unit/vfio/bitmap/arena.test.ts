import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { BitmapArena, type DirtyBitmap, MAX_BITMAP_PAGES } from 'linux-vfio-ts';
import { repositoryRoot } from '#scripts/repository.js';
import { layoutOf, pagesOf } from '../../../support/bitmap.js';

const MiB = 2 ** 20;
/** Pages in a bitmap of 1 MiB. */
const pagesPerMiB = 8 * MiB;

for (const engine of ['simd', 'plain'] as const) {
  describe(`an arena of dirty bitmaps (${engine} engine)`, () => {
    it('gives each bitmap bytes of its own, at an address that stays', () => {
      using arena = new BitmapArena({ capacityBytes: 4 * MiB, engine });
      using a = arena.create(layoutOf(1000));
      const before = a.bytes;
      using b = arena.create(layoutOf(1000));
      b.bytes.fill(0xff);
      assert.equal(a.bytes.buffer, before.buffer);
      assert.equal(a.bytes.byteOffset, before.byteOffset);
      assert.equal(a.bytes.byteOffset % 4096, 0);
      assert.ok(before.every((byte) => byte === 0));
    });

    it('gives the room of a bitmap that was disposed of to the next one, cleared', () => {
      using arena = new BitmapArena({ capacityBytes: MiB, engine });
      for (let i = 0; i < 3; i++) {
        using bitmap = arena.create(layoutOf(pagesPerMiB));
        assert.ok(bitmap.isEmpty());
        bitmap.bytes.fill(0xff);
        assert.equal(arena.freeBytes, 0);
      }
      assert.equal(arena.freeBytes, MiB);
      // Only a part of the room has been a bitmap's before.
      using small = arena.create(layoutOf(100));
      using other = arena.create(layoutOf(pagesPerMiB / 2));
      assert.ok(small.isEmpty() && other.isEmpty());
    });

    it('says what to do when it is full', () => {
      using arena = new BitmapArena({ capacityBytes: MiB, engine });
      using first = arena.create(layoutOf(pagesPerMiB / 2));
      assert.throws(() => arena.create(layoutOf(pagesPerMiB)), {
        code: 'BITMAP_ARENA_FULL',
        message: /1048576 bytes: 524288 of 1048576 bytes are free\. Dispose/,
      });
      first[Symbol.dispose]();
      using second = arena.create(layoutOf(pagesPerMiB));
      assert.equal(second.bytes.length, MiB);
    });

    it('never gives two bitmaps the same room, and joins what becomes free', () => {
      const step = fc.record({ keep: fc.boolean(), pages: fc.integer({ min: 1, max: 200_000 }) });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
          using arena = new BitmapArena({ capacityBytes: MiB, engine: 'plain' });
          const live: DirtyBitmap[] = [];
          for (const { keep, pages } of steps) {
            if (!keep) live.splice(pages % (live.length || 1), 1)[0]?.[Symbol.dispose]();
            else if (arena.freeBytes > 512 * 1024) live.push(arena.create(layoutOf(pages)));
            const places = live
              .map(({ bytes }) => [bytes.byteOffset, bytes.byteOffset + bytes.length] as const)
              .sort(([a], [b]) => a - b);
            for (const [i, [start]] of places.entries())
              assert.ok(start >= (places[i - 1]?.[1] ?? 0));
          }
          for (const bitmap of live) bitmap[Symbol.dispose]();
          assert.equal(arena.freeBytes, MiB);
          arena.create(layoutOf(pagesPerMiB));
        }),
        { numRuns: 50 },
      );
    });

    it('refuses the use of a bitmap after its disposal, or the arena’s', () => {
      const arena = new BitmapArena({ capacityBytes: MiB, engine });
      const disposed = { code: 'BITMAP_DISPOSED' };
      const bitmap = arena.create(layoutOf(100));
      const survivor = arena.create(layoutOf(100));
      bitmap.add({ firstPage: 1, pages: 1 });
      bitmap.add({ firstPage: 5, pages: 1 });
      const runs = bitmap.runs();
      runs.next();
      bitmap[Symbol.dispose]();
      bitmap[Symbol.dispose]();
      assert.throws(() => bitmap.bytes, disposed);
      assert.throws(() => bitmap.count(), disposed);
      assert.throws(() => [...bitmap.runs()], disposed);
      assert.throws(() => {
        survivor.or(bitmap);
      }, disposed);
      assert.equal(survivor.count(), 0);
      arena[Symbol.dispose]();
      assert.throws(() => survivor.count(), disposed);
      assert.throws(() => arena.create(layoutOf(1)), disposed);
    });

    it('ends an iteration over a bitmap that is disposed of meanwhile', () => {
      using arena = new BitmapArena({ capacityBytes: MiB, engine });
      const bitmap = arena.create(layoutOf(100_000));
      for (let page = 0; page < 100_000; page += 4) bitmap.add({ firstPage: page, pages: 1 });
      assert.throws(
        () => {
          for (const block of bitmap.runBlocks()) {
            assert.ok(block.length > 0);
            bitmap[Symbol.dispose]();
          }
        },
        { code: 'BITMAP_DISPOSED' },
      );
    });

    it('refuses an impossible capacity', () => {
      for (const capacityBytes of [0, -1, 1.5, 2 ** 32]) {
        assert.throws(() => new BitmapArena({ capacityBytes, engine }), { code: 'BITMAP_LAYOUT' });
      }
    });

    it('spends neither memory nor passes on holes', () => {
      // Six bitmaps of 256 MiB, the largest there are: 8 TiB of IOVAs with RAM at both ends.
      const before = process.memoryUsage.rss();
      using arena = new BitmapArena({ capacityBytes: 6 * 256 * MiB, engine });
      const sections = [
        { firstPage: 0, pages: 1000 },
        { firstPage: MAX_BITMAP_PAGES - 1000, pages: 1000 },
      ];
      const layout = layoutOf(MAX_BITMAP_PAGES, sections);
      const last = MAX_BITMAP_PAGES - 1;
      for (let i = 0; i < 4; i++) arena.create(layout).add({ firstPage: last, pages: 1 });
      using bitmap = arena.create(layout);
      bitmap.add({ firstPage: 0, pages: 1 });
      bitmap.add({ firstPage: last, pages: 1 });
      using copy = arena.create(layout);
      copy.copyFrom(bitmap);
      copy.keepSections();
      assert.ok(copy.equals(bitmap));
      assert.deepEqual(pagesOf(copy.runs()), [0, last]);
      assert.equal(copy.count(), 2);
      assert.equal(copy.nth(1), last);
      copy.clear();
      assert.ok(process.memoryUsage.rss() - before < 64 * MiB);
    });
  });
}

describe('the choice of an engine', () => {
  const script = `
    const { BitmapArena, simdAvailable } = await import('linux-vfio-ts');
    const arena = new BitmapArena({ capacityBytes: 4096 });
    let refused = '';
    try { new BitmapArena({ engine: 'simd' }); } catch (error) { refused = error.code; }
    console.log(JSON.stringify([simdAvailable(), arena.engineName, refused]));
  `;
  function choice(...flags: string[]): unknown {
    const args = [...flags, '--input-type=module', '--eval', script];
    const cwd = join(repositoryRoot(), 'test');
    return JSON.parse(
      execFileSync(process.execPath, args, { cwd, encoding: 'utf8', stdio: 'pipe' }),
    );
  }

  it('falls on SIMD where the runtime has it', () => {
    assert.deepEqual(choice(), [true, 'simd', '']);
  });

  it('falls on plain TypeScript in a runtime without WebAssembly', () => {
    assert.deepEqual(choice('--jitless'), [false, 'plain', 'BITMAP_NO_SIMD']);
  });
});
