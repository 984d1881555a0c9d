/** The default policy, in the model of QEMU: it decides as it does with a real one. */
import assert from 'node:assert/strict';
import {
  adaptivePolicy,
  behaviourOf,
  defaultAutoConverge,
  defaultCosts,
  defaultParameters,
  inModel,
  qemuPolicy,
  sequentialCurve,
  simulatePrecopy,
  uniformCurve,
  type DirtyCurve,
  type Expectation,
  type ModelGuest,
  type ModelParameters,
  type ModelResult,
  type Policy,
  type Range,
} from 'precopy';
import { withTimeLimit } from '#plugin/sequence/policies/timeout.js';
import { goalWith } from '../../../support/goals.js';

const MiB = 2 ** 20;
const goal = goalWith();
const plain: ModelParameters = { ...defaultParameters, maxBandwidthBytesPerSecond: 32 * MiB };
const autoConverge: ModelParameters = { ...plain, autoConverge: defaultAutoConverge };
const link = { bytesPerSecond: 400 * MiB, channelBytesPerSecond: 400 * MiB };

function guest(pages: number, curve: DirtyCurve, busyShare = 1): ModelGuest {
  return {
    ram: [
      { pages, zero: false },
      { pages: 65_536 - pages, zero: true },
    ],
    pageBytes: 4096,
    sources: [{ name: 'cpu', kind: 'cpu', curve }],
    devices: [],
    vcpus: 1,
    busyShare,
  };
}

function run(
  model: ModelGuest,
  policy: Policy,
  parameters = plain,
  wanted = goal,
  expectation?: Expectation,
): ModelResult & { throttledMs: number } {
  const { parameters: begun, policy: steps } = inModel(
    ...([policy, wanted, parameters, expectation && { expectation }] as const),
  );
  let throttledMs = 0;
  let before = 0;
  const result = simulatePrecopy(
    {
      ...{ guest: model, link, parameters: begun, costs: defaultCosts },
      ...{ behaviour: behaviourOf(10, 0), horizonMs: 60_000 },
    },
    {
      tickMs: 50,
      policy: (view) => {
        throttledMs += ((view.nowMs - before) * (view.sample.throttlePercent ?? 0)) / 100;
        before = view.nowMs;
        return steps(view);
      },
    },
  );
  return { ...result, throttledMs };
}

/** What a rehearsal that was right would say of the guest, and of a switchover. */
function rehearsedAs(
  curve: DirtyCurve,
  ledger: Partial<Record<'load' | 'device', number>> = {},
): Expectation {
  const exactly = (ms: number): Range => ({ p10: ms, p50: ms, p90: ms });
  const { load = 10, device = 0 } = ledger;
  return {
    stopCopyBytes: 0,
    curve: [10, 100, 1000, 10_000].map((windowMs) => ({
      windowMs,
      bytes: 4096 * curve.pagesIn(windowMs),
    })),
    forecast: {
      ...{ version: 1, converges: 'no', convergedShare: 0, limitedBy: 'ram', why: '' },
      ...{ passes: null, totalMs: null, sentBytes: null, downtimeMs: null, warnings: [] },
      ...{ qemuExpectedDowntimeMs: null, throttlePercent: null, samples: 1, horizonMs: 1 },
      downtime: {
        ...{ ramMs: exactly(0), transitionsMs: exactly(0), waitingMs: exactly(0) },
        ...{ deviceStateMs: exactly(device), destinationLoadMs: exactly(load) },
      },
    },
  };
}

describe('the adaptive policy', () => {
  const hard: readonly (readonly [string, ModelGuest])[] = [
    ['writes a little faster than is sent', guest(16_384, uniformCurve(16_384, 12_000))],
    ['writes four times as fast', guest(16_384, uniformCurve(16_384, 30_000))],
    ['writes in order, a little faster', guest(12_288, sequentialCurve(12_288, 9000))],
    ['writes in order, twice as fast', guest(12_288, sequentialCurve(12_288, 20_000))],
  ];
  for (const [does, model] of hard) {
    it(`brings a guest through that ${does}, sooner and at less loss than auto-converge`, () => {
      const ours = run(model, adaptivePolicy);
      const qemus = run(model, qemuPolicy, autoConverge);
      assert.equal(run(model, qemuPolicy).converged, false, 'QEMU alone never does');
      assert.ok(ours.converged);
      assert.ok(ours.totalMs < 0.7 * qemus.totalMs, `${ours.totalMs} of ${qemus.totalMs} ms`);
      assert.ok((ours.downtimeMs ?? Infinity) <= goal.downtimeLimitMs);
      assert.ok(ours.throttledMs <= qemus.throttledMs, `${ours.throttledMs} ${qemus.throttledMs}`);
    });
  }

  it('finds out that a throttle takes idle time first, and throttles more', () => {
    const model = guest(12_288, sequentialCurve(12_288, 9000), 0.2);
    const ours = run(model, adaptivePolicy);
    assert.ok(ours.converged);
    assert.ok(ours.throttlePercent > 80, String(ours.throttlePercent));
  });

  it('does not throttle a guest that gets there by itself, and shortens its downtime', () => {
    const model = guest(16_384, uniformCurve(16_384, 4000));
    const ours = run(model, adaptivePolicy);
    const alone = run(model, qemuPolicy);
    assert.equal(ours.throttlePercent, 0);
    assert.ok(ours.totalMs < 1.2 * alone.totalMs);
    assert.ok((ours.downtimeMs ?? Infinity) < (alone.downtimeMs ?? 0));
  });

  it('does not wait for a shorter downtime where the total time limit would not have it', () => {
    for (const rate of [3000, 5000]) {
      const model = guest(16_384, uniformCurve(16_384, rate));
      const policy = withTimeLimit(adaptivePolicy);
      const atLeisure = run(model, policy);
      const totalLimitMs = 0.9 * atLeisure.totalMs;
      const hurried = run(model, policy, plain, { ...goal, totalLimitMs });
      assert.ok(hurried.converged && hurried.totalMs <= totalLimitMs, String(rate));
      assert.ok((hurried.downtimeMs ?? Infinity) <= goal.downtimeLimitMs);
    }
  });

  it('never throttles more than it may, and says that it does not converge', () => {
    const wanted = { ...goal, slowdownLimitPercent: 20 };
    const model = guest(16_384, uniformCurve(16_384, 60_000));
    const ours = run(model, adaptivePolicy, plain, wanted);
    assert.equal(ours.converged, false);
    assert.ok(ours.throttlePercent <= 20);
  });

  it('uses more bandwidth before it throttles, if it may', () => {
    const wanted = { ...goal, bandwidthLimitBytesPerSecond: 200 * MiB };
    const ours = run(guest(16_384, uniformCurve(16_384, 20_000)), adaptivePolicy, plain, wanted);
    assert.ok(ours.converged);
    assert.equal(ours.throttlePercent, 0);
  });

  it('gives QEMU all of the limit that a faster link allows in the blackout', () => {
    const wanted = { ...goal, linkBytesPerSecond: 400 * MiB };
    const ours = run(guest(16_384, uniformCurve(16_384, 20_000)), adaptivePolicy, plain, wanted);
    assert.ok(ours.converged);
    assert.equal(ours.throttlePercent, 0);
    assert.ok((ours.downtimeMs ?? Infinity) <= goal.downtimeLimitMs);
  });

  it('takes more bandwidth in the first round already if a rehearsal shows that it will be needed', () => {
    const curve = uniformCurve(16_384, 20_000);
    const wanted = { ...goal, bandwidthLimitBytesPerSecond: 200 * MiB };
    const busy = guest(16_384, curve);
    const knowing = run(busy, adaptivePolicy, plain, wanted, rehearsedAs(curve));
    const learning = run(busy, adaptivePolicy, plain, wanted);
    assert.ok(knowing.converged && learning.converged);
    assert.equal(knowing.throttlePercent, 0);
    const saved = `${knowing.totalMs} ms, without a rehearsal ${learning.totalMs} ms`;
    assert.ok(knowing.totalMs < 0.8 * learning.totalMs, saved);
  });

  it('throttles by no rehearsal alone: what the first round finds is newer', () => {
    const busy = rehearsedAs(uniformCurve(16_384, 30_000));
    const calm = guest(4096, uniformCurve(4096, 1000));
    const ours = run(calm, adaptivePolicy, plain, goal, busy);
    assert.ok(ours.converged);
    assert.equal(ours.throttledMs, 0);
    assert.ok(
      !ours.steps.some(({ parameters }) => (parameters?.autoConverge?.maxPercent ?? 0) > 1),
    );
  });

  it('is not misled by the first round, most of which is pages of zeros', () => {
    const curve = uniformCurve(4096, 1000);
    const ours = run(guest(4096, curve), adaptivePolicy, plain, goal, rehearsedAs(curve));
    assert.ok(ours.converged);
    assert.ok(ours.throttledMs === 0, `throttled for ${ours.throttledMs} ms`);
  });

  it('leaves room in the downtime for what a rehearsal says that the switchover and the devices take', () => {
    const curve = uniformCurve(16_384, 6000);
    const busy = guest(16_384, curve);
    const blackoutBytes = (expectation?: Expectation): number =>
      run(busy, adaptivePolicy, plain, goal, expectation).passes.at(-1)?.remainingBytes ?? 0;
    const tight = blackoutBytes(rehearsedAs(curve, { load: 100, device: 150 }));
    assert.ok(tight <= (32 * MiB * 60) / 1000, `${tight} bytes left for some 50 ms`);
  });
});
