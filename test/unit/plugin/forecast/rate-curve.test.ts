import assert from 'node:assert/strict';
import {
  curveOfRates,
  planWindows,
  uniformCurve,
  type DirtyCurve,
  type RateReading,
} from 'precopy';

/** What calc-dirty-rate would say of a guest with this curve: whole MiB/s. */
function readings(curve: DirtyCurve, windows: readonly number[]): RateReading[] {
  return windows.map((windowMs, i) => ({
    startMs: 100 * i,
    windowMs,
    mibPerSecond: Math.floor((curve.pagesIn(windowMs) * 1000) / 256 / windowMs),
  }));
}

describe('windows to measure rates over', () => {
  for (const [durationMs, shortestMs, lengths] of [
    [10_000, 100, [100, 200, 400, 800, 1600, 3200]],
    [10_000, 1000, [1000, 2000, 4000]],
    [2000, 1000, [1000]],
  ] as const) {
    it(`double from ${shortestMs} ms on, and take about ${durationMs} ms altogether`, () => {
      const windows = planWindows(durationMs, shortestMs);
      assert.deepEqual([...new Set(windows.toSorted((a, b) => a - b))], lengths);
      const sumMs = windows.reduce((sum, ms) => sum + ms, 0);
      assert.ok(sumMs >= 0.6 * durationMs && sumMs <= 1.3 * durationMs, `${sumMs} ms`);
    });
  }

  it('are mixed, so that no length is measured at one end of the time only', () => {
    const windows = planWindows(10_000, 100);
    const middle = windows.length / 2;
    assert.ok(windows.indexOf(100) < middle && windows.lastIndexOf(100) > middle);
    assert.ok(windows.indexOf(400) < middle && windows.lastIndexOf(400) > middle);
  });
});

describe('a curve of rates', () => {
  const truth = uniformCurve(16_384, 12_000);

  it('comes near the true one, as far as whole MiB/s allow', () => {
    const curve = curveOfRates(readings(truth, planWindows(20_000, 100)), 65_536);
    assert.ok(curve);
    for (const ms of [200, 500, 1000, 3000]) {
      const off = curve.pagesIn(ms) / truth.pagesIn(ms) - 1;
      assert.ok(Math.abs(off) < 0.04, `${(100 * off).toFixed(1)} % off at ${ms} ms`);
    }
  });

  it('says that it knows little below its shortest window, and of small rates', () => {
    const curve = curveOfRates(readings(truth, [1000, 2000, 1000, 2000]), 65_536);
    assert.ok(curve);
    assert.ok(curve.uncertainty(50) > 0.5, `${curve.uncertainty(50)} at 50 ms`);
    assert.ok(curve.uncertainty(1000) < 0.05, `${curve.uncertainty(1000)} at 1 s`);
    const slow = curveOfRates(readings(uniformCurve(4096, 400), [1000, 2000]), 65_536);
    assert.ok((slow?.uncertainty(1000) ?? 0) > 0.15);
  });

  it('takes away what is known to be somebody else’s', () => {
    const device = uniformCurve(4096, 3000);
    const both: DirtyCurve = { pagesIn: (ms) => truth.pagesIn(ms) + device.pagesIn(ms) };
    const curve = curveOfRates(readings(both, planWindows(20_000, 100)), 65_536, device);
    const off = (curve?.pagesIn(1000) ?? 0) / truth.pagesIn(1000) - 1;
    assert.ok(Math.abs(off) < 0.04, `${(100 * off).toFixed(1)} % off`);
  });

  it('is nothing for a guest that dirties less than can be told', () => {
    const idleReadings = planWindows(10_000, 1000).map((windowMs, i) => ({
      startMs: 1000 * i,
      windowMs,
      mibPerSecond: 0,
    }));
    assert.equal(curveOfRates(idleReadings, 65_536)?.pagesIn(5000), 0);
    assert.equal(curveOfRates([], 65_536), undefined);
  });
});
