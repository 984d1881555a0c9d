/** When a link on which nothing moves is broken off. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Journal, type MigrationControl } from 'precopy';
import { DeadLink } from '#plugin/sequence/migrate/dead-link.js';

const MiB = 2 ** 20;

/** A blackout in which QEMU answers the same again and again, and when the link was broken off. */
function blackout(deviceBytes: number): { link: DeadLink; broken: () => boolean } {
  let broken = false;
  const info = {
    status: 'device',
    ram: { mbps: 800, remaining: 0, transferred: 1000 },
    vfio: { transferred: 0 },
  };
  const control = {
    info: () => Promise.resolve(info),
    breakLink: () => {
      broken = true;
      return Promise.resolve();
    },
    events: { state: { stopped: Date.now(), postcopy: false }, overOnSource: undefined },
  };
  const link = new DeadLink({
    control: control as unknown as MigrationControl,
    journal: new Journal(),
    limitMs: 40,
    recovering: () => false,
    stopCopyBytes: () => deviceBytes,
  });
  return { link, broken: () => broken };
}

describe('a link on which nothing moves in the blackout', () => {
  it('is broken off at the limit, but later where a device may still be sending its state', async () => {
    const [none, some] = [blackout(0), blackout(20 * MiB)];
    const huge = blackout(1024 * MiB);
    try {
      while (!none.broken()) await sleep(5);
      assert.equal(some.broken(), false);
      while (!some.broken()) await sleep(5);
      assert.equal(huge.broken(), false);
    } finally {
      for (const { link } of [none, some, huge]) link[Symbol.dispose]();
    }
  });
});
