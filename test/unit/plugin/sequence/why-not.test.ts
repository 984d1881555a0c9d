import assert from 'node:assert/strict';
import { comparisonOf, whyNotSwitchedOver } from 'precopy';
import type { MigrationSample, SwitchoverSettings } from 'precopy';
import { sampleWith } from '../../../support/goals.js';

const MiB = 1 << 20;

function sample(changes: Partial<MigrationSample>): MigrationSample {
  return sampleWith({ dirtySyncCount: 2, remainingBytes: 10 * MiB, ...changes });
}

// 100 MiB/s for 300 ms: the threshold is 30 MiB.
const settings: SwitchoverSettings = {
  downtimeLimitMs: 300,
  switchoverBytesPerSecond: 0,
  switchoverAck: false,
  comparison: '<',
  stopCopyBytes: undefined,
};
const vfio = { vfioBytes: 0 };

describe('why a pass did not end in the switchover', () => {
  const cases = [
    {
      is: 'first-round',
      when: 'it is the synchronisation at set-up',
      pass: 1,
      sample: sample({ remainingBytes: 100 * MiB, bandwidthBytesPerSecond: 0 }),
      says: /^RAM left 100 MiB: all of it is to be sent once, and the threshold is 0/,
    },
    {
      is: 'ram',
      when: 'what was dirtied is more than fits',
      sample: sample({ remainingBytes: 50 * MiB }),
      says: /^RAM left 50\.0 MiB >= threshold 30\.0 MiB = 100 MiB\/s × 300 ms\.$/,
    },
    {
      is: 'ram',
      when: 'exactly the threshold is left, before QEMU 10.2',
      sample: sample({ remainingBytes: 30 * MiB }),
      says: />=/,
    },
    {
      is: 'nothing',
      when: 'exactly the threshold is left, from QEMU 10.2 on',
      sample: sample({ remainingBytes: 30 * MiB }),
      settings: { comparison: '<=' },
      says: /<= threshold 30\.0 MiB .* by now: QEMU switches over when it compares again/,
    },
    {
      is: 'nothing',
      when: 'nothing is left, whatever the limit is',
      sample: sample({ remainingBytes: 0, bandwidthBytesPerSecond: 0 }),
      says: /switches over when it compares again/,
    },
    {
      is: 'nothing',
      when: 'RAM fits and the devices are not known',
      sample: sample(vfio),
      says: /unless VFIO devices have 20\.0 MiB or more/,
    },
    {
      is: 'device-state',
      when: 'RAM fits and the devices, of which the kernel tells, do not',
      sample: sample(vfio),
      settings: { stopCopyBytes: 25 * MiB },
      says: /the devices have 25\.0 MiB to say when stopped\.$/,
    },
    {
      is: 'device-state',
      when: 'RAM has fitted twice, and QEMU looks again',
      kind: 'exact-retry',
      sample: sample(vfio),
      says: /the devices have at least 20\.0 MiB to say/,
    },
    {
      is: 'nothing',
      when: 'RAM has fitted twice, and there are no devices',
      kind: 'exact-retry',
      sample: sample({}),
      says: /switches over when it compares again/,
    },
    {
      is: 'device-state',
      when: 'the devices alone are over the threshold (the stop-copy trap)',
      kind: 'exact-retry',
      sample: sample({ ...vfio, remainingBytes: 0, bandwidthBytesPerSecond: MiB }),
      settings: { stopCopyBytes: 64 * MiB },
      says: /No pass can change that.*It would take a downtime-limit of 1 min 04 s/,
      trap: true,
    },
    {
      is: 'switchover-ack',
      when: 'all would fit and the destination has not acknowledged',
      kind: 'exact-retry',
      sample: sample(vfio),
      settings: { stopCopyBytes: MiB, switchoverAck: true },
      says: /has not said switchover-ack/,
    },
    {
      is: 'unsent-ram',
      when: "auto-converge's timer looked",
      kind: 'throttle-timer',
      sample: sample({ remainingBytes: 80 * MiB }),
      says: /looked in mid-round/,
    },
    {
      is: 'ram',
      when: 'avail-switchover-bandwidth is what counts',
      sample: sample({ remainingBytes: 10 * MiB }),
      settings: { switchoverBytesPerSecond: 1999 },
      // QEMU divides by 1000 in integers: 1 byte/ms.
      says: />= threshold 300 B = .*avail-switchover-bandwidth/,
    },
  ] as const;
  for (const { is, when, says, ...given } of cases) {
    it(`is ${is} when ${when}`, () => {
      const why = whyNotSwitchedOver(
        'pass' in given ? given.pass : 2,
        'kind' in given ? given.kind : 'round',
        given.sample,
        { ...settings, ...('settings' in given ? given.settings : {}) },
      );
      assert.equal(why.term, is, why.sentence);
      assert.match(why.sentence, says);
      assert.equal(why.stopCopyTrap, 'trap' in given);
    });
  }

  it('tells at which downtime-limit it would fit, and at that it does', () => {
    const at = sample({ remainingBytes: 50 * MiB });
    const { neededLimitMs } = whyNotSwitchedOver(2, 'round', at, settings);
    assert.equal(neededLimitMs, 501);
    const then = whyNotSwitchedOver(2, 'round', at, { ...settings, downtimeLimitMs: 501 });
    assert.equal(then.term, 'nothing');
  });

  it('compares as the version of QEMU does', () => {
    assert.equal(comparisonOf({ major: 10, minor: 1 }), '<');
    assert.equal(comparisonOf({ major: 10, minor: 2 }), '<=');
    assert.equal(comparisonOf({ major: 11, minor: 0 }), '<=');
  });
});
