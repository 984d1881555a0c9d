/** A device that is bound to an iommufd through its cdev, and its own dirty log. */
import assert from 'node:assert/strict';
import { bitmapBytesFor, LibcKernel, VfioDevice } from 'linux-vfio-ts';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import { IommufdRig } from '../support/iommufd-rig.js';
import { hostDeviceOf } from '../support/raw-container.js';
import { PAGE, pages } from '../support/type1-rig.js';

const MAPPED = 4096;

describe('a dirtygen device on an iommufd', () => {
  it('reports what it wrote, bit for bit, and once, while it goes on writing', async () => {
    const kernel = new LibcKernel();
    using dirtygen = Dirtygen.create({ dmaLogging: true });
    using rig = new IommufdRig(kernel);
    rig.map(0n, MAPPED);
    const { dmaLogging } = new VfioDevice(kernel, rig.openDevice(hostDeviceOf(dirtygen)).fd);
    await dirtygen.window(0n, MAPPED);
    await dirtygen.set({ pattern: 'uniform', rangeIova: 0n, rangePages: MAPPED, rate: 0 });
    assert.deepEqual(dmaLogging.support(), { works: true, start: true });
    const span = { iova: 0n, bytes: pages(MAPPED) };
    assert.equal(dmaLogging.start([span], PAGE), BigInt(PAGE));
    await dirtygen.takeTruth();
    for (let round = 0; round < 20; round++) {
      await dirtygen.run();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await dirtygen.halt();
      const truth = await dirtygen.takeTruth();
      assert.ok(truth.some((byte) => byte !== 0));
      const bitmap = new Uint8Array(bitmapBytesFor(span.bytes, PAGE));
      await dmaLogging.report({ ...span, pageBytes: PAGE, bitmap });
      assert.deepEqual(bitmap, new Uint8Array(truth));
      await dmaLogging.report({ ...span, pageBytes: PAGE, bitmap });
      assert.ok(bitmap.every((byte) => byte === 0));
    }
    dmaLogging.stop();
    assert.equal((await dirtygen.status()).logging, false);
  });

  it('can be started once: whoever comes second is refused', async () => {
    const kernel = new LibcKernel();
    using dirtygen = Dirtygen.create({ dmaLogging: true });
    using rig = new IommufdRig(kernel);
    rig.map(0n, 64);
    const { dmaLogging } = new VfioDevice(kernel, rig.openDevice(hostDeviceOf(dirtygen)).fd);
    const span = { iova: 0n, bytes: pages(64) };
    dmaLogging.start([span], PAGE);
    assert.throws(() => dmaLogging.start([span], PAGE), { code: 'KERNEL_EINVAL' });
    dmaLogging.stop();
    dmaLogging.start([span], PAGE);
    assert.equal((await dirtygen.status()).logging, true);
    dmaLogging.stop();
  });
});
