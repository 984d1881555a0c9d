import assert from 'node:assert/strict';
import {
  DeviceFeature,
  HarvestGate,
  MigrationState,
  struct,
  vfio,
  VfioDevice,
} from 'linux-vfio-ts';
import { DeviceModel, type DeviceModelOptions } from '#vfio/model/device-model.js';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { unsafeReads } from '../../../support/unsafe-reads.js';

const PAGE = 4096;

function deviceWith(options: DeviceModelOptions): { device: VfioDevice; model: DeviceModel } {
  const kernel = new ModelKernel();
  const model = new DeviceModel(options);
  return { device: new VfioDevice(kernel, kernel.install(model)), model };
}

describe('a VFIO device', () => {
  it('says what it is', () => {
    const info = deviceWith({}).device.info();
    assert.equal(info.api, 'pci');
    assert.equal(info.canReset, true);
    assert.equal(info.regions, 9);
  });

  it('says how it migrates, and in which state it is', () => {
    const { device } = deviceWith({ migrationFlags: 5n, state: 6, stopCopyBytes: 1n << 40n });
    assert.deepEqual(device.migration(), { flags: 5n, stopCopy: true, p2p: false, preCopy: true });
    assert.equal(device.migrationState(), 'pre-copy');
    assert.equal(device.stopCopyBytes(), 1n << 40n);
  });

  it('keeps the number of a state that a newer kernel may have', () => {
    assert.equal(deviceWith({ migrationFlags: 1n, state: 8 }).device.migrationState(), 'unknown 8');
  });

  it('has none of that if it can not migrate', () => {
    const { device } = deviceWith({});
    assert.equal(device.migration(), undefined);
    assert.equal(device.migrationState(), undefined);
    assert.equal(device.stopCopyBytes(), undefined);
    assert.deepEqual(device.probe(DeviceFeature.VFIO_DEVICE_FEATURE_MIGRATION, 'get'), {
      supported: false,
      errnoName: 'ENOTTY',
    });
  });

  it('says where its regions are', () => {
    const { device } = deviceWith({});
    const region = device.region(7);
    assert.deepEqual([region.bytes, region.fileOffset], [4096n, 7n << 40n]);
    assert.deepEqual([region.readable, region.writable, region.mappable], [true, true, false]);
    assert.throws(() => device.region(9), { code: 'KERNEL_EINVAL' });
  });

  it('gets and sets features by the layout of their payload', () => {
    const { device } = deviceWith({ migrationFlags: 5n, stopCopyBytes: 77n });
    const { VFIO_DEVICE_FEATURE_MIGRATION: migration } = DeviceFeature;
    assert.deepEqual(device.getFeature(migration, vfio.featureMigration), { flags: 5n });
    // A layout of the caller's own, such as one of a feature that this package does not name.
    const halves = struct('halves', { low: 'u32', high: 'u32' });
    assert.deepEqual(device.getFeature(migration, halves), { low: 5, high: 0 });

    const { VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE: state } = DeviceFeature;
    const wish = { device_state: MigrationState.VFIO_DEVICE_STATE_STOP, data_fd: -1 };
    assert.deepEqual(device.setFeature(state, vfio.featureMigState, wish), wish);
    assert.equal(device.migrationState(), 'stop');
  });

  it('says which feature it does not have, and which layout does not fit', () => {
    const { device } = deviceWith({ migrationFlags: 5n });
    assert.throws(() => device.getFeature(99, vfio.featureMigration), {
      code: 'KERNEL_ENOTTY',
      call: 'VFIO_DEVICE_FEATURE 99 (get)',
    });
    const { VFIO_DEVICE_FEATURE_MIGRATION: migration } = DeviceFeature;
    assert.throws(() => device.getFeature(migration, struct('short', { flags: 'u32' })), {
      code: 'KERNEL_EINVAL',
    });
  });

  it('leaves dirty logging to what asks the gate and knows the length of bitmaps', () => {
    const { device } = deviceWith({ dmaLogging: 'works' });
    const { VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT: report } = DeviceFeature;
    assert.throws(() => device.getFeature(report, vfio.featureDmaLoggingReport), RangeError);
    const { VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP: stop } = DeviceFeature;
    assert.throws(() => device.setFeature(stop, struct('nothing', {}), {}), RangeError);
  });

  const logging: readonly [DeviceModelOptions['dmaLogging'], object][] = [
    ['works', { works: true, start: true }],
    ['broken', { works: false, start: true, errnoName: 'EOPNOTSUPP' }],
    ['absent', { works: false, start: false, errnoName: 'ENOTTY' }],
  ];
  for (const [dmaLogging, expected] of logging) {
    it(`tells device logging that ${dmaLogging === 'absent' ? 'is absent' : dmaLogging === 'works' ? 'works' : 'is broken'}`, () => {
      assert.deepEqual(deviceWith({ dmaLogging }).device.dmaLogging.support(), expected);
    });
  }

  it('logs what it writes, and reports each page once', async () => {
    const { device, model } = deviceWith({ dmaLogging: 'works' });
    const { dmaLogging } = device;
    dmaLogging.start([{ iova: 0n, bytes: 1n << 30n }], PAGE);
    model.writes(0x5000n);
    const bitmap = new Uint8Array(8).fill(0xff);
    const request = { iova: 0n, bytes: 64n * 4096n, pageBytes: PAGE, bitmap };
    await dmaLogging.report(request);
    assert.deepEqual([...bitmap], [0x20, 0, 0, 0, 0, 0, 0, 0]);
    await dmaLogging.report(request);
    assert.ok(bitmap.every((byte) => byte === 0));
    dmaLogging.stop();
    await assert.rejects(dmaLogging.report(request), { code: 'KERNEL_EINVAL' });
  });

  for (const { name, request } of unsafeReads) {
    it(`never lets the kernel write past a bitmap, whose length it is not told: ${name}`, async () => {
      const { device } = deviceWith({ dmaLogging: 'works' });
      device.dmaLogging.start([{ iova: 0n, bytes: 1n << 30n }], PAGE);
      await assert.rejects(device.dmaLogging.report(request), RangeError);
    });
  }

  it('touches no log while the gate is shut', async () => {
    const kernel = new ModelKernel();
    const gate = new HarvestGate();
    const fd = kernel.install(new DeviceModel({ dmaLogging: 'works' }));
    const { dmaLogging } = new VfioDevice(kernel, fd, gate);
    gate.shut('a migration runs');
    const refused = { code: 'VFIO_HARVEST_REFUSED' };
    assert.throws(() => dmaLogging.start([{ iova: 0n, bytes: 4096n }], PAGE), refused);
    assert.throws(() => {
      dmaLogging.stop();
    }, refused);
    const bitmap = new Uint8Array(8);
    await assert.rejects(
      dmaLogging.report({ iova: 0n, bytes: 4096n, pageBytes: PAGE, bitmap }),
      refused,
    );
  });
});
