/** The rig of type1-rig.ts on a real kernel: a raw container with a dirtygen mdev. */
import { release } from 'node:os';
import { LibcKernel, type Mapping } from 'linux-vfio-ts';
import { Dirtygen, type DirtygenSettings } from '#scripts/lab/dirtygen.js';
import { hostDeviceOf, RawContainer } from './raw-container.js';
import { PAGE, pages, type Type1Rig } from './type1-rig.js';

export function kernelRig(): Type1Rig {
  const kernel = new LibcKernel();
  const dirtygen = Dirtygen.create();
  const device = hostDeviceOf(dirtygen);
  const raw = new RawContainer(kernel, device);
  const { container } = raw;
  raw.openDevice(device);
  const mappings: Mapping[] = [];

  async function write(
    settings: Partial<DirtygenSettings>,
    iova: bigint,
    pageCount: number,
  ): Promise<void> {
    // dirtygen writes within its window only, which is the first 4 GiB at first.
    await dirtygen.window(iova, pageCount);
    await dirtygen.set(settings);
    await dirtygen.writeAt(iova, pageCount);
  }

  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release()) ?? [];
  return {
    container,
    topOfAddressSpace: Number(major) * 1000 + Number(minor) >= 6019,
    map(iova, pageCount) {
      const bytes = pageCount * PAGE;
      // The device needs no view of it, and a large guest's memory is never backed.
      const options = { viewBytes: Math.min(bytes, 2 ** 30), writable: true, noReserve: true };
      const mapping = kernel.mmap({ bytes, ...options });
      mappings.push(mapping);
      container.dirtyPages.map({ iova, bytes: pages(pageCount), memory: mapping.memory });
    },
    deviceWrites: (iova, pageCount) => write({ method: 'dma_rw' }, iova, pageCount),
    devicePins: (iova, pageCount) => write({ method: 'pin', hold: true }, iova, pageCount),
    deviceUnpinsAll: () => dirtygen.unpin(),
    [Symbol.dispose]() {
      raw[Symbol.dispose]();
      for (const mapping of mappings) mapping[Symbol.dispose]();
      dirtygen.remove();
    },
  };
}
