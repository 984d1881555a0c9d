import assert from 'node:assert/strict';
import { measure, median, rounded, type BenchCase } from '#scripts/bench/measure.js';
import { rowsAsTable } from '#scripts/bench/row.js';

const { signal } = new AbortController();
const noError = (error: unknown): void => {
  throw error;
};

/** A side that returns the figures one after the other, and notes its turns. */
function side(name: string, figures: number[], log: string[] = []) {
  let turn = 0;
  return (): Promise<number> => {
    log.push(name);
    return Promise.resolve(figures[turn++] ?? NaN);
  };
}

describe('measuring a case', () => {
  it('lets both sides take turns, who begins as well, and compares the medians', async () => {
    const log: string[] = [];
    const benchCase: BenchCase = {
      name: 'copy',
      unit: 'ms',
      turns: 3,
      ours: side('ours', [1, 9, 2], log),
      peer: { name: 'C', turn: side('peer', [4, 5, 90], log) },
      goal: { words: 'at most half of C', met: (ours, peer) => ours <= peer / 2 },
    };
    assert.deepEqual(await measure('vfio', benchCase, signal, noError), {
      bench: 'vfio',
      case: 'copy',
      unit: 'ms',
      ours: 2,
      peerName: 'C',
      peer: 5,
      ratio: 0.4,
      goal: 'at most half of C',
      met: true,
    });
    assert.deepEqual(log, ['ours', 'peer', 'peer', 'ours', 'ours', 'peer']);
  });

  it('needs no peer and no goal', async () => {
    const benchCase = { name: 'boot', unit: 's', turns: 1, ours: side('ours', [3]) };
    const { ours, peer, ratio, goal, met } = await measure('lab', benchCase, signal, noError);
    assert.deepEqual(
      { ours, peer, ratio, goal, met },
      { ours: 3, peer: null, ratio: null, goal: null, met: null },
    );
  });

  it('says that a goal was missed', async () => {
    const goal = { words: 'under 2 s', met: (ours: number) => ours < 2 };
    const benchCase = { name: 'boot', unit: 's', turns: 1, ours: side('ours', [2]), goal };
    assert.equal((await measure('lab', benchCase, signal, noError)).met, false);
  });

  it('makes a row of a case that fails, and tells why', async () => {
    const errors: unknown[] = [];
    const broken = new Error('broken');
    const benchCase = { name: 'x', unit: 's', turns: 2, ours: () => Promise.reject(broken) };
    const row = await measure('lab', benchCase, signal, (error) => errors.push(error));
    assert.equal(row.ours, null);
    assert.equal(row.met, false);
    assert.deepEqual(errors, [broken]);
    assert.match(rowsAsTable([row]), /^x +failed +MISSED$/m);
  });

  it('ends when aborted, without a row', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const benchCase = { name: 'x', unit: 's', turns: 1, ours: side('ours', [1]) };
    await assert.rejects(measure('lab', benchCase, controller.signal, noError), /enough/);
  });
});

describe('the median', () => {
  const cases: [number[], number][] = [
    [[], NaN],
    [[5], 5],
    [[3, 1], 2],
    [[9, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
  ];
  for (const [values, expected] of cases) {
    it(`of ${JSON.stringify(values)} is ${expected}`, () => {
      assert.equal(median(values), expected);
    });
  }
});

describe('figures', () => {
  it('have three significant digits', () => {
    assert.deepEqual([123456, 1.23456, 0.00123456].map(rounded), [123000, 1.23, 0.00123]);
  });
});
