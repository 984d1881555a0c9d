/** The rig of type1-rig.ts on a real kernel: a raw container with a dirtygen mdev. */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { LibcKernel, type Mapping } from 'linux-vfio-ts';
import { createMdev, RawContainer } from './raw-container.js';
import { PAGE, pages, type Type1Rig } from './type1-rig.js';

export function kernelRig(): Type1Rig {
  const kernel = new LibcKernel();
  const mdev = createMdev();
  const raw = new RawContainer(kernel, mdev);
  const { container } = raw;
  raw.openDevice(mdev);
  const mappings: Mapping[] = [];

  function control(command: string): Promise<void> {
    writeFileSync(join(mdev.sysfs, 'dirtygen/control'), command);
    return Promise.resolve();
  }

  async function write(method: string, iova: bigint, pageCount: number): Promise<void> {
    // dirtygen writes within its window only, which is the first 4 GiB at first.
    await control(`window ${iova.toString()} ${pageCount}`);
    await control(`set method=${method}`);
    await control(`write-at ${iova.toString()} ${pageCount}`);
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
    deviceWrites: (iova, pageCount) => write('dma_rw', iova, pageCount),
    devicePins: (iova, pageCount) => write('pin hold=1', iova, pageCount),
    deviceUnpinsAll: () => control('unpin'),
    [Symbol.dispose]() {
      raw[Symbol.dispose]();
      for (const mapping of mappings) mapping[Symbol.dispose]();
      mdev[Symbol.dispose]();
    },
  };
}
