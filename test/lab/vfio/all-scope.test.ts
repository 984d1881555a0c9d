import assert from 'node:assert/strict';
import { bitmapBytesFor, LibcKernel } from 'linux-vfio-ts';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import {
  bindToVfioPci,
  hostDeviceOf,
  iommuBackedDevices,
  RawContainer,
} from '../../support/raw-container.js';
import { PAGE, pages } from '../../support/type1-rig.js';

const MAPPED = 512;

describe('an IOMMU-backed device in a container', () => {
  it('makes every page dirty, at once and every time, and once more after it left', async () => {
    const kernel = new LibcKernel();
    using dirtygen = Dirtygen.create();
    const mdev = hostDeviceOf(dirtygen);
    using raw = new RawContainer(kernel, mdev);
    raw.openDevice(mdev);
    const { container } = raw;
    using ram = kernel.mmap({ bytes: MAPPED * PAGE, writable: true });
    container.dirtyPages.map({ iova: 0n, bytes: pages(MAPPED), memory: ram.memory });
    container.dirtyPages.start();

    const dirtyPages = async (): Promise<number> => {
      const bitmap = new Uint8Array(bitmapBytesFor(pages(MAPPED), PAGE));
      await container.dirtyPages.getBitmap({
        iova: 0n,
        bytes: pages(MAPPED),
        pageBytes: PAGE,
        bitmap,
      });
      return bitmap.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    };

    await dirtygen.writeAt(0n, 3);
    assert.equal(await dirtyPages(), 3);

    const [address = ''] = iommuBackedDevices();
    using pci = bindToVfioPci(address);
    raw.addGroup(pci);
    assert.equal(await dirtyPages(), MAPPED);
    assert.equal(await dirtyPages(), MAPPED);
    raw.removeGroup(pci);
    assert.equal(await dirtyPages(), MAPPED);
    assert.equal(await dirtyPages(), 0);
    await dirtygen.writeAt(0n, 3);
    assert.equal(await dirtyPages(), 3);
  });
});
