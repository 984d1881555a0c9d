/** Ways in which a migration does not simply complete: cancelled, stalled, broken and recovered. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { JournalRecord } from 'precopy';
import { FaultRig } from '../../support/fault-rig.js';
import { startPrecopy, type Running } from '../../support/precopy.js';

function recordsIn(stdout: string): JournalRecord[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JournalRecord);
}

/** Interrupts precopy once it has printed that; it must leave the guest on the source alone, as it was. */
async function cancelAt(printed: string, running: Running, rig: FaultRig): Promise<string> {
  await running.printed(printed);
  running.process.kill('SIGINT');
  const { exitCode, stdout } = await running.finished;
  assert.equal(exitCode, 5, stdout);
  assert.deepEqual(await rig.runners(), ['source']);
  await rig.assertRestored();
  return stdout;
}

describe('a migration that is cancelled', () => {
  it('leaves the guest on the source alone, in precopy', async () => {
    await using rig = await FaultRig.start();
    const running = rig.migrate();
    await cancelAt('"type":"pass"', running, rig);
  });

  it('leaves the guest on the source alone, in set-up', async () => {
    await using rig = await FaultRig.start();
    const running = rig.migrate();
    await cancelAt('"phase":"setup"', running, rig);
  });

  it('leaves the guest on the source alone, while QEMU 10.0 sends the devices', async () => {
    await using rig = await FaultRig.start(true);
    rig.link.limit(10 << 20);
    const running = rig.migrate('--timeout', '1s', '--on-timeout', 'release');
    await cancelAt('"status":"device"', running, rig);
  });

  it('leaves the guest on the source alone, in the blackout, where QEMU by itself would let both run', async () => {
    await using rig = await FaultRig.start();
    rig.link.limit(10 << 20);
    const running = rig.migrate('--timeout', '1s', '--on-timeout', 'release');
    await cancelAt('"event":"STOP"', running, rig);
  });

  it('leaves the guest on the source alone, while it is held', async () => {
    await using rig = await FaultRig.start();
    const running = rig.migrate('--policy', 'manual', '--timeout', '1min');
    await cancelAt('"type":"pass"', running, rig);
  });

  it('leaves the guest on the source alone, while the destination is compared', async () => {
    await using rig = await FaultRig.start(true);
    const running = rig.migrate('--timeout', '1s', '--on-timeout', 'release', '--verify');
    await cancelAt('"phase":"verify"', running, rig);
  });

  it('goes on in postcopy, where there is no way back, and says so', async () => {
    await using rig = await FaultRig.start();
    rig.link.limit(4 << 20);
    const running = rig.migrate('--timeout', '1s', '--on-timeout', 'postcopy');
    await running.printed('"event":"RESUME"');
    running.process.kill('SIGINT');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /could not be cancelled: The guest goes on at the destination already/);
    assert.deepEqual(await rig.runners(), ['destination']);
  });
});

describe('a migration to a destination whose monitor precopy does not have', () => {
  function migrate(rig: FaultRig, ...more: string[]): Running {
    return startPrecopy([
      ...['migrate', '--qmp', rig.source.qmp, '--uri', rig.link.uri, '--policy', 'qemu'],
      ...['--bandwidth', '10M', '--downtime-limit', '20ms', '--no-history', '--json', ...more],
    ]);
  }

  it('completes; the downtime is known only as the source tells it', async () => {
    await using rig = await FaultRig.start();
    await rig.destinationListens();
    const { exitCode, stdout } = await migrate(rig, '--downtime-limit', '5s').finished;
    assert.equal(exitCode, 0, stdout);
    assert.deepEqual(await rig.runners(), ['destination']);
    const result = recordsIn(stdout).findLast((record) => record.type === 'result')?.result;
    assert.equal(result?.outcome, 'completed');
    assert.equal(result.downtime, undefined);
    assert.ok((result.qemuDowntimeMs ?? 0) > 0);
  });

  it('is cancelled in precopy; the guest goes on at the source alone', async () => {
    await using rig = await FaultRig.start();
    await rig.destinationListens();
    const running = migrate(rig);
    const stdout = await cancelAt('"type":"pass"', running, rig);
    assert.match(stdout, /The guest is on the source: running/);
  });

  it('fails when the destination dies; the guest goes on at the source', async () => {
    await using rig = await FaultRig.start();
    await rig.destinationListens();
    const running = migrate(rig);
    await running.printed('"type":"pass"');
    rig.destination.process.kill('SIGKILL');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /QEMU gave the migration up.*The guest is on the source: running/);
    assert.deepEqual(await rig.runners(), ['source']);
    await rig.assertRestored();
  });

  it('can not be verified, and is refused with --verify before anything is changed', async () => {
    await using rig = await FaultRig.start();
    const { exitCode, stdout } = await migrate(rig, '--verify').finished;
    assert.equal(exitCode, 3, stdout);
    assert.match(stdout, /the destination is not ours to hold/);
    assert.deepEqual(await rig.runners(), ['source']);
    await rig.assertRestored();
  });
});

describe('a guest that somebody stops while it migrates', () => {
  it('is steered on once it runs again', async () => {
    await using rig = await FaultRig.start();
    const running = rig.migrate('--timeout', '5s');
    await running.printed('"type":"pass"');
    await rig.ask('source', 'stop');
    await running.printed('stopped, not for the switchover');
    await rig.ask('source', 'cont');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 5, stdout);
    assert.deepEqual(await rig.runners(), ['source']);
    await rig.assertRestored();
  });

  it('stands still at the destination, as it did on the source', async () => {
    await using rig = await FaultRig.start();
    const running = rig.migrate();
    await running.printed('"type":"pass"');
    await rig.ask('source', 'stop');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /stands still there \(paused\): on the source it was paused/);
    assert.deepEqual(await rig.runners(), []);
    assert.equal((await rig.look('destination')).status, 'paused');
  });
});

describe('a destination that would not start its guest by itself', () => {
  it('is told to', async () => {
    await using rig = await FaultRig.start();
    // What -S does as well.
    await rig.ask('destination', 'stop');
    const { exitCode, stdout } = await rig.migrate('--downtime-limit', '5s').finished;
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /did not start its guest by itself/);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  it('is none after a set-up with --verify that failed', async () => {
    await using rig = await FaultRig.start();
    const failed = await rig.migrate('--verify', '--incoming-uri', 'unix:/no/such/folder/socket')
      .finished;
    assert.equal(failed.exitCode, 1, failed.stdout);
    assert.deepEqual(await rig.runners(), ['source']);
    rmSync(rig.journal);
    const { exitCode, stdout } = await rig.migrate('--downtime-limit', '5s').finished;
    assert.equal(exitCode, 0, stdout);
    assert.doesNotMatch(stdout, /did not start its guest by itself/);
    assert.deepEqual(await rig.runners(), ['destination']);
  });
});

describe('a link that carries nothing any more', () => {
  it('is broken off in precopy; the guest goes on at the source', async () => {
    await using rig = await FaultRig.start();
    const running = rig.migrate('--stall-timeout', '2s');
    await running.printed('"type":"pass"');
    rig.link.stall();
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /Nothing has moved over the link for 2\.\d+ s: it was broken off/);
    assert.deepEqual(await rig.runners(), ['source']);
    await rig.assertRestored();
  });

  it('is broken off in the blackout, although QEMU answers no command there', async () => {
    await using rig = await FaultRig.start();
    rig.link.limit(10 << 20);
    const running = rig.migrate(
      ...['--timeout', '1s', '--on-timeout', 'release', '--stall-timeout', '2s'],
    );
    await running.printed('"event":"STOP"');
    rig.link.stall();
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 1, stdout);
    assert.deepEqual(await rig.runners(), ['source']);
    await rig.assertRestored();
  });
});

describe('postcopy', () => {
  it('is over when the source dies and the destination waits for its pages with all it has', async function () {
    this.timeout(120_000);
    await using rig = await FaultRig.start();
    rig.link.limit(4 << 20);
    const running = rig.migrate('--timeout', '1s', '--on-timeout', 'postcopy');
    await running.printed('"phase":"postcopy"');
    rig.destination.process.kill('SIGSTOP');
    rig.source.process.kill('SIGKILL');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /The source QEMU is gone, and the destination does not answer.*is lost/);
  });

  it('takes the guest over at the time limit, and completes', async () => {
    await using rig = await FaultRig.start();
    const running = rig.migrate('--timeout', '1s', '--on-timeout', 'postcopy');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 0, stdout);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  for (const exact of [false, true]) {
    const version = exact ? '10.0' : 'of this machine';
    it(`completes with a connection of its own for urgent pages, QEMU ${version}`, async () => {
      await using rig = await FaultRig.start(exact);
      rig.link.limit(16 << 20);
      const { exitCode, stdout } = await rig.migrate(
        ...['--timeout', '1s', '--on-timeout', 'postcopy', '--postcopy-preempt'],
      ).finished;
      assert.equal(exitCode, 0, stdout);
      assert.deepEqual(await rig.runners(), ['destination']);
    });
  }

  it('is recovered with --postcopy-preempt as well', async () => {
    await using rig = await FaultRig.start();
    rig.link.limit(4 << 20);
    const running = rig.migrate(
      ...['--timeout', '1s', '--on-timeout', 'postcopy', '--postcopy-preempt'],
    );
    await running.printed('"event":"RESUME"');
    rig.link.cut();
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 0, stdout);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  it('is recovered over a new channel when the channel breaks', async () => {
    await using rig = await FaultRig.start();
    rig.link.limit(4 << 20);
    const running = rig.migrate('--timeout', '1s', '--on-timeout', 'postcopy');
    await running.printed('"event":"RESUME"');
    rig.link.cut();
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /"phase":"recover"/);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  it('is recovered when the link stalls', async () => {
    await using rig = await FaultRig.start();
    rig.link.limit(4 << 20);
    const running = rig.migrate(
      ...['--timeout', '1s', '--on-timeout', 'postcopy', '--stall-timeout', '2s'],
    );
    await running.printed('"event":"RESUME"');
    rig.link.stall();
    await running.printed('"phase":"recover"');
    rig.link.cut();
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 0, stdout);
    assert.deepEqual(await rig.runners(), ['destination']);
  });
});
