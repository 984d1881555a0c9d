import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Journal, type JournalRecord, type RecordOf } from 'precopy';
import { PassFollower } from '#plugin/sequence/pass-follower.js';
import type { MigrationInfo } from '#plugin/sequence/qemu-replies.js';

const info: MigrationInfo = {
  status: 'active',
  ram: {
    transferred: 1000,
    remaining: 4096,
    total: 1 << 20,
    duplicate: 0,
    normal: 100,
    'page-size': 4096,
    mbps: 100,
    'dirty-sync-count': 1,
    'dirty-pages-rate': 0,
  },
};

const context = {
  sourceStopped: false,
  autoConverge: false,
  downtimeLimitMs: 300,
  switchoverBytesPerSecond: 0,
  switchoverAck: false,
  comparison: '<',
  stopCopyBytes: 1 << 30,
} as const;

describe('a flood of passes', () => {
  it('is recorded to the last one, in few records, each with the time of every pass', async () => {
    const records: RecordOf<'pass'>[] = [];
    using journal = new Journal();
    journal.subscribe((record: JournalRecord) => {
      if (record.type === 'pass') records.push(record);
    });
    let queries = 0;
    using follower = new PassFollower(
      async () => {
        queries += 1;
        await turn();
        return info;
      },
      () => context,
      journal,
    );
    const passes = 20_000;
    for (let pass = 1; pass <= passes; pass += 1) {
      follower.pass(pass, false, 1e15 + pass * 500);
      if (pass % 10 === 0) await turn();
    }
    follower.pass(passes + 1, true, 1e15 + (passes + 1) * 500);
    await follower.settled();
    let next = 1;
    for (const { first, pass, gapsUs = [], qemuUs } of records) {
      assert.equal(first, next);
      assert.equal(qemuUs, 1e15 + first * 500);
      assert.equal(gapsUs.length, pass - first);
      assert.ok(gapsUs.every((us) => us === 500));
      next = pass + 1;
    }
    assert.equal(next, passes + 2);
    assert.equal(records.at(-1)?.kind, 'blackout');
    assert.equal(follower.passes, passes + 1);
    // A burst, then ten a second, however many come.
    assert.ok(queries < 1000, `${queries} queries`);
    assert.ok(records.some(({ why }) => why?.stopCopyTrap));
  });

  it('names the passes that nothing is known of, where the migration ended in its middle', async () => {
    const passes: RecordOf<'pass'>[] = [];
    const warnings: string[] = [];
    using journal = new Journal();
    journal.subscribe((record: JournalRecord) => {
      if (record.type === 'pass') passes.push(record);
      if (record.type === 'warning') warnings.push(record.message);
    });
    const answers: (() => Promise<MigrationInfo>)[] = [
      () => Promise.resolve(info),
      () => Promise.resolve({ status: 'cancelled' }),
      () => Promise.reject(new Error('the connection ended')),
    ];
    using follower = new PassFollower(
      async () => {
        await turn();
        return await (answers.shift()?.() ?? Promise.resolve(info));
      },
      () => context,
      journal,
    );
    follower.pass(1, false, 1e15);
    await turn();
    follower.pass(2, false, 1e15 + 500);
    follower.pass(3, false, 1e15 + 1000);
    await follower.settled();
    follower.pass(4, false, 1e15 + 1500);
    await follower.settled();
    assert.deepEqual(
      passes.map(({ first, pass }) => [first, pass]),
      [[1, 1]],
    );
    assert.deepEqual(warnings, [
      'Passes 2 to 3 could not be sampled: query-migrate has no figures any more, status cancelled',
      'Pass 4 could not be sampled: the connection ended',
    ]);
  });

  it('has the states of the VFIO devices as of each pass', async () => {
    const records: RecordOf<'pass'>[] = [];
    using journal = new Journal();
    journal.subscribe((record: JournalRecord) => {
      if (record.type === 'pass') records.push(record);
    });
    using follower = new PassFollower(
      () => Promise.resolve(info),
      () => context,
      journal,
    );
    for (const state of ['pre-copy', 'stop-copy']) {
      journal.append({
        type: 'event',
        side: 'source',
        event: 'VFIO_MIGRATION',
        data: {
          'device-id': 'nic0',
          'qom-path': '/machine/peripheral/nic0',
          'device-state': state,
        },
        qemuUs: 1,
      });
      follower.pass(records.length + 1, false, 1);
      await follower.settled();
    }
    assert.deepEqual(
      records.map(({ devices }) => devices),
      [{ '/machine/peripheral/nic0': 'pre-copy' }, { '/machine/peripheral/nic0': 'stop-copy' }],
    );
  });
});
