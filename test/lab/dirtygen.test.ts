/** dirtygen by itself: a bare type1 container, no VMM. Runs inside the lab, on its real kernel. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from 'linux-vfio-ts';
import { Dirtygen, DirtygenError, type DirtygenOptions } from '#scripts/lab/dirtygen.js';
import { readStamp } from '#scripts/lab/stamp.js';
import { hasIovaBitmap } from '../support/iova-bitmap.js';
import { MigratableDevice } from '../support/migratable-device.js';
import { PAGE } from '../support/type1-rig.js';

/** Two mappings with a hole between them, not on 64-page boundaries: 0x10000 + 1000 pages, 0x800000 + 777. */
const LOW = { iova: 0x10_000n, pages: 1000 };
const HIGH = { iova: 0x80_0000n, pages: 777 };
const WINDOW_PAGES = 4096;

interface Rig extends Disposable {
  readonly dirtygen: Dirtygen;
  readonly device: MigratableDevice;
}

async function rig(options: DirtygenOptions = {}): Promise<Rig> {
  const dirtygen = Dirtygen.create(options);
  const device = new MigratableDevice({ name: dirtygen.uuid, sysfs: dirtygen.sysfsPath });
  device.map(LOW.iova, LOW.pages);
  device.map(HIGH.iova, HIGH.pages);
  await dirtygen.window(0n, WINDOW_PAGES);
  await dirtygen.set({ rangeIova: HIGH.iova, rangePages: HIGH.pages });
  return {
    dirtygen,
    device,
    [Symbol.dispose]: () => {
      device[Symbol.dispose]();
      dirtygen.remove();
    },
  };
}

function pagesOf(bitmap: Uint8Array): number[] {
  const pages: number[] = [];
  bitmap.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) pages.push(index * 8 + bit);
  });
  return pages;
}

function union(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte | (b[index] ?? 0));
}

/** Fails with the pages that differ, not with two dumps of 512 bytes. */
function assertSameBitmap(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const differing = pagesOf(actual.map((byte, index) => byte ^ (expected[index] ?? 0)));
  assert.deepEqual(differing, [], `${what}: these pages are in one bitmap only`);
}

/** All pages of both mappings that have a stamp must have the stamp of their last write. */
async function assertStamps({ dirtygen, device }: Rig): Promise<number> {
  const seq = await dirtygen.seq();
  let stamped = 0;
  for (const { iova, pages } of [LOW, HIGH]) {
    for (let index = 0; index < pages; index++) {
      const address = iova + BigInt(index * PAGE);
      const stamp = readStamp(device.page(address));
      const last = seq[Number(address) / PAGE];
      assert.equal(stamp?.sequence ?? 0n, last, `sequence of the page at ${address}`);
      if (stamp === undefined) continue;
      stamped++;
      assert.equal(stamp.address, address);
      assert.ok(stamp.intact, `the page at ${address} is not of one write`);
    }
  }
  return stamped;
}

async function refusal(promise: Promise<void>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    assert.ok(error instanceof DirtygenError);
    assert.equal(error.code, 'DIRTYGEN_REFUSED');
    return error.errno;
  }
}

describe('dirtygen on a bare container', () => {
  for (const method of ['dma_rw', 'pin'] as const) {
    describe(`writing by ${method}`, () => {
      for (const pattern of ['uniform', 'sequential', 'hot', 'zipf'] as const) {
        it(`has a ground truth equal to GET_BITMAP, pattern ${pattern}`, async () => {
          using here = await rig();
          const { dirtygen, device } = here;
          device.container.dirtyPages.start();
          await dirtygen.set({ method, pattern, hotPages: 20 });
          for (let round = 0; round < 5; round++) {
            await dirtygen.write(100 + round * 100);
            const harvest = await device.harvest(WINDOW_PAGES);
            const truth = await dirtygen.takeTruth();
            assertSameBitmap(harvest, truth, `round ${round}`);
            assert.ok(pagesOf(truth).length > 0);
          }
          assert.equal((await dirtygen.status()).errors, 0);
          assert.ok((await assertStamps(here)) > 0);
        });
      }

      it('has a ground truth equal to GET_BITMAP while the generator runs at full rate', async () => {
        using here = await rig();
        const { dirtygen, device } = here;
        device.container.dirtyPages.start();
        await dirtygen.set({ method, rate: 0, stampBytes: 256 });
        let writes = 0;
        for (let round = 0; round < 20; round++) {
          await dirtygen.run();
          await sleep(20);
          await dirtygen.halt();
          const harvest = await device.harvest(WINDOW_PAGES);
          const truth = await dirtygen.takeTruth();
          assertSameBitmap(harvest, truth, `round ${round}`);
          writes += pagesOf(truth).length;
        }
        assert.ok(writes > 0);
        await assertStamps(here);
      });

      it('writes each page of a range that it is told to, and no other', async () => {
        using here = await rig();
        const { dirtygen, device } = here;
        await dirtygen.set({ method });
        await dirtygen.writeAt(LOW.iova + 7n * BigInt(PAGE), 70);
        const first = Number(LOW.iova) / PAGE + 7;
        assert.deepEqual(
          pagesOf(await dirtygen.takeTruth()),
          Array.from({ length: 70 }, (_, index) => first + index),
        );
        assert.equal(await assertStamps(here), 70);
        assert.equal(readStamp(device.page(LOW.iova)), undefined);
      });

      it('counts a write outside the mappings as an error, and in no bitmap', async () => {
        using here = await rig();
        const { dirtygen, device } = here;
        device.container.dirtyPages.start();
        await dirtygen.set({ method });
        const hole = HIGH.iova - BigInt(PAGE);
        assert.equal(await refusal(dirtygen.writeAt(hole, 1)), 'EINVAL');
        const status = await dirtygen.status();
        assert.equal(status.errors, 1);
        assert.equal(status.lastError, 22);
        assert.equal(status.lastErrorIova, hole);
        assert.deepEqual(pagesOf(await dirtygen.takeTruth()), []);
        assert.deepEqual(pagesOf(await device.harvest(WINDOW_PAGES)), []);
      });
    });
  }

  it('has held pages reported at each harvest, and once more after they are unpinned', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    device.container.dirtyPages.start();
    await dirtygen.set({ method: 'pin', hold: true, pattern: 'sequential' });
    await dirtygen.write(30);
    const held = await dirtygen.takeTruth();
    assertSameBitmap(await device.harvest(WINDOW_PAGES), held, 'the writes');
    assert.equal((await dirtygen.status()).pinned, 30);

    await dirtygen.set({ hold: false });
    await dirtygen.writeAt(LOW.iova, 5);
    const written = await dirtygen.takeTruth();
    assertSameBitmap(await device.harvest(WINDOW_PAGES), union(held, written), 'held and written');
    assertSameBitmap(await device.harvest(WINDOW_PAGES), held, 'held');
    await dirtygen.unpin();
    assert.equal((await dirtygen.status()).pinned, 0);
    assertSameBitmap(await device.harvest(WINDOW_PAGES), held, 'after unpin');
    assert.deepEqual(pagesOf(await device.harvest(WINDOW_PAGES)), []);
  });

  it('lets go of held pages when they are unmapped', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.set({ method: 'pin', hold: true, pattern: 'sequential' });
    await dirtygen.write(30);
    await dirtygen.writeAt(LOW.iova, 5);
    device.container.dirtyPages.unmap({ iova: HIGH.iova, bytes: BigInt(HIGH.pages * PAGE) });
    assert.equal((await dirtygen.status()).pinned, 5);
  });

  it('reaches the rate that it is set to', async () => {
    using here = await rig();
    const { dirtygen } = here;
    await dirtygen.set({ rate: 500, stampBytes: 32 });
    await dirtygen.run();
    // It measures over a second; a busy machine may need more than one.
    let { rateReached } = await dirtygen.status();
    for (let tries = 0; tries < 100 && Math.abs(rateReached - 500) > 50; tries++) {
      await sleep(100);
      ({ rateReached } = await dirtygen.status());
    }
    assert.ok(Math.abs(rateReached - 500) <= 50, `${rateReached} pages/s`);
  });

  it('refuses what it can not do', async () => {
    using here = await rig();
    const { dirtygen } = here;
    for (const [command, errno] of [
      ['nonsense', 'EINVAL'],
      ['set rate', 'EINVAL'],
      ['set speed=3', 'EINVAL'],
      ['set pattern=spiral', 'EINVAL'],
      ['set stamp_bytes=31', 'EINVAL'],
      ['set range_iova=0x1001', 'EINVAL'],
      ['set random=0', 'EINVAL'],
      ['write', 'EINVAL'],
      ['write 1 2', 'EINVAL'],
      ['halt now', 'EINVAL'],
      ['write-at 0x10 1', 'EINVAL'],
      [`write-at 0 ${WINDOW_PAGES + 1}`, 'ERANGE'],
      ['write-at 0x7ffffffffffff000 1', 'ERANGE'],
      ['window 0 0', 'EINVAL'],
      ['window 0xfffffffffffff000 2', 'EINVAL'],
      ['fault stop>nowhere errno=5', 'EINVAL'],
      ['fault stop>running errno=99999', 'EINVAL'],
    ] as const) {
      assert.equal(await refusal(dirtygen.control(command)), errno, command);
    }
    const before = (await dirtygen.status()).settings;
    assert.equal(await refusal(dirtygen.control('set rate=7 pattern=spiral')), 'EINVAL');
    assert.deepEqual((await dirtygen.status()).settings, before, 'set changes all or none');
  });

  it('does not write while no VMM has it open', async () => {
    using dirtygen = Dirtygen.create();
    assert.equal(await refusal(dirtygen.write(1)), 'ENODEV');
  });
});

describe('the migration of dirtygen', () => {
  it('stops all writing outside of RUNNING and PRE_COPY, and goes on afterwards', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.set({ rate: 0 });
    await dirtygen.run();
    for (const state of ['running-p2p', 'stop', 'stop-copy'] as const) {
      device.setState(state)?.[Symbol.dispose]();
      const { written, state: reached } = await dirtygen.status();
      assert.equal(reached, state);
      assert.equal(await refusal(dirtygen.write(1)), 'ENODEV');
      await sleep(30);
      assert.equal((await dirtygen.status()).written, written, state);
    }
    device.setState('running');
    const { written } = await dirtygen.status();
    while ((await dirtygen.status()).written === written) await sleep(5);

    device.setState('pre-copy')?.[Symbol.dispose]();
    const { written: before } = await dirtygen.status();
    while ((await dirtygen.status()).written === before) await sleep(5);
  });

  for (const pieceBytes of [1 << 20, 1000, 7]) {
    it(`carries settings and sequence numbers over, in pieces of ${pieceBytes} bytes`, async () => {
      using source = await rig();
      using target = await rig();
      await source.dirtygen.set({ pattern: 'zipf', method: 'pin', rate: 123, stampBytes: 64 });
      await source.dirtygen.write(500);
      await source.dirtygen.writeAt(LOW.iova, 3);
      await source.dirtygen.set({ stopCopyBytes: 5000, precopyBytes: 3000 });

      using save = source.device.setState('pre-copy');
      assert.ok(save);
      assert.deepEqual(save.precopyInfo(), { initialBytes: 3000n, dirtyBytes: 0n });
      const precopy = save.readAll();
      assert.equal(precopy.byteLength, 3000);
      assert.deepEqual(save.precopyInfo(), { initialBytes: 0n, dirtyBytes: 0n });
      await source.dirtygen.write(1);
      assert.equal(source.device.setState('stop-copy'), undefined, 'the same file goes on');
      const size = source.device.device.stopCopyBytes();
      const stopCopy = save.readAll();
      assert.equal(BigInt(stopCopy.byteLength), size, 'MIG_DATA_SIZE says what is sent');

      using load = target.device.setState('resuming');
      assert.ok(load);
      load.writeAll(Buffer.concat([precopy, stopCopy]), pieceBytes);
      target.device.setState('stop');
      const there = await target.dirtygen.status();
      const here = await source.dirtygen.status();
      assert.equal(there.sequence, 504n);
      assert.deepEqual(
        { ...there.settings, stopCopyBytes: 5000, precopyBytes: 3000 },
        here.settings,
        'all but what belongs to the mdev itself',
      );
      assert.deepEqual(await target.dirtygen.seq(), await source.dirtygen.seq());

      target.device.setState('running');
      await target.dirtygen.writeAt(LOW.iova, 1);
      assert.equal(readStamp(target.device.page(LOW.iova))?.sequence, 505n);
    });
  }

  it('goes back to RUNNING from any point of a save', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    for (const states of [
      ['pre-copy'],
      ['pre-copy', 'pre-copy-p2p'],
      ['pre-copy', 'stop-copy'],
      ['stop', 'stop-copy'],
      ['running-p2p'],
    ] as const) {
      const files = states.map((state) => device.setState(state));
      device.setState('running');
      await dirtygen.write(1);
      for (const file of files) {
        if (file === undefined) continue;
        assert.throws(() => file.readAll(), { code: 'ENODEV' }, 'the session is over');
        file[Symbol.dispose]();
      }
    }
  });

  it('refuses a migration file that is damaged or incomplete, and recovers by a reset', async () => {
    using source = await rig();
    using save = source.device.setState('stop-copy');
    assert.ok(save);
    await source.dirtygen.status();
    const whole = save.readAll();
    const damaged = Buffer.from(whole);
    damaged.writeUInt32LE(0, 0);
    const impossible = Buffer.from(whole);
    impossible.writeBigUInt64LE(0n, 16 + 8); // window_pages
    const tests = {
      damaged,
      impossible,
      incomplete: whole.subarray(0, -16),
      empty: Buffer.alloc(0),
    };
    for (const [name, data] of Object.entries(tests)) {
      using target = await rig();
      using load = target.device.setState('resuming');
      assert.ok(load);
      assert.throws(
        () => {
          load.writeAll(data);
          target.device.setState('stop');
        },
        (error) => isErrno(error, 'EINVAL') || (error as NodeJS.ErrnoException).code === 'EINVAL',
        name,
      );
      target.device.reset();
      assert.equal((await target.dirtygen.status()).state, 'running', name);
      await target.dirtygen.write(1);
    }
  });

  it('says what it is told to say about its size, and sends what it is told to send', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    const own = device.device.stopCopyBytes() ?? 0n;
    await dirtygen.set({ stopCopyBytes: 3_000_000 });
    assert.equal(device.device.stopCopyBytes(), own + 3_000_000n);
    await dirtygen.set({ reportedBytes: 2 ** 38 });
    assert.equal(device.device.stopCopyBytes(), 2n ** 38n);
    using save = device.setState('stop-copy');
    assert.equal(BigInt(save?.readAll().byteLength ?? 0), own + 3_000_000n);
  });

  it('makes device state dirty during PRE_COPY at the rate set', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.set({ precopyRate: 400_000, precopyBytes: 64 });
    using save = device.setState('pre-copy');
    assert.ok(save);
    let bytes = save.readAll().byteLength;
    assert.ok(bytes >= 64);
    while (save.precopyInfo().dirtyBytes < 40_000n) await sleep(5);
    bytes = save.readAll().byteLength;
    assert.ok(bytes >= 40_000);
  });

  for (const [name, flags, refused] of [
    ['STOP_COPY', 1, ['running-p2p', 'pre-copy']],
    ['STOP_COPY and P2P', 3, ['pre-copy', 'pre-copy-p2p']],
    ['STOP_COPY and PRE_COPY', 5, ['running-p2p', 'pre-copy-p2p']],
  ] as const) {
    it(`works with ${name} only`, async () => {
      using here = await rig({ migrationFlags: flags });
      const { dirtygen, device } = here;
      assert.equal((await dirtygen.status()).migrationFlags, flags);
      for (const state of refused) {
        assert.throws(
          () => device.setState(state),
          (error) => isErrno(error, 'EINVAL'),
          state,
        );
      }
      using save = device.setState('stop-copy');
      assert.ok(save && save.readAll().byteLength > 0);
      assert.equal(await refusal(dirtygen.write(1)), 'ENODEV');
      device.setState('running');
      await dirtygen.write(1);
    });
  }

  it('is not there with no flags', async () => {
    using here = await rig({ migrationFlags: 0 });
    assert.throws(
      () => here.device.setState('stop'),
      (error) => isErrno(error, 'ENOTTY'),
    );
  });
});

describe('faults of dirtygen', () => {
  it('fail a named transition once, which is reported', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.injectFault({ at: { from: 'stop', to: 'stop-copy' }, errno: 5 });
    await dirtygen.injectFault({ at: { from: 'any', to: 'resuming' }, errno: 12, count: 0 });
    assert.throws(
      () => device.setState('stop-copy'),
      (error) => isErrno(error, 'EIO'),
    );
    assert.equal((await dirtygen.status()).state, 'stop');
    device.setState('stop-copy')?.[Symbol.dispose]();
    for (let tries = 0; tries < 2; tries++) {
      assert.throws(
        () => device.setState('resuming'),
        (error) => isErrno(error, 'ENOMEM'),
      );
    }
    assert.deepEqual((await dirtygen.status()).faultHits, [1, 2]);
    await dirtygen.clearFaults();
    device.setState('resuming')?.[Symbol.dispose]();
  });

  it('break the device until it is reset', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.injectFault({
      at: { from: 'any', to: 'stop-copy' },
      errno: 5,
      broken: true,
    });
    assert.throws(
      () => device.setState('stop-copy'),
      (error) => isErrno(error, 'EIO'),
    );
    assert.equal((await dirtygen.status()).state, 'error');
    assert.equal(await refusal(dirtygen.write(1)), 'ENODEV');
    assert.throws(() => device.setState('running'));
    device.reset();
    await dirtygen.write(1);
  });

  it('delay a transition, during which the old state holds', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.injectFault({ at: { from: 'running', to: 'running-p2p' }, delayMs: 200 });
    const start = performance.now();
    device.setState('running-p2p');
    assert.ok(performance.now() - start >= 199);
    assert.deepEqual((await dirtygen.status()).faultHits, [1]);
  });

  it('fail reading and writing the migration file', async () => {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.injectFault({ at: 'save', errno: 5 });
    await dirtygen.injectFault({ at: 'load', errno: 28 });
    using save = device.setState('stop-copy');
    assert.ok(save);
    assert.throws(() => save.readAll(), { code: 'EIO' });
    const data = save.readAll();
    using load = device.setState('resuming');
    assert.ok(load);
    assert.throws(
      () => {
        load.writeAll(data);
      },
      { code: 'ENOSPC' },
    );
    assert.deepEqual((await dirtygen.status()).faultHits, [1, 1]);
  });
});

describe('device dirty logging of dirtygen', () => {
  const span = { iova: 0n, bytes: BigInt(WINDOW_PAGES * PAGE) };

  it('is not offered unless asked for', async () => {
    using here = await rig();
    assert.deepEqual(here.device.device.dmaLogging.support(), {
      works: false,
      start: false,
      errnoName: 'ENOTTY',
    });
  });

  it('starts, and reports its log exactly where the kernel has the IOVA bitmap', async () => {
    using here = await rig({ dmaLogging: true });
    const { dirtygen, device } = here;
    const { dmaLogging } = device.device;
    assert.equal(dmaLogging.start([span], PAGE), BigInt(PAGE));
    assert.throws(
      () => dmaLogging.start([span], PAGE),
      (error) => isErrno(error, 'EINVAL'),
      'a second start',
    );
    assert.equal((await dirtygen.status()).logging, true);
    for (let round = 0; round < 3; round++) {
      await dirtygen.write(100);
      const truth = await dirtygen.takeTruth();
      const bitmap = new Uint8Array(truth.byteLength);
      const report = dmaLogging.report({ ...span, pageBytes: PAGE, bitmap });
      if (hasIovaBitmap) {
        await report;
        assertSameBitmap(bitmap, truth, `the log of round ${round}`);
      } else {
        await assert.rejects(report, (error) => isErrno(error, 'EOPNOTSUPP'));
      }
    }
    assert.equal(await refusal(dirtygen.window(0n, 1)), 'EBUSY');
    dmaLogging.stop();
    assert.equal((await dirtygen.status()).logging, false);
  });
});

describe('dirtygen leaks nothing', () => {
  const allocations = (): string[] =>
    readFileSync('/proc/vmallocinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes('dg_set_window'));
  const slabObjects = (name: string): number => {
    const line = new RegExp(`^${name} +(\\d+)`, 'm').exec(readFileSync('/proc/slabinfo', 'utf8'));
    assert.ok(line, `no slab ${name}`);
    return Number(line[1]);
  };

  /** An mdev's life with all that allocates: chunks of sequence numbers, pins, files, early ends. */
  async function life(): Promise<void> {
    using here = await rig();
    const { dirtygen, device } = here;
    await dirtygen.set({ method: 'pin', hold: true, pattern: 'sequential', rate: 0 });
    await dirtygen.write(5);
    await dirtygen.run();
    using save = device.setState('stop-copy');
    const data = save?.readAll() ?? Buffer.alloc(0);
    using load = device.setState('resuming');
    load?.writeAll(data);
    device.setState('running');
    await dirtygen.write(5);
    using abandonedSave = device.setState('stop-copy');
    device.setState('running');
    using abandonedLoad = device.setState('resuming');
    abandonedLoad?.writeAll(data.subarray(0, -20));
    assert.ok(abandonedSave && load && save);
  }

  it('when it is created and removed 100 times, every fourth time used, migrated and cut off', async () => {
    // The first life may allocate what stays.
    await life();
    assert.deepEqual(allocations(), []);
    const before = slabObjects('kmalloc-4k') + slabObjects('kmalloc-cg-4k');
    for (let round = 0; round < 100; round++) {
      if (round % 4 === 0) await life();
      else Dirtygen.create().remove();
    }
    assert.deepEqual(allocations(), []);
    // A life that lost one buffer of 4 KiB would leave 100 or 25 of them.
    const after = slabObjects('kmalloc-4k') + slabObjects('kmalloc-cg-4k');
    assert.ok(after - before < 20, `4 KiB slab objects: ${before} before, ${after} after`);
    assert.equal(readFileSync('/sys/module/dirtygen/refcnt', 'utf8').trim(), '0');
  });
});
