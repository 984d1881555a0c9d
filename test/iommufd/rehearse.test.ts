/** Rehearsals of guests whose devices log their own writes, on QEMUs with iommufd; and the HWPT source. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BitmapArena,
  BitmapLayout,
  BorrowableProcess,
  HarvestGate,
  Iommufd,
  LibcKernel,
  VfioDevice,
} from 'linux-vfio-ts';
import { DeviceLogSource, HwptSource } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import { startVfioGuest, type VfioGuest } from '#scripts/lab/vfio-guest.js';
import { IommufdRig, MOCK_BASE, MOCK_PAGE } from '../support/iommufd-rig.js';
import { precopy, startPrecopy } from '../support/precopy.js';
import { PAGE, pages } from '../support/type1-rig.js';
import { assertMissesNothing } from '../support/beside-truth.js';

const memoryMiB = 128;
const device = { rangeIova: 0x100_0000n, rangePages: 2048, rate: 1500 } as const;

describe('precopy rehearse of a device that logs its writes, on iommufd', () => {
  let at: VfioGuest;
  before(async () => {
    at = await startVfioGuest({
      memoryMiB,
      dirty: { ...device, pattern: 'uniform' },
      deviceOptions: { dmaLogging: true },
      deviceProperties: 'iommufd=iommufd0',
      args: ['-object', 'iommufd,id=iommufd0'],
    });
    await at.device.window(0n, memoryMiB << 8);
  });
  after(() => at[Symbol.asyncDispose]());

  const rehearsal = [
    ...['--bandwidth', '100M', '--interval', '250ms', '--overhead', '100', '--no-cpu'],
  ];
  const rehearseFor = (duration: string): string[] => [
    ...['rehearse', '--qmp', at.guest.qmp, ...rehearsal, '--duration', duration],
  ];
  const logging = async (): Promise<boolean> => (await at.device.status()).logging;
  const loggingIsOff = async (): Promise<void> => {
    while (await logging()) await sleep(50);
  };

  /** Somebody else has the log on, before and after. */
  async function withForeignLog(check: () => Promise<void>): Promise<void> {
    const kernel = new LibcKernel();
    using qemu = await BorrowableProcess.open(kernel, at.guest.pid);
    const origin = (await qemu.list()).find(({ kind }) => kind === 'device-cdev');
    assert.ok(origin);
    using borrowed = await qemu.borrow(origin);
    const { dmaLogging } = new VfioDevice(kernel, borrowed.fd);
    dmaLogging.start([{ iova: 0n, bytes: BigInt(memoryMiB) << 20n }], PAGE);
    await check();
    assert.equal(await logging(), true);
    dmaLogging.stop();
  }

  it('misses no page that the device wrote, in 40 windows', async () => {
    const kernel = new LibcKernel();
    using qemu = await BorrowableProcess.open(kernel, at.guest.pid);
    const origin = (await qemu.list()).find(({ kind }) => kind === 'device-cdev');
    assert.ok(origin);
    using borrowed = await qemu.borrow(origin);
    const gate = new HarvestGate();
    // Two sections, the second not on a 64-page boundary.
    const layout = new BitmapLayout({
      range: { first: 0n, last: 2n ** 40n - 1n },
      pageSizeBytes: PAGE,
      sections: [
        { first: 0n, last: 0x11f_afffn },
        { first: 0x11f_b000n, last: (BigInt(memoryMiB) << 20n) - 1n },
      ],
    });
    const { dmaLogging } = new VfioDevice(kernel, borrowed.fd, gate);
    const source = new DeviceLogSource({ name: 'log', logging: dmaLogging, gate, layout });
    await assertMissesNothing(source, at.device, layout, memoryMiB << 8);
    assert.equal(await logging(), false);
  });

  it('forecasts from the log, and switches it off', async () => {
    const { exitCode, stdout, stderr } = await precopy(...rehearseFor('8s'), '--json');
    assert.equal(exitCode, 0, stderr + stdout);
    const { sources } = JSON.parse(stdout) as {
      sources: { name: string; kind: string; workingSetPages: number }[];
    };
    assert.deepEqual(
      sources.map(({ kind }) => kind),
      ['device'],
    );
    assert.match(sources[0]?.name ?? '', /^log of VFIO device/);
    const workingSet = sources[0]?.workingSetPages ?? 0;
    assert.ok(
      workingSet > device.rangePages / 2 && workingSet <= device.rangePages,
      `${workingSet}`,
    );
    assert.equal(await logging(), false);
  });

  it('refuses while somebody else logs', async () => {
    await withForeignLog(async () => {
      const { exitCode, stderr } = await precopy(...rehearseFor('8s'));
      assert.equal(exitCode, 3, stderr);
      assert.match(stderr, /it is on already/);
    });
  });

  it('leaves no log on when it is killed', async () => {
    const running = startPrecopy(rehearseFor('60s'));
    while (!(await logging())) await sleep(50);
    running.process.kill('SIGKILL');
    await running.finished;
    await loggingIsOff();
    // The next run cleans up after it, and knows that this log is not among what is left.
    await withForeignLog(async () => {
      const { exitCode, stderr } = await precopy(...rehearseFor('8s'));
      assert.equal(exitCode, 3, stderr);
      assert.match(stderr, /it is on already/);
    });
  });

  it('ends the log that it left on when its keeper was killed, too', async () => {
    const running = startPrecopy(rehearseFor('60s'));
    while (!(await logging())) await sleep(50);
    const { pid } = running.process;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    for (const child of children.trim().split(' ')) process.kill(Number(child), 'SIGKILL');
    running.process.kill('SIGKILL');
    await running.finished;
    assert.equal(await logging(), true);
    const { exitCode, stdout, stderr } = await precopy(...rehearseFor('8s'));
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /An earlier rehearsal of this guest was killed/);
    assert.equal(await logging(), false);
  });

  it('ends its log when a migration begins, which fails once and can then be started', async () => {
    const running = startPrecopy(rehearseFor('60s'));
    while (!(await logging())) await sleep(50);
    await using client = await QmpClient.connect(at.guest.secondQmp);
    const status = async (): Promise<string> =>
      ((await client.execute('query-migrate')) as { status?: string }).status ?? 'none';
    await client.execute('migrate', { uri: 'exec:cat > /dev/null' });
    const { exitCode, stderr } = await running.finished;
    assert.equal(exitCode, 3, stderr);
    assert.match(stderr, /QEMU is migrating/);
    assert.equal(await status(), 'failed');
    assert.equal(await logging(), false);
    await client.execute('migrate', { uri: 'exec:cat > /dev/null' });
    while (!(await logging())) {
      assert.notEqual(await status(), 'failed');
      await sleep(20);
    }
    await client.execute('migrate_cancel');
    await loggingIsOff();
  });
});

describe('the source of page tables with dirty tracking', () => {
  it('finds the page tables of an iommufd, and every page that was written', async () => {
    const kernel = new LibcKernel();
    using rig = new IommufdRig(kernel);
    const stretches = [
      { iova: MOCK_BASE, count: 1000 },
      { iova: MOCK_BASE + pages(1003), count: 777 },
    ];
    for (const { iova, count } of stretches) rig.map(iova, count);
    const deviceId = rig.addMockDevice({ tracksDirtyPages: true });
    const hwptId = rig.allocateHwpt(deviceId, { dirtyTracking: true });
    const gate = new HarvestGate();
    const iommufd = new Iommufd(kernel, rig.iommufd.fd, gate);
    // The page table that the device was attached to at first was made without tracking.
    const found = iommufd.hwpts();
    assert.equal(found.length, 2);
    assert.ok(found.includes(hwptId));
    const untracked = new HwptSource({ name: 'all', iommufd, hwptIds: found, gate });
    assert.throws(() => void untracked.start(), { code: 'NOT_SUPPORTED' });
    untracked.stop();

    const source = new HwptSource({ name: 'iommufd', iommufd, hwptIds: [hwptId], gate });
    const layout = new BitmapLayout({
      range: { first: 0n, last: 2n ** 32n - 1n },
      pageSizeBytes: PAGE,
      sections: stretches.map(({ iova, count }) => ({
        first: iova,
        last: iova + pages(count) - 1n,
      })),
    });
    using arena = new BitmapArena();
    using harvested = arena.create(layout);
    await source.start();
    for (const { iova, count } of stretches) {
      const bits = new Uint8Array(Math.ceil((count * 2) / 8)).fill(0b0011_0000);
      rig.mockWrites(hwptId, { iova, bytes: pages(count) }, bits);
    }
    await source.harvest(harvested, AbortSignal.timeout(10_000));
    // In each byte of pages of 2 KiB the third of four pages of 4 KiB was written.
    assert.equal(MOCK_PAGE * 2, PAGE);
    assert.equal(harvested.count(), 250 + 194);
    for (const { iova, count } of stretches) {
      const first = Number(iova / BigInt(PAGE));
      for (let page = 0; page < count; page++) {
        assert.equal(harvested.has(first + page), page % 4 === 2, `page ${page}`);
      }
    }
    gate.shut('a migration runs');
    await assert.rejects(source.harvest(harvested, AbortSignal.timeout(10_000)), {
      code: 'VFIO_HARVEST_REFUSED',
    });
  });
});
