import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BitmapArena, type PageRange } from 'linux-vfio-ts';
import { layoutOf, pagesArbitrary, pagesOf, sectionsArbitrary } from '../../../support/bitmap.js';
import { harvestCases, harvestInto, mapSections } from '../../../support/harvest-cases.js';
import { modelRig, pages } from '../../../support/type1-rig.js';

/** What each of a few harvests must find. */
function roundsIn(sections: readonly PageRange[]) {
  return fc.record({
    sections: fc.constant(sections),
    rounds: fc.array(pagesArbitrary(sections), { minLength: 2, maxLength: 4 }),
  });
}

/** Maps the sections, and shows `check` the pages that were written and those that were harvested. */
async function harvestRounds(
  arena: BitmapArena,
  sections: readonly PageRange[],
  rounds: readonly (readonly number[])[],
  check: (written: readonly number[], harvested: readonly number[]) => void,
): Promise<void> {
  const last = sections.at(-1);
  using bitmap = arena.create(layoutOf((last?.firstPage ?? 0) + (last?.pages ?? 0), sections));
  using rig = modelRig();
  mapSections(rig, bitmap);
  for (const written of rounds) {
    for (const page of written) await rig.deviceWrites(pages(page), 1);
    await harvestInto(rig, bitmap);
    check(written, pagesOf(bitmap.runs()));
    assert.equal(bitmap.countOutsideSections(), 0);
  }
}

for (const engine of ['simd', 'plain'] as const) {
  describe(`a harvest from the model of type1 (${engine} engine)`, () => {
    const arena = new BitmapArena({ capacityBytes: 64 * 2 ** 20, engine });
    after(() => {
      arena[Symbol.dispose]();
    });

    for (const harvestCase of harvestCases) {
      it(harvestCase.name, async () => {
        using rig = modelRig();
        await harvestCase.run(rig, arena);
      });
    }

    it('holds exactly the pages written, when no two mappings share a word', async () => {
      const apart = sectionsArbitrary.map((sections) =>
        sections.map(({ firstPage, pages: count }, i) => ({
          firstPage: firstPage + i * 130,
          pages: count,
        })),
      );
      await fc.assert(
        fc.asyncProperty(apart.chain(roundsIn), ({ sections, rounds }) =>
          harvestRounds(arena, sections, rounds, (written, harvested) => {
            assert.deepEqual(harvested, written);
          }),
        ),
      );
    });

    it('holds all pages written, when mappings share words', async () => {
      await fc.assert(
        fc.asyncProperty(sectionsArbitrary.chain(roundsIn), ({ sections, rounds }) =>
          harvestRounds(arena, sections, rounds, (written, harvested) => {
            const found = new Set(harvested);
            assert.ok(written.every((page) => found.has(page)));
          }),
        ),
      );
    });
  });
}
