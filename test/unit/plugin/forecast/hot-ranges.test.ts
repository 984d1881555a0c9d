/** Where a guest dirties most. */
import assert from 'node:assert/strict';
import type { PageRange } from 'linux-vfio-ts';
import { CurveBuilder, seededRandom, type HotRange } from 'precopy';

/** 1 GiB: below and above a hole at 3 GiB, in the manner of a PC. */
const low = { firstPage: 0, pages: 196_608 };
const high = { firstPage: 1_048_576, pages: 65_536 };
const rom = { firstPage: 1_000_000, pages: 64 };

interface Load extends PageRange {
  /** Independent writes in each harvest. */
  readonly writes: number;
}

function hotRanges(loads: readonly Load[]): HotRange[] {
  const builder = new CurveBuilder({
    pages: high.firstPage + high.pages,
    mapped: [low, rom, high],
    blocks: [
      { name: 'pc.ram', ranges: [low, high] },
      { name: 'pc.rom', ranges: [rom] },
    ],
  });
  const random = seededRandom(9);
  for (let i = 0; i < 100; i++) {
    const runs = loads.flatMap(({ firstPage, pages, writes }) =>
      Array.from({ length: writes }, () => ({
        firstPage: firstPage + Math.floor(random.uniform() * pages),
        pages: 1,
      })),
    );
    const sources = new Map([['cpu', runs]]);
    builder.add({ startMs: i * 100, endMs: (i + 1) * 100, sources });
  }
  return builder.hotRanges();
}

function assertIs(range: HotRange | undefined, block: string, load: Load): void {
  assert.equal(range?.block, block);
  const [end, loadEnd] = [range.firstPage + range.pages, load.firstPage + load.pages];
  // Cells are a few words of 32 pages, and the ends are told by chance.
  assert.ok(Math.abs(range.firstPage - load.firstPage) <= 512, JSON.stringify(range));
  assert.ok(Math.abs(end - loadEnd) <= 512, JSON.stringify(range));
}

describe('hot ranges', () => {
  it('are none where nothing is dirtied', () => {
    assert.deepEqual(hotRanges([]), []);
  });

  it('is one for an even working set, with the RAM block that it lies in', () => {
    const load = { firstPage: 65_536, pages: 8192, writes: 500 };
    const [range, ...others] = hotRanges([load]);
    assertIs(range, 'pc.ram', load);
    assert.ok((range?.share ?? 0) > 0.95);
    assert.ok(others.reduce((sum, { share }) => sum + share, 0) < 0.05);
  });

  it('tells hot from cold, the larger share first', () => {
    const cold = { firstPage: 20_480, pages: 40_960, writes: 300 };
    const hot = { firstPage: high.firstPage + 4096, pages: 2048, writes: 900 };
    const [first, second] = hotRanges([cold, hot]);
    assertIs(first, 'pc.ram', hot);
    assertIs(second, 'pc.ram', cold);
    assert.ok((first?.share ?? 0) > 0.6 && (first?.share ?? 1) < 0.8);
  });

  it('keeps blocks apart, and finds a small one', () => {
    const ranges = hotRanges([{ ...rom, writes: 200 }]);
    assert.equal(ranges.length, 1);
    assert.equal(ranges[0]?.block, 'pc.rom');
    assert.deepEqual([ranges[0].firstPage, ranges[0].pages], [rom.firstPage, rom.pages]);
  });

  it('are at most 32, however scattered the writes', () => {
    const loads = Array.from({ length: 500 }, (_, i) => ({
      firstPage: i * 300,
      pages: 32,
      writes: i % 10 === 0 ? 60 : 1,
    }));
    const ranges = hotRanges(loads);
    assert.ok(ranges.length > 1 && ranges.length <= 32, String(ranges.length));
    assert.ok(Math.abs(ranges.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-6);
  });
});
