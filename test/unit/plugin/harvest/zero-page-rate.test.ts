import assert from 'node:assert/strict';
import { calibrationFrom, zeroPageRate } from 'precopy';

describe('how fast pages of zeros go through', () => {
  const none = calibrationFrom([], {
    host: 'here',
    qemu: '10.0',
    ramBytes: 1,
    vfio: false,
    sharedRam: false,
  });

  it('is measured here where no past migration tells, and said to be rough', () => {
    for (const sharedRam of [false, true]) {
      const { pagesPerSecond, deviation, from } = zeroPageRate({ calibration: none }, sharedRam);
      assert.equal(from, 'measured');
      assert.ok(pagesPerSecond > 0 && Number.isFinite(pagesPerSecond), String(pagesPerSecond));
      assert.ok(deviation > 0);
    }
  });

  it('is what past migrations had, where they tell', () => {
    const calibration = {
      ...{ migrations: 3, destination: 'there', costDeviation: 0 },
      costs: { setupMs: 1, saveMs: 1, loadMs: 0 },
      ...{ switchoverBytesPerSecond: undefined, linkBytesPerSecond: undefined },
      ...{ zeroPagesPerSecond: 123_456, zeroPageDeviation: 0.1 },
    };
    assert.deepEqual(zeroPageRate({ calibration }, false), {
      ...{ pagesPerSecond: 123_456, deviation: 0.1, from: 'history' },
    });
  });
});
