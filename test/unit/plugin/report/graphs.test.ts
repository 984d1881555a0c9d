/** Graphs of block characters. */
import assert from 'node:assert/strict';
import { bar, heatLines, hotRangeLines, shade, sparkline, type RehearsedHeat } from 'precopy';

describe('a sparkline', () => {
  it('goes from the lowest block for nothing to the highest for the most', () => {
    assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8], 20), '▁▁▂▃▄▅▆▇█');
  });

  it('shows the latest values where there is no room for all', () => {
    assert.equal(sparkline([8, 8, 8, 0, 8], 3), '█▁█');
  });

  it('has a gap where there was no value', () => {
    assert.equal(sparkline([1, NaN, 2], 10), '▄ █');
  });

  it('is flat where there is nothing', () => {
    assert.equal(sparkline([0, 0, 0], 10), '▁▁▁');
    assert.equal(sparkline([], 10), '');
  });
});

describe('a shade', () => {
  it('is blank for nothing alone', () => {
    assert.deepEqual([0, 1, 50, 75, 100].map((value) => shade(value, 100)).join(''), ' ░▒▓█');
  });
});

describe('a bar', () => {
  it('is as long as its part, and never missing', () => {
    assert.deepEqual(
      [bar(1, 8), bar(0.5, 8), bar(0, 8), bar(9, 8)],
      ['████████', '████', '█', '████████'],
    );
  });
});

describe('the picture of a heat map', () => {
  const pages = 256;
  const bytes = pages * 4096;
  /** 64 columns of 1 MiB, 20 rows of 2 harvests; in the second half column 40 is dirty throughout. */
  const heat: RehearsedHeat = {
    columns: Array.from({ length: 64 }, (_, i) => ({
      ranges: [{ first: BigInt(i * bytes), bytes }],
    })),
    rows: Array.from({ length: 20 }, (_, row) => ({
      startMs: row * 100,
      endMs: (row + 1) * 100,
      harvests: 2,
      pages: Array.from({ length: 64 }, (_, i) => (i === 40 && row >= 10 ? 2 * pages : 0)),
    })),
  };

  for (const width of [30, 80, 200]) {
    it(`fits into ${width} characters`, () => {
      const [heading, ...rows] = heatLines(heat, 4096, width);
      assert.match(heading ?? '', /0x0 to 0x4000000.*█ is \d+(\.\d)? % of the pages/);
      assert.equal(rows.length, 10);
      for (const row of rows) assert.ok(row.length <= width, row);
    });
  }

  it('shows where and when', () => {
    const [, ...rows] = heatLines(heat, 4096, 80);
    const marks = rows.map((row) => row.split('│')[1]?.indexOf('█'));
    assert.deepEqual(marks, [-1, -1, -1, -1, -1, 40, 40, 40, 40, 40]);
  });

  it('is none where nothing was dirtied', () => {
    const rows = heat.rows.map((row) => ({ ...row, pages: row.pages.map(() => 0) }));
    assert.deepEqual(heatLines({ ...heat, rows }, 4096, 80), []);
  });
});

describe('the list of hot ranges', () => {
  it('goes on until nearly all is listed', () => {
    const range = { block: 'pc.ram', first: 0x100000n, bytes: 2 ** 24, dirtyShare: 0.25 };
    const lines = hotRangeLines([
      { ...range, share: 0.9 },
      { ...range, first: 0x8000n, bytes: 4096, block: null, share: 0.06 },
      { ...range, share: 0.04 },
    ]);
    assert.equal(lines.length, 3);
    assert.match(lines[1] ?? '', /^pc\.ram +0x100000 +16\.0 MiB +90 % +25 %$/);
    assert.match(lines[2] ?? '', /^unknown block +0x8000 +4\.00 KiB +6\.0 % +25 %$/);
  });
});
