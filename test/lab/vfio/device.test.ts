import assert from 'node:assert/strict';
import { release } from 'node:os';
import {
  bitmapBytesFor,
  DeviceFeature,
  LibcKernel,
  MigrationState,
  vfio,
  VfioDevice,
} from 'linux-vfio-ts';
import { Dirtygen, type DirtygenOptions } from '#scripts/lab/dirtygen.js';
import { hasIovaBitmap } from '../../support/iova-bitmap.js';
import { needsWholeDirtygen } from '../../support/needs-dirtygen.js';
import { hostDeviceOf, RawContainer } from '../../support/raw-container.js';
import { PAGE, pages } from '../../support/type1-rig.js';

const hasPreCopy = !release().startsWith('6.1.');

interface Bench extends Disposable {
  readonly dirtygen: Dirtygen;
  readonly device: VfioDevice;
}

/** A dirtygen device in a container with 512 pages mapped from IOVA 0. */
function openDevice(options: DirtygenOptions): Bench {
  const kernel = new LibcKernel();
  const dirtygen = Dirtygen.create(options);
  const host = hostDeviceOf(dirtygen);
  const raw = new RawContainer(kernel, host);
  const ram = kernel.mmap({ bytes: 512 * PAGE, writable: true });
  const fd = raw.openDevice(host);
  raw.container.dirtyPages.map({ iova: 0n, bytes: pages(512), memory: ram.memory });
  return {
    dirtygen,
    device: new VfioDevice(kernel, fd),
    [Symbol.dispose]() {
      raw[Symbol.dispose]();
      ram[Symbol.dispose]();
      dirtygen.remove();
    },
  };
}

describe('a VFIO device of this kernel', () => {
  it('says what it is, and which regions it has', () => {
    using bench = openDevice({});
    const { device } = bench;
    const info = device.info();
    assert.equal(info.api, 'pci');
    assert.ok(info.regions >= 9);
    assert.deepEqual(info.faults, []);
    const bar = device.region(0);
    assert.equal(bar.bytes, 4096n);
    assert.deepEqual([bar.readable, bar.writable, bar.mappable], [true, true, false]);
    // The vendor and device ids of the configuration space, region 7 of vfio-pci.
    const config = device.region(7);
    const ids = new Uint8Array(4);
    assert.equal(new LibcKernel().pread(device.fd, ids, config.fileOffset), 4);
    assert.equal(new DataView(ids.buffer).getUint32(0, true), 0xd1271234);
    assert.throws(() => device.region(1000), { code: 'KERNEL_EINVAL' });
  });

  it('can neither migrate nor log unless its driver can', () => {
    using bench = openDevice({ migrationFlags: 0 });
    assert.equal(bench.device.migration(), undefined);
    assert.equal(bench.device.migrationState(), undefined);
    assert.deepEqual(bench.device.dmaLogging.support(), {
      works: false,
      start: false,
      errnoName: 'ENOTTY',
    });
  });

  describe('that migrates and logs', () => {
    needsWholeDirtygen();

    it('says how it migrates', () => {
      using bench = openDevice({});
      const { device } = bench;
      assert.deepEqual(device.migration(), {
        flags: hasPreCopy ? 7n : 3n,
        stopCopy: true,
        p2p: true,
        preCopy: hasPreCopy,
      });
      assert.equal(device.migrationState(), 'running');
    });

    it('gets and sets features by the layout of their payload', () => {
      using bench = openDevice({});
      const { device } = bench;
      const { VFIO_DEVICE_FEATURE_MIGRATION: migration } = DeviceFeature;
      assert.equal(
        device.getFeature(migration, vfio.featureMigration).flags,
        device.migration()?.flags,
      );
      const { VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE: state } = DeviceFeature;
      for (const [number, name] of [
        [MigrationState.VFIO_DEVICE_STATE_STOP, 'stop'],
        [MigrationState.VFIO_DEVICE_STATE_RUNNING, 'running'],
      ] as const) {
        const left = device.setFeature(state, vfio.featureMigState, { device_state: number });
        assert.deepEqual(left, { device_state: number, data_fd: -1 });
        assert.equal(device.migrationState(), name);
      }
      assert.throws(() => device.getFeature(0xfff, vfio.featureMigration), {
        code: 'KERNEL_ENOTTY',
      });
    });

    it('says how much it will send, if the kernel can ask it (6.2)', async () => {
      using bench = openDevice({});
      await bench.dirtygen.set({ reportedBytes: 123_456_789 });
      assert.equal(bench.device.stopCopyBytes(), hasPreCopy ? 123_456_789n : undefined);
    });

    it(
      hasIovaBitmap
        ? 'reports what it logged, once'
        : 'starts logging and can not report, which is seen beforehand',
      async () => {
        using bench = openDevice({ dmaLogging: true });
        const { dmaLogging } = bench.device;
        assert.equal(dmaLogging.support().works, hasIovaBitmap);
        assert.equal((await bench.dirtygen.status()).logging, false);
        assert.equal(dmaLogging.start([{ iova: 0n, bytes: pages(512) }], PAGE), 4096n);
        await bench.dirtygen.writeAt(pages(9), 2);
        const bitmap = new Uint8Array(bitmapBytesFor(pages(512), PAGE));
        const request = { iova: 0n, bytes: pages(512), pageBytes: PAGE, bitmap };
        if (hasIovaBitmap) {
          await dmaLogging.report(request);
          assert.deepEqual([bitmap[1], bitmap.filter((byte) => byte !== 0).length], [0b110, 1]);
          await dmaLogging.report(request);
          assert.ok(bitmap.every((byte) => byte === 0));
        } else {
          await assert.rejects(dmaLogging.report(request), { code: 'KERNEL_EOPNOTSUPP' });
        }
        dmaLogging.stop();
        assert.equal((await bench.dirtygen.status()).logging, false);
      },
    );
  });
});
