/** What the total time limit does to a policy. */
import assert from 'node:assert/strict';
import { defaultParameters, type Decision, type Policy, type View } from 'precopy';
import { withTimeLimit } from '#plugin/sequence/policies/timeout.js';
import { goalWith } from '../../../support/goals.js';

const parameters = {
  downtimeLimitMs: 300,
  maxBandwidthBytesPerSecond: defaultParameters.maxBandwidthBytesPerSecond,
  switchoverBytesPerSecond: 0,
  throttlePercent: undefined,
};

function viewAt(elapsedMs: number, changes: Partial<View> = {}): View {
  return {
    elapsedMs,
    phase: 'precopy',
    passes: [],
    latest: undefined,
    progress: { atMs: 0, bytes: 0 },
    bandwidths: [],
    parameters,
    initial: parameters,
    abilities: new Set(['tune', 'postcopy']),
    ramBytes: 1 << 30,
    expectation: undefined,
    request: undefined,
    ...changes,
  };
}

function always(action: Decision['action']): Policy {
  return {
    name: 'always',
    begin: () => ({ tuning: {}, autoConverge: undefined, held: false, reason: '' }),
    decide: () => ({ action, reason: 'always' }),
  };
}

describe('a total time limit', () => {
  const waiting = withTimeLimit(always({ kind: 'wait' }));
  const kindAt = (elapsedMs: number, goal: Parameters<typeof goalWith>[0]): string =>
    waiting.decide(viewAt(elapsedMs), goalWith({ totalLimitMs: 1000, ...goal })).action.kind;

  it('leaves the policy alone before it is over, and then does what was asked for', () => {
    assert.equal(kindAt(999, {}), 'wait');
    assert.equal(kindAt(1000, {}), 'cancel');
    assert.equal(kindAt(1000, { onTimeout: 'postcopy' }), 'postcopy');
    assert.equal(kindAt(1000, { onTimeout: 'release' }), 'switchover');
  });

  it('cancels where postcopy was wanted and is not possible', () => {
    const goal = goalWith({ totalLimitMs: 1000, onTimeout: 'postcopy' });
    const without = viewAt(1000, { abilities: new Set(['tune']) });
    assert.deepEqual(waiting.decide(without, goal), {
      action: { kind: 'cancel' },
      reason: 'the time limit of 1.00 s passed, and postcopy is not possible here',
    });
  });

  it('has a policy that wants postcopy cancel, too, but not a person who asks for it', () => {
    const wanting = withTimeLimit(always({ kind: 'postcopy' }));
    const without = { abilities: new Set<never>() };
    assert.equal(wanting.decide(viewAt(0, without), goalWith()).action.kind, 'cancel');
    const asked = viewAt(0, { ...without, request: { kind: 'postcopy' } });
    assert.equal(wanting.decide(asked, goalWith()).action.kind, 'postcopy');
    assert.equal(wanting.decide(viewAt(0), goalWith()).action.kind, 'postcopy');
  });
});
