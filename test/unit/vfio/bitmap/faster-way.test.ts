import assert from 'node:assert/strict';
import { FasterWay } from '#vfio/bitmap/faster-way.js';

/** Works a thousand times, and tells which share of the last 310 went the second way. */
function secondShare(ways: FasterWay, costs: readonly [() => number, () => number]): number {
  let second = 0;
  for (let i = 0; i < 1000; i += 1) {
    const way = ways.next;
    ways.took(way, costs[way]());
    if (i >= 690) second += way;
  }
  return second / 310;
}

describe('the faster of two ways', () => {
  it('is gone nearly always, whichever it is', () => {
    assert.equal(secondShare(new FasterWay(), [() => 1, () => 2]), 1 / 31);
    assert.equal(secondShare(new FasterWay(), [() => 2, () => 1]), 30 / 31);
  });

  it('is not misjudged for what interrupts it, nor for the time before it is compiled', () => {
    let calls = 0;
    const interrupted = (): number => (calls++ % 5 === 0 || calls < 12 ? 50 : 1);
    assert.equal(secondShare(new FasterWay(), [() => 2, interrupted]), 30 / 31);
  });

  it('may become the other one, when the work changes', () => {
    const ways = new FasterWay();
    assert.equal(secondShare(ways, [() => 1, () => 2]), 1 / 31);
    assert.equal(secondShare(ways, [() => 3, () => 2]), 30 / 31);
  });
});
