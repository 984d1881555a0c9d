/** dirtygen and the guest workload in real QEMUs. Runs inside the lab. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import { BorrowableProcess, LibcKernel, Type1Container } from 'linux-vfio-ts';
import type { Dirtygen } from '#scripts/lab/dirtygen.js';
import { readStamp, type StampWriter } from '#scripts/lab/stamp.js';
import { startVfioGuest, startVfioPair, type VfioGuest } from '#scripts/lab/vfio-guest.js';
import {
  DEFAULT_STATE_ADDRESS,
  PM_TIMER_HZ,
  workloadProgress,
  workloadRate,
  type WorkloadProgress,
} from '#scripts/lab/workload.js';
import { PAGE } from '../support/type1-rig.js';

const MEMORY_MIB = 128;
const MEMORY_PAGES = (MEMORY_MIB << 20) / PAGE;
const workload = { baseAddress: 0x400_0000, pages: 512, pagesPerSecond: 1000 };
const range = { rangeIova: 0x100_0000n, rangePages: 1024 };

/** Guest memory as QEMU has it. */
async function guestMemory(
  client: QmpClient,
  address = 0,
  bytes = MEMORY_MIB << 20,
): Promise<Buffer> {
  const filename = join('/dev/shm', `memory-${process.pid}-${Math.random()}`);
  await client.execute('pmemsave', { val: address, size: bytes, filename });
  try {
    return readFileSync(filename);
  } finally {
    rmSync(filename);
  }
}

async function progress(client: QmpClient): Promise<WorkloadProgress> {
  const found = workloadProgress(await guestMemory(client, DEFAULT_STATE_ADDRESS, PAGE));
  assert.ok(found, 'the workload does not run');
  return found;
}

/** All stamps of a writer, by address; checks that each page has the stamp that belongs there. */
function stamps(memory: Buffer, writer: StampWriter): Map<number, bigint> {
  const found = new Map<number, bigint>();
  for (let address = 0; address < memory.byteLength; address += PAGE) {
    const stamp = readStamp(memory.subarray(address, address + PAGE));
    if (stamp?.writer !== writer) continue;
    assert.equal(stamp.address, BigInt(address), `a copy of another page at ${address}`);
    assert.ok(stamp.intact, `a torn page at ${address}`);
    found.set(address, stamp.sequence);
  }
  return found;
}

/** What the device says that it wrote last, by address. */
async function written(device: Dirtygen): Promise<Map<number, bigint>> {
  const found = new Map<number, bigint>();
  (await device.seq()).forEach((sequence, index) => {
    if (sequence !== 0n) found.set(index * PAGE, sequence);
  });
  return found;
}

async function migrate(source: QmpClient, destination: QmpClient, uri: string): Promise<string> {
  await destination.execute('migrate-incoming', { uri });
  await source.execute('migrate', { uri });
  for (;;) {
    const { status } = await source.execute('query-migrate');
    if (status === 'completed' || status === 'failed') return status;
    await sleep(50);
  }
}

async function runs(client: QmpClient): Promise<void> {
  while ((await client.execute('query-status')).status !== 'running') await sleep(20);
}

describe('dirtygen in QEMU', () => {
  let at: VfioGuest;
  before(async () => {
    // With a workload, it is returned after the firmware has moved the guest's memory about for the last
    // time; a mapping that goes loses its dirty bits.
    at = await startVfioGuest({ memoryMiB: MEMORY_MIB, workload });
  });
  after(() => at[Symbol.asyncDispose]());

  for (const method of ['dma_rw', 'pin'] as const) {
    it(`has a ground truth equal to GET_BITMAP of QEMU's container, by ${method}`, async () => {
      const { device, guest } = at;
      const kernel = new LibcKernel();
      using qemu = await BorrowableProcess.open(kernel, guest.pid);
      const origin = (await qemu.list()).find(({ kind }) => kind === 'container');
      assert.ok(origin);
      using borrowed = await qemu.borrow(origin);
      const { dirtyPages } = new Type1Container(kernel, borrowed.fd);
      await device.window(0n, MEMORY_PAGES);
      await device.set({ ...range, method, rate: 0, pattern: 'uniform', stampBytes: 512 });
      const request = {
        iova: 0n,
        bytes: BigInt(MEMORY_MIB << 20),
        pageBytes: PAGE,
        bitmap: new Uint8Array(MEMORY_PAGES / 8),
      };
      dirtyPages.start();
      for (let round = 0; round < 10; round++) {
        await device.run();
        await sleep(20);
        await device.halt();
        await dirtyPages.getBitmap(request);
        const truth = await device.takeTruth();
        assert.ok(truth.some((byte) => byte !== 0));
        assert.ok(Buffer.from(request.bitmap).equals(truth), `round ${round} differs`);
      }
      dirtyPages.stop();
      await using client = await QmpClient.connect(guest.qmp);
      assert.deepEqual(stamps(await guestMemory(client), 'dirtygen'), await written(device));
      assert.equal((await device.status()).errors, 0);
    });
  }

  it('does not write while the VM is stopped', async () => {
    const { device, guest } = at;
    await using client = await QmpClient.connect(guest.qmp);
    await device.run();
    await client.execute('stop');
    const { written: before, state } = await device.status();
    assert.equal(state, 'stop');
    await sleep(100);
    assert.equal((await device.status()).written, before);
    await client.execute('cont');
    while ((await device.status()).written === before) await sleep(10);
    await device.halt();
  });
});

describe('dirtygen and the guest workload in a migration', () => {
  for (const method of ['dma_rw', 'pin'] as const) {
    it(`lose no write and go on at the destination, by ${method}`, async () => {
      await using pair = await startVfioPair({
        memoryMiB: MEMORY_MIB,
        workload,
        dirty: { ...range, method, rate: 2000, hold: method === 'pin', rangePages: 256 },
      });
      await using source = await QmpClient.connect(pair.source.guest.qmp);
      await using destination = await QmpClient.connect(pair.destination.guest.qmp);
      const uri = `unix:/tmp/migrate-${process.pid}-${method}`;
      const { device: sourceDevice } = pair.source;
      const { device } = pair.destination;
      const startedAt = await progress(source);

      assert.equal(await migrate(source, destination, uri), 'completed');
      await runs(destination);
      await device.halt();
      await destination.execute('stop');

      // What the device wrote here and there, and what the guest's memory holds: one history.
      assert.ok((await sourceDevice.status()).written > 0n);
      const memory = await guestMemory(destination);
      assert.deepEqual(stamps(memory, 'dirtygen'), await written(device));
      const byCpu = stamps(memory, 'workload');
      assert.ok(byCpu.size > 0);
      for (const address of byCpu.keys()) {
        assert.ok(address >= workload.baseAddress);
        assert.ok(address < workload.baseAddress + workload.pages * PAGE);
      }
      const arrivedAt = await progress(destination);
      assert.ok(arrivedAt.writes > startedAt.writes);
      assert.ok([...byCpu.values()].every((sequence) => sequence <= arrivedAt.writes));

      await destination.execute('cont');
      await device.run();
      const { sequence } = await device.status();
      assert.ok(sequence >= (await sourceDevice.status()).sequence);
      while ((await device.status()).sequence === sequence) await sleep(10);
      while ((await progress(destination)).writes === arrivedAt.writes) await sleep(10);
    });
  }

  it('fail as told: an error of STOP_COPY fails the migration, the source runs on', async () => {
    await using pair = await startVfioPair({ memoryMiB: MEMORY_MIB, workload, dirty: range });
    await using source = await QmpClient.connect(pair.source.guest.qmp);
    await using destination = await QmpClient.connect(pair.destination.guest.qmp);
    const { device } = pair.source;
    await device.injectFault({ at: { from: 'any', to: 'stop-copy' }, errno: 5 });
    const uri = `unix:/tmp/migrate-${process.pid}-fault`;
    assert.equal(await migrate(source, destination, uri), 'failed');
    assert.deepEqual((await device.status()).faultHits, [1]);
    await runs(source);
    // QEMU answers the failed transition with VFIO_DEVICE_RESET, which halts the generator.
    const { state, running } = await device.status();
    assert.equal(state, 'running');
    assert.equal(running, false);
    await device.write(1);
  });
});

describe('the guest workload', () => {
  for (const [name, pattern, burst, least, most] of [
    ['uniform', { kind: 'uniform' }, undefined, 250, 1050],
    ['sequential', { kind: 'sequential' }, undefined, 250, 1050],
    ['hot', { kind: 'hot', pages: 16, permille: 900 }, undefined, 250, 1050],
    ['bursts', { kind: 'uniform' }, { onMs: 100, offMs: 900 }, 10, 500],
  ] as const) {
    it(`keeps its rate in guest time and its working set, ${name}`, async () => {
      await using at = await startVfioGuest({
        memoryMiB: MEMORY_MIB,
        workload: { ...workload, pattern, burst },
      });
      await using client = await QmpClient.connect(at.guest.qmp);
      const first = await progress(client);
      let last = await progress(client);
      while (last.ticks - first.ticks < 2 * PM_TIMER_HZ) {
        await sleep(100);
        last = await progress(client);
      }
      const rate = workloadRate(first, last);
      // Less than asked for, where the host kept the guest waiting for over a second; never more, but
      // for bursts, whose ends are as exact as the ticks that the host lets through.
      assert.ok(rate >= least && rate <= most, `${rate} pages/s`);
      await client.execute('stop');
      const addresses = [...stamps(await guestMemory(client), 'workload').keys()];
      assert.ok(addresses.length > 0);
      for (const address of addresses) {
        assert.ok(address >= workload.baseAddress);
        assert.ok(address < workload.baseAddress + workload.pages * PAGE);
      }
    });
  }
});
