import assert from 'node:assert/strict';
import { PhaseMachine, classifyPass } from 'precopy';
import { sampleWith } from '../../support/goals.js';

const MiB = 1 << 20;

describe('a pass', () => {
  // 100 MiB/s for 300 ms: the threshold is 30 MiB.
  const running = {
    sourceStopped: false,
    autoConverge: false,
    downtimeLimitMs: 300,
    switchoverBytesPerSecond: 0,
  };
  const cases = [
    {
      is: 'round',
      when: 'it is the first',
      previous: undefined,
      current: sampleWith({}),
      context: running,
    },
    {
      is: 'round',
      when: 'what was dirty had been sent',
      previous: sampleWith({ remainingBytes: 100 * MiB }),
      current: sampleWith({ handledBytes: 80 * MiB, remainingBytes: 60 * MiB }),
      context: running,
    },
    {
      is: 'exact-retry',
      when: 'the RAM left was below the threshold already',
      previous: sampleWith({ remainingBytes: 10 * MiB }),
      current: sampleWith({ handledBytes: 9 * MiB, remainingBytes: 8 * MiB }),
      context: running,
    },
    {
      is: 'round',
      when: 'the RAM left was below the threshold only by what was sent since QEMU compared',
      previous: sampleWith({ remainingBytes: 10 * MiB, expectedDowntimeMs: 900 }),
      current: sampleWith({ handledBytes: 9 * MiB, expectedDowntimeMs: 350 }),
      context: running,
    },
    {
      is: 'exact-retry',
      when: 'QEMU has not said anew what it found there',
      previous: sampleWith({ remainingBytes: 10 * MiB, expectedDowntimeMs: 350 }),
      current: sampleWith({ handledBytes: 9 * MiB, expectedDowntimeMs: 350 }),
      context: running,
    },
    {
      is: 'round',
      when: 'the threshold rose above the RAM left only after the last pass',
      previous: sampleWith({ remainingBytes: 10 * MiB, bandwidthBytesPerSecond: 10 * MiB }),
      current: sampleWith({ handledBytes: 9 * MiB }),
      context: running,
    },
    {
      is: 'exact-retry',
      when: 'avail-switchover-bandwidth puts the threshold above the RAM left',
      previous: sampleWith({ remainingBytes: 10 * MiB, bandwidthBytesPerSecond: 10 * MiB }),
      current: sampleWith({ handledBytes: 9 * MiB }),
      context: { ...running, switchoverBytesPerSecond: 100 * MiB },
    },
    {
      is: 'throttle-timer',
      when: 'auto-converge is on and most was still unsent',
      previous: sampleWith({ remainingBytes: 100 * MiB }),
      current: sampleWith({ handledBytes: 20 * MiB }),
      context: { ...running, autoConverge: true },
    },
    {
      is: 'round',
      when: 'auto-converge is on but the round was over',
      previous: sampleWith({ remainingBytes: 100 * MiB }),
      current: sampleWith({ handledBytes: 75 * MiB }),
      context: { ...running, autoConverge: true },
    },
    {
      is: 'blackout',
      when: 'the guest is stopped',
      previous: sampleWith({}),
      current: sampleWith({}),
      context: { ...running, sourceStopped: true },
    },
  ] as const;
  for (const { is, when, previous, current, context } of cases) {
    it(`is ${is} when ${when}`, () => {
      assert.equal(classifyPass(previous, current, context), is);
    });
  }
});

describe('the phases of a migration', () => {
  it('go from preflight to completed', () => {
    const machine = new PhaseMachine();
    for (const next of ['setup', 'precopy', 'switchover', 'verify', 'completed'] as const) {
      assert.equal(machine.ended, false);
      machine.enter(next);
    }
    assert.equal(machine.ended, true);
  });

  it('refuse a transition that cannot happen, and stay where they are', () => {
    const machine = new PhaseMachine();
    assert.throws(() => {
      machine.enter('verify');
    }, /from preflight to verify/);
    assert.equal(machine.phase, 'preflight');
  });

  it('end for good', () => {
    const machine = new PhaseMachine();
    machine.enter('failed');
    assert.throws(() => {
      machine.enter('setup');
    }, /from failed to setup/);
  });
});
