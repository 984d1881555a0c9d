/**
 * A container whose dirty page scope is `all`, forecast and migrated. An IOMMU-backed device makes it so,
 * and none of the lab's can migrate. So QEMU gives its device away again, while a duplicate of the device's
 * fd keeps the group in QEMU's container: the group's file lives as long as a file of its devices does
 * (vfio_group_fops_release).
 */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BorrowableProcess, LibcKernel } from 'linux-vfio-ts';
import type { JournalRecord, MigrationResult, Rehearsal } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import { startVfioPair, type VfioPair } from '#scripts/lab/vfio-guest.js';
import { Link } from '../support/link.js';
import { needsWholeDirtygen } from '../support/needs-dirtygen.js';
import { precopy } from '../support/precopy.js';
import { bindToVfioPci, iommuBackedDevices } from '../support/raw-container.js';

const pageBytes = 4096;
const MiB = 2 ** 20;
/** In the stream: a page with its header, and a page of zeros. */
const [dataBytes, zeroBytes] = [pageBytes + 8, 9];
const bytesPerSecond = 4 * MiB;
const limits = ['--bandwidth', String(bytesPerSecond), '--downtime-limit', '60s'];
/** Written once by the device, so that there is more than pages of zeros. */
const filled = { rangeIova: 0x100_0000n, rangePages: 6144, pattern: 'sequential' } as const;
/** What goes on: next to nothing. */
const workload = { baseAddress: 0x400_0000, pages: 64, pagesPerSecond: 50 };

describe('a container whose dirty page scope is `all`', () => {
  needsWholeDirtygen();
  const held: (Disposable | AsyncDisposable)[] = [];
  const hold = <T extends Disposable | AsyncDisposable>(resource: T): T => {
    held.push(resource);
    return resource;
  };
  let pair: VfioPair;

  before(async () => {
    const [address = ''] = iommuBackedDevices();
    hold(bindToVfioPci(address));
    pair = hold(
      await startVfioPair({
        memoryMiB: 128,
        workload,
        // Unplugging is up to the port then, and not to the guest's ACPI.
        args: [
          ...['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
          ...['-device', 'pcie-root-port,id=pcie1,chassis=1'],
        ],
      }),
    );
    const { guest, device } = pair.source;
    await device.set({ ...filled, rate: 20_000 });
    await device.run();
    while ((await device.status()).written < filled.rangePages) await sleep(50);
    await device.halt();

    await using client = await QmpClient.connect(guest.secondQmp);
    await client.execute('device_add', {
      ...{ driver: 'vfio-pci', id: 'passed-through', bus: 'pcie1' },
      ...{ host: address },
    });
    // What is borrowed goes with it.
    const qemu = hold(await BorrowableProcess.open(new LibcKernel(), guest.pid));
    for (const origin of await qemu.list()) {
      if (origin.kind === 'device') await qemu.borrow(origin);
    }
    const gone = client.events.waitFor('DEVICE_DELETED', { signal: AbortSignal.timeout(30_000) });
    await client.execute('device_del', { id: 'passed-through' });
    await gone;
  });
  after(async () => {
    for (const resource of held.reverse()) {
      if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
      else resource[Symbol.dispose]();
    }
  });

  it('is forecast with all of RAM in the blackout, and so it migrates', async () => {
    const { guest } = pair.source;
    const foretold = await precopy('rehearse', '--qmp', guest.qmp, ...limits, '--json');
    assert.equal(foretold.exitCode, 0, foretold.stdout + foretold.stderr);
    const rehearsal = JSON.parse(foretold.stdout) as Rehearsal;
    const { forecast, downtimeFloorMs } = rehearsal;
    assert.deepEqual(
      rehearsal.sources.map(({ everything }) => everything),
      [true],
    );
    assert.match(rehearsal.caveats.join('\n'), /dirty page scope is `all`/);
    assert.equal(forecast.converges, 'yes');
    assert.ok(downtimeFloorMs !== null && downtimeFloorMs > 0);

    const incoming = join(mkdtempSync(join(tmpdir(), 'precopy-all-dirty-')), 'incoming');
    await using link = await Link.open(incoming);
    link.limit(bytesPerSecond);
    const done = await precopy(
      ...['migrate', '--qmp', guest.qmp, '--to-qmp', pair.destination.guest.qmp],
      ...['--uri', link.uri, '--incoming-uri', `unix:${incoming}`],
      ...[...limits, '--policy', 'qemu', '--verify', '--no-history', '--json'],
    );
    assert.equal(done.exitCode, 0, done.stdout + done.stderr);
    const result = resultOf(done.stdout);

    // Of 128 MiB, next to nothing of which is written any more.
    const zeroPages = rehearsal.zeroBytes / pageBytes;
    const dataPages = rehearsal.ramBytes / pageBytes - zeroPages;
    const allBytes = dataPages * dataBytes + zeroPages * zeroBytes;
    const { downtime, blackoutRamBytes = NaN, transferredBytes } = result;
    const { downtimeMs, sentBytes } = forecast;
    const rows = [
      `in the blackout ${mib(blackoutRamBytes)}, all of RAM is ${mib(allBytes)}`,
      `sent ${mib(transferredBytes)}, forecast ${mib(sentBytes?.p50)}`,
      `downtime ${seconds(downtime?.ms)}, at least ${seconds(downtimeFloorMs)}, forecast ${seconds(downtimeMs?.p50)}`,
    ];
    for (const row of rows) console.log(`      ${row}`);
    assertNear(blackoutRamBytes, allBytes, 0.05);
    assertNear(transferredBytes, sentBytes?.p50 ?? NaN, 0.05);
    // A matter of the link's bandwidth, not of this machine's speed. What is zero is estimated from samples,
    // and the link of the test makes up for times in which it could not send.
    assert.ok((downtime?.ms ?? NaN) >= 0.9 * downtimeFloorMs);
  });
});

function mib(bytes = NaN): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

function seconds(ms = NaN): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function assertNear(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual / expected - 1) <= share, `${actual} instead of ${expected}`);
}

function resultOf(stdout: string): MigrationResult {
  for (const line of stdout.trimEnd().split('\n')) {
    const record = JSON.parse(line) as JournalRecord;
    if (record.type === 'result') return record.result;
  }
  throw new Error(`The migration has no result: ${stdout}`);
}
