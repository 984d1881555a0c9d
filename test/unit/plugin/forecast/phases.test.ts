/** Changes of a workload, from counts by window and region. */
import assert from 'node:assert/strict';
import { findPhases, seededRandom, type RegionCounts } from 'precopy';

const windowMs = 100;

/** Windows of 100 ms with the given rates by region, each page dirtied by chance. */
function windows(count: number, rates: (ms: number) => readonly number[]): RegionCounts[] {
  const random = seededRandom(5);
  return Array.from({ length: count }, (_, i) => ({
    startMs: i * windowMs,
    endMs: (i + 1) * windowMs,
    pages: rates(i * windowMs).map((rate) => {
      const expected = (rate * windowMs) / 1000;
      return Math.max(0, expected + Math.sqrt(expected) * random.normal());
    }),
  }));
}

const even = (rate: number): number[] => Array.from({ length: 16 }, () => rate / 16);

describe('phases of a workload', () => {
  const cases: {
    it: string;
    count: number;
    rates: (ms: number) => readonly number[];
    /** Where the phases begin after the first one, ms. */
    changes: number[];
  }[] = [
    { it: 'is one where nothing changes', count: 200, rates: () => even(2000), changes: [] },
    { it: 'is one where nothing is dirtied', count: 200, rates: () => even(0), changes: [] },
    { it: 'is one where hardly anything is', count: 200, rates: () => even(40), changes: [] },
    {
      it: 'begins where the rate rises',
      count: 200,
      rates: (ms) => even(ms < 12_000 ? 1000 : 3000),
      changes: [12_000],
    },
    {
      it: 'begins and ends where a load comes and goes',
      count: 200,
      rates: (ms) => even(ms >= 4000 && ms < 9000 ? 5000 : 500),
      changes: [4000, 9000],
    },
    {
      it: 'begins where other pages are dirtied at the same rate',
      count: 200,
      rates: (ms) => (ms < 10_000 ? [2000, 0, 0, 500] : [0, 0, 2000, 500]),
      changes: [10_000],
    },
    {
      it: 'is one where a tenth of the rate moves',
      count: 200,
      rates: (ms) => (ms < 10_000 ? [200, 0, 1800] : [0, 200, 1800]),
      changes: [],
    },
    {
      it: 'is one for bursts, which come too often to be phases',
      count: 256,
      rates: (ms) => even(ms % 1000 < 500 ? 4000 : 0),
      changes: [],
    },
  ];
  for (const { it: does, count, rates, changes } of cases) {
    it(does, () => {
      const phases = findPhases(windows(count, rates));
      assert.equal(phases.length, changes.length + 1, JSON.stringify(phases));
      for (const [i, startMs] of changes.entries()) {
        assert.ok(Math.abs((phases[i + 1]?.startMs ?? NaN) - startMs) <= 2 * windowMs);
      }
      assert.equal(phases[0]?.startMs, 0);
      assert.equal(phases.at(-1)?.endMs, count * windowMs);
    });
  }

  it('have the rate that was measured in them', () => {
    const [before, after] = findPhases(windows(200, (ms) => even(ms < 10_000 ? 1000 : 3000)));
    assert.ok(Math.abs((before?.pagesPerSecond ?? 0) / 1000 - 1) < 0.05);
    assert.ok(Math.abs((after?.pagesPerSecond ?? 0) / 3000 - 1) < 0.05);
  });
});
