import assert from 'node:assert/strict';
import { ProgressClock } from '#plugin/sequence/stall.js';
import type { MigrationInfo } from '#plugin/sequence/qemu-replies.js';

const ram = (transferred: number): NonNullable<MigrationInfo['ram']> => ({
  ...{ transferred, remaining: 0, total: 1 << 20, duplicate: 0, normal: 0 },
  ...{ 'page-size': 4096, mbps: 0, 'dirty-sync-count': 1, 'dirty-pages-rate': 0 },
});

describe('a link', () => {
  it('stands still for as long as no byte has gone out', () => {
    const clock = new ProgressClock(0);
    clock.saw({ status: 'active', ram: ram(1000) }, 100);
    assert.equal(clock.standstillMs(100), 0);
    clock.saw({ status: 'active', ram: ram(1000) }, 1100);
    clock.saw({ status: 'active', ram: ram(1000) }, 2100);
    assert.equal(clock.standstillMs(2100), 2000);
    clock.saw({ status: 'active', ram: ram(1001) }, 3100);
    assert.equal(clock.standstillMs(3200), 100);
  });

  it('moves when QEMU enters another state, without a byte more', () => {
    const clock = new ProgressClock(0);
    clock.saw({ status: 'active', ram: ram(1000) }, 0);
    clock.saw({ status: 'device', ram: ram(1000) }, 5000);
    assert.equal(clock.standstillMs(5000), 0);
  });

  it('moves when an event comes', () => {
    const clock = new ProgressClock(0);
    clock.moved(4000);
    assert.equal(clock.standstillMs(4500), 500);
  });

  it('stands still while QEMU, in the blackout, answers nothing at all', () => {
    const clock = new ProgressClock(0);
    clock.saw({ status: 'device', ram: ram(1000) }, 1000);
    assert.equal(clock.standstillMs(31_000), 30_000);
  });

  for (const status of ['pre-switchover', 'postcopy-paused', 'completed', 'none'] as const) {
    it(`is not what is waited for in the state ${status}`, () => {
      const clock = new ProgressClock(0);
      clock.saw({ status, ram: ram(1000) }, 0);
      clock.saw({ status, ram: ram(1000) }, 60_000);
      assert.equal(clock.standstillMs(60_000), 0);
    });
  }

  for (const status of [
    'setup',
    'active',
    'device',
    'postcopy-active',
    'postcopy-recover',
  ] as const) {
    it(`is what is waited for in the state ${status}`, () => {
      const clock = new ProgressClock(0);
      clock.saw({ status, ram: ram(1000) }, 0);
      clock.saw({ status, ram: ram(1000) }, 60_000);
      assert.equal(clock.standstillMs(60_000), 60_000);
    });
  }
});
