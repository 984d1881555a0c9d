/** Holding and stepping, in the model of QEMU. */
import assert from 'node:assert/strict';
import {
  behaviourOf,
  defaultCosts,
  defaultParameters,
  inModel,
  manualPolicy,
  simulatePrecopy,
  uniformCurve,
  type DirtyCurve,
  type ModelResult,
} from 'precopy';
import { heldBandwidth, stepBandwidth } from '#plugin/sequence/hold.js';
import type { Parameters, Tuning } from '#plugin/sequence/control.js';
import { ViewBuilder, type ViewRecord } from '#plugin/sequence/view.js';
import { goalWith } from '../../../support/goals.js';

const MiB = 2 ** 20;

/** What becomes within a minute of a guest that is begun held. */
function held(curve: DirtyCurve): ModelResult {
  const { parameters, policy } = inModel(manualPolicy, goalWith(), defaultParameters);
  return simulatePrecopy(
    {
      guest: {
        ram: [
          { pages: 8192, zero: false },
          { pages: 24_576, zero: true },
        ],
        ...{
          pageBytes: 4096,
          sources: [{ name: 'cpu', kind: 'cpu', curve }],
          devices: [],
          vcpus: 1,
        },
      },
      link: { bytesPerSecond: 400 * MiB, channelBytesPerSecond: 400 * MiB },
      ...{ parameters, costs: defaultCosts, behaviour: behaviourOf(10, 0), horizonMs: 60_000 },
    },
    { tickMs: 200, policy },
  );
}

describe('a migration that is held', () => {
  it('does not get through, whether the guest writes much or a little', () => {
    for (const curve of [uniformCurve(4096, 10_000), uniformCurve(256, 20)]) {
      assert.equal(held(curve).converged, false);
    }
  });

  it('is not slowed down while there is enough left', () => {
    assert.equal(heldBandwidth(100 * MiB, 32 * MiB), undefined);
    assert.equal(heldBandwidth(20 * MiB, 32 * MiB), MiB);
    assert.equal(heldBandwidth(20 * MiB, 0), MiB, 'without a limit anything is through at once');
    assert.equal(heldBandwidth(0, 32 * MiB), 4096, 'never stopped: 0 would be no limit');
    assert.equal(heldBandwidth(0, 4096), undefined);
  });
});

describe('what a person has set', () => {
  const parameters = { ...defaultParameters, throttlePercent: undefined } as unknown as Parameters;
  const asked = (tuning: Tuning): ViewRecord[] => [
    { type: 'request', request: { kind: 'tune', tuning }, monotonicMs: 0 },
    {
      ...{ type: 'decision', policy: 'manual', reason: '' },
      action: { kind: 'tune', tuning },
      monotonicMs: 0,
    },
  ];

  it('is remembered, the last of each, if QEMU took it', () => {
    const view = new ViewBuilder();
    const took: ViewRecord = { type: 'parameters', parameters, monotonicMs: 0 };
    for (const record of [
      ...asked({ downtimeLimitMs: 2000, maxBandwidthBytesPerSecond: 1 }),
      took,
      ...asked({ maxBandwidthBytesPerSecond: 2 }),
      took,
      ...asked({ downtimeLimitMs: 1e9 }),
      { type: 'warning', message: 'tune was refused', monotonicMs: 0 } as const,
      ...asked({ throttlePercent: 40 }),
      took,
    ]) {
      view.apply(record);
    }
    assert.deepEqual(view.wished, {
      downtimeLimitMs: 2000,
      maxBandwidthBytesPerSecond: 2,
      throttlePercent: 40,
    });
  });
});

describe('a step', () => {
  it('speeds up bit by bit and brakes as the end of the pass comes near', () => {
    assert.equal(stepBandwidth(100 * MiB, MiB, 0), 4 * MiB);
    assert.equal(stepBandwidth(100 * MiB, 100 * MiB, 0), 200 * MiB);
    assert.equal(stepBandwidth(MiB, 100 * MiB, 0), 2 * MiB);
    assert.equal(stepBandwidth(0, 100 * MiB, 0), 65_536);
    assert.equal(
      stepBandwidth(100 * MiB, 100 * MiB, 32 * MiB),
      32 * MiB,
      'as much as the goal allows',
    );
    assert.equal(stepBandwidth(100 * MiB, 0, 0), 200 * MiB);
  });
});
