import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BitmapArena, type DirtyBitmap, type PageRange } from 'linux-vfio-ts';
import { layoutOf, pagesArbitrary, pagesOf, sectionsArbitrary } from '../../../support/bitmap.js';

/**
 * A type1 mapping's own dirty bitmap and what update_user_bitmap() and vfio_iova_dirty_bitmap() of
 * drivers/vfio/vfio_iommu_type1.c (Linux 6.12) do with it, bit by bit, as big integers.
 */
class Mapping {
  readonly section: PageRange;
  #bits = 0n;

  constructor(section: PageRange) {
    this.section = section;
  }

  dirty(page: number): void {
    this.#bits |= 1n << BigInt(page - this.section.firstPage);
  }

  harvestInto(user: Uint8Array): void {
    const { firstPage, pages } = this.section;
    const shift = BigInt(firstPage % 64);
    const offset = Math.floor(firstPage / 64) * 8;
    const bytes = Math.ceil((pages + Number(shift)) / 64) * 8;
    const words = 1n << BigInt(bytes * 8);
    if (shift > 0n) {
      // bitmap_shift_left() and bitmap_or() work on whole words: stray bits of the last word stay,
      // and all of the first word that is already there is mixed in.
      const leftover = integerOf(user.subarray(offset, offset + 8));
      this.#bits = ((this.#bits << shift) % words) | leftover;
    }
    user.set(bytesOf(this.#bits, bytes), offset);
    // bitmap_clear(): only as many bits as there are pages, so the shifted ones past that stay.
    const own = (1n << BigInt(pages)) - 1n;
    this.#bits = (this.#bits | own) ^ own;
  }
}

function integerOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function bytesOf(value: bigint, length: number): Uint8Array {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex').reverse();
}

function harvest(mappings: readonly Mapping[], bitmap: DirtyBitmap): number {
  bitmap.clear();
  const { bytes } = bitmap;
  for (const mapping of mappings) mapping.harvestInto(bytes);
  return bitmap.keepSections();
}

for (const engine of ['simd', 'plain'] as const) {
  describe(`harvesting from type1 into a dirty bitmap (${engine} engine)`, () => {
    const arena = new BitmapArena({ capacityBytes: 2 ** 20, engine });

    it('gives back ghosts past the end of a mapping that does not start on 64 pages', () => {
      const section = { firstPage: 10, pages: 70 };
      const mapping = new Mapping(section);
      using bitmap = arena.create(layoutOf(200, [section]));
      mapping.dirty(79);
      assert.equal(harvest([mapping], bitmap), 0);
      assert.deepEqual(pagesOf(bitmap.runs()), [79]);
      // The page was reported and is clean; its bit comes back ten further up, outside of the RAM.
      assert.equal(harvest([mapping], bitmap), 1);
      assert.ok(bitmap.isEmpty());
    });

    it('holds exactly the dirty pages of mappings that share no word', () => {
      const apart = sectionsArbitrary.map((sections) =>
        sections.map(({ firstPage, pages }, i) => ({ firstPage: firstPage + i * 130, pages })),
      );
      const cases = apart.chain((sections) =>
        fc.record({
          sections: fc.constant(sections),
          rounds: fc.array(pagesArbitrary(sections), { minLength: 2, maxLength: 4 }),
        }),
      );
      fc.assert(
        fc.property(cases, ({ sections, rounds }) => {
          const last = sections.at(-1);
          const end = (last?.firstPage ?? 0) + (last?.pages ?? 0);
          using bitmap = arena.create(layoutOf(end, sections));
          const mappings = sections.map((section) => new Mapping(section));
          for (const pages of rounds) {
            for (const page of pages) {
              mappings.find(({ section }) => page < section.firstPage + section.pages)?.dirty(page);
            }
            harvest(mappings, bitmap);
            assert.deepEqual(pagesOf(bitmap.runs()), pages);
            assert.equal(bitmap.countOutsideSections(), 0);
          }
        }),
      );
    });

    it('never loses a page of mappings that share words', () => {
      const cases = sectionsArbitrary.chain((sections) =>
        fc.record({
          sections: fc.constant(sections),
          rounds: fc.array(pagesArbitrary(sections), { minLength: 2, maxLength: 4 }),
        }),
      );
      fc.assert(
        fc.property(cases, ({ sections, rounds }) => {
          const last = sections.at(-1);
          const end = (last?.firstPage ?? 0) + (last?.pages ?? 0);
          using bitmap = arena.create(layoutOf(end, sections));
          const mappings = sections.map((section) => new Mapping(section));
          for (const pages of rounds) {
            for (const page of pages) {
              mappings.find(({ section }) => page < section.firstPage + section.pages)?.dirty(page);
            }
            harvest(mappings, bitmap);
            const found = new Set(pagesOf(bitmap.runs()));
            assert.ok(pages.every((page) => found.has(page)));
          }
        }),
      );
    });

    it('tells of pages that the kernel reports where the layout has a hole', () => {
      const layout = layoutOf(500_000, [
        { firstPage: 1, pages: 10 },
        { firstPage: 400_000, pages: 100_000 },
      ]);
      using bitmap = arena.create(layout);
      bitmap.bytes[25_000] = 0b101;
      bitmap.bytes[0] = 0b11;
      assert.equal(bitmap.countOutsideSections(), 3);
      assert.equal(bitmap.keepSections(), 1);
      assert.equal(bitmap.countOutsideSections(), 2);
      assert.deepEqual(pagesOf(bitmap.runs()), [1]);
    });
  });
}
