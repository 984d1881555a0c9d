/** The main job on real VFIO: dirtygen writes guest memory by DMA, the guest's CPU writes it too. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import { repositoryRoot } from '#scripts/repository.js';
import type { Guest } from '#scripts/lab/guest.js';
import {
  endFirmware,
  startVfioGuest,
  startVfioPair,
  type VfioGuest,
  type VfioGuestOptions,
} from '#scripts/lab/vfio-guest.js';
import { precopy, startPrecopy, type Finished } from '../support/precopy.js';
import { runState, statusOf } from '../support/run-state.js';

const shape: VfioGuestOptions = {
  memoryMiB: 192,
  workload: { baseAddress: 0x400_0000, pages: 2048, pagesPerSecond: 2000 },
  dirty: { rangeIova: 0x100_0000n, rangePages: 4096, rate: 2000, pattern: 'uniform' },
};

function migrateArgs(source: Guest, destination: Guest, ...more: string[]): string[] {
  return ['migrate', '--qmp', source.qmp, '--to-qmp', destination.qmp, '--verify', ...more];
}

/** How often the guest moves; HOPS=10 takes five minutes. */
const hops = Number(process.env['HOPS'] ?? 4);

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1);
}

describe('a guest with a VFIO device', () => {
  it(`migrates ${hops} times in a row, its device and CPU writing, and verify finds 0 differing pages`, async function () {
    this.timeout(Math.max(600_000, hops * 90_000));
    let at: VfioGuest = await startVfioGuest(shape);
    try {
      for (let hop = 1; hop <= hops; hop += 1) {
        const next = await startVfioGuest({ ...shape, incoming: true });
        try {
          const before = await at.device.status();
          const { exitCode, stdout, stderr } = await precopy(...migrateArgs(at.guest, next.guest));
          assert.equal(exitCode, 0, `hop ${hop}: ${stdout}${stderr}`);
          assert.equal(lastLine(stdout), 'verify: 0 pages differ', `hop ${hop}`);
          assert.equal(await runState(next.guest), 'running');
          // The device goes on writing where it is now: the migration moved a device at work.
          await sleep(500);
          const after = await next.device.status();
          assert.ok(after.written > before.written, `hop ${hop}: the device stands still`);
        } finally {
          await at[Symbol.asyncDispose]();
          at = next;
        }
      }
    } finally {
      await at[Symbol.asyncDispose]();
    }
  });

  it('is found to differ when another process harvests its bitmap meanwhile, although QMP says completed', async function () {
    this.timeout(300_000);
    await using pair = await startVfioPair(shape);
    const { source, destination } = pair;
    const harvester = spawn(
      process.execPath,
      [
        join(repositoryRoot(), 'test/dist/support/rogue-harvester.js'),
        ...[String(source.guest.pid), '20'],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await once(harvester.stdout, 'data');
    const running = startPrecopy(
      migrateArgs(source.guest, destination.guest, '--bandwidth', '20M'),
    );
    await running.printed(' 1  round');
    harvester.stdin.write('go\n');
    const { exitCode, stdout, stderr } = await running.finished;
    harvester.kill();
    assert.match(stdout, /^ +\d+ +blackout/m, 'QEMU went through to the end');
    assert.equal(exitCode, 4, stdout + stderr);
    assert.match(lastLine(stdout) ?? '', /^verify: [1-9]\d* pages differ$/);
    // What differs is what the device wrote: the CPU's pages are tracked elsewhere.
    const iovas = [...stdout.matchAll(/differs: IOVA 0x([0-9a-f]+)-0x([0-9a-f]+)/g)];
    assert.ok(iovas.length > 0, stdout);
    for (const [, first, last] of iovas) {
      assert.ok(parseInt(first ?? '', 16) >= 0x100_0000, stdout);
      assert.ok(parseInt(last ?? '', 16) < 0x200_0000, stdout);
    }
    assert.equal(await statusOf(source.guest, 'query-migrate'), 'completed');
    assert.match(stderr, /guest is on the source: running/);
    assert.equal(await runState(source.guest), 'running');
    assert.equal(await runState(destination.guest), 'paused');
  });

  it('is found to differ when its RAM moves meanwhile, which QEMU loses dirty bits by, and both are told', async function () {
    this.timeout(300_000);
    const held = ['--policy', 'manual', '--timeout', '12s', '--on-timeout', 'release'];
    const [early, late] = [0x100_0000n, 0x200_0000n];
    const migrated = async (firmwareWaits: boolean): Promise<Finished> => {
      await using to = await startVfioGuest({ memoryMiB: 64, incoming: true });
      await using from = await startVfioGuest({ memoryMiB: 64, firmwareWaits });
      await from.device.writeAt(early, 250);
      await from.device.writeAt(late, 4000);
      const args = migrateArgs(from.guest, to.guest, '--bandwidth', '1M', ...held);
      const running = startPrecopy(args);
      await using client = await QmpClient.connect(from.guest.secondQmp);
      // QEMU sends in the order of addresses: the early pages are sent by then, the late ones are not.
      const sentBytes = async (): Promise<number> =>
        Number((await client.execute('query-migrate')).ram?.transferred ?? 0);
      while ((await sentBytes()) < 3_000_000) await sleep(50);
      await from.device.writeAt(early, 250);
      if (firmwareWaits) await endFirmware(client);
      return await running.finished;
    };
    const moved = await migrated(true);
    assert.equal(moved.exitCode, 4, moved.stdout + moved.stderr);
    assert.match(moved.stdout, /Guest RAM moved while VFIO devices wrote to it/);
    assert.equal(lastLine(moved.stdout), 'verify: 250 pages differ');
    assert.match(moved.stderr, /migrate again once the guest has booted/);
    const still = await migrated(false);
    assert.equal(still.exitCode, 0, still.stdout + still.stderr);
    assert.doesNotMatch(still.stdout, /Guest RAM moved/);
  });

  it('is probed: its device, its container, the dirty page scope', async () => {
    await using pair = await startVfioPair({ memoryMiB: 128 });
    const { exitCode, stdout } = await precopy('probe', '--qmp', pair.source.guest.qmp);
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /^verdict: migratable$/m);
    assert.match(stdout, /^ {2}\/machine\/peripheral-anon\/device\[0\] \(vfio-pci\)/m);
    assert.match(stdout, /^dirty tracking: The type1 container tracks exactly what/m);
    assert.match(stdout, /^ {2}container fd \d+$/m);
  });

  it('is not migratable with enable-migration=auto, and probe says why and how to fix it', async () => {
    await using pair = await startVfioPair({
      memoryMiB: 128,
      deviceProperties: 'enable-migration=auto',
    });
    const { guest } = pair.source;
    const probed = await precopy('probe', '--qmp', guest.qmp);
    assert.equal(probed.exitCode, 3);
    assert.match(probed.stdout, /^verdict: not migratable$/m);
    assert.match(probed.stdout, /fix: Start the device with enable-migration=on/);
    const migrated = await precopy(...migrateArgs(guest, pair.destination.guest));
    assert.equal(migrated.exitCode, 3);
    assert.match(migrated.stderr, /QEMU refuses to migrate this guest/);
    assert.equal(await runState(guest), 'running');
  });

  it('is refused before anything is changed where its device logging can not report, or postcopy is wanted', async () => {
    const broken = { deviceOptions: { dmaLogging: true } };
    for (const [options, more, says] of [
      [broken, [], /REPORT fails with EOPNOTSUPP.*x-device-dirty-page-tracking=off/s],
      [{}, ['--on-timeout', 'postcopy', '--timeout', '60s'], /VFIO devices with postcopy-ram/],
    ] as const) {
      await using pair = await startVfioPair({ memoryMiB: 128, ...options });
      const { source, destination } = pair;
      const [, , from, , to] = migrateArgs(source.guest, destination.guest);
      const { exitCode, stderr } = await precopy(
        ...['migrate', '--qmp', from ?? '', '--to-qmp', to ?? '', ...more],
      );
      assert.equal(exitCode, 3, stderr);
      assert.match(stderr, says);
      assert.equal(await runState(source.guest), 'running');
      assert.equal(await runState(destination.guest), 'inmigrate');
    }
  });

  it('can not be asked about by a user without ptrace rights, who is told what to do', async () => {
    await using pair = await startVfioPair({ memoryMiB: 128 });
    const { guest } = pair.source;
    const socket = guest.qmp.slice('unix:'.length);
    chmodSync(join(socket, '..'), 0o755);
    chmodSync(socket, 0o777);
    const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');
    const { status, stdout } = spawnSync(process.execPath, [main, 'probe', '--qmp', guest.qmp], {
      encoding: 'utf8',
      uid: 65534,
      gid: 65534,
    });
    assert.equal(status, 1, stdout);
    assert.match(stdout, /^verdict: unknown$/m);
    assert.match(stdout, /Run this command as root, or give it CAP_SYS_PTRACE/);
    assert.equal(await runState(guest), 'running');
  });

  it('stays on the source, running, when the destination is killed mid-way', async () => {
    await using pair = await startVfioPair(shape);
    const { source, destination } = pair;
    const running = startPrecopy(migrateArgs(source.guest, destination.guest, '--bandwidth', '1M'));
    await running.printed(' 1  round');
    destination.guest.process.kill('SIGKILL');
    const { exitCode, stderr } = await running.finished;
    assert.equal(exitCode, 1);
    assert.match(stderr, /guest is on the source: running/);
    assert.equal(await runState(source.guest), 'running');
    const { written } = await source.device.status();
    await sleep(500);
    assert.ok((await source.device.status()).written > written, 'the device goes on');
  });
});
