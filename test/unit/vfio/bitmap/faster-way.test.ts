import assert from 'node:assert/strict';
import { FasterWay } from '#vfio/bitmap/faster-way.js';

/** Works a thousand times, and tells how often each way was gone in the last hundred. */
function lastHundred(costs: readonly [() => number, () => number]): [number, number] {
  const ways = new FasterWay();
  const gone: [number, number] = [0, 0];
  for (let i = 0; i < 1000; i += 1) {
    const way = ways.next;
    ways.took(way, costs[way]());
    if (i >= 900) gone[way] += 1;
  }
  return gone;
}

describe('the faster of two ways', () => {
  it('is found whichever it is', () => {
    assert.deepEqual(lastHundred([() => 1, () => 2]), [100, 0]);
    assert.deepEqual(lastHundred([() => 2, () => 1]), [0, 100]);
  });

  it('is the one that is faster at its best: it may have been held up, or not been compiled yet', () => {
    let calls = 0;
    const slowAtFirst = (): number => (calls++ < 40 ? 50 : 1);
    assert.deepEqual(lastHundred([() => 2, slowAtFirst]), [0, 100]);
  });
});
