/** The rigs of type1-rig.ts on a real kernel: raw containers. */
import { release } from 'node:os';
import { LibcKernel, type Mapping } from 'linux-vfio-ts';
import { Dirtygen, type DirtygenSettings } from '#scripts/lab/dirtygen.js';
import {
  bindToVfioPci,
  type HostDevice,
  hostDeviceOf,
  iommuBackedDevices,
  RawContainer,
} from './raw-container.js';
import { PAGE, pages, type Type1Rig } from './type1-rig.js';

function kernelIsOlderThan(major: number, minor: number): boolean {
  const [, ourMajor = '0', ourMinor = '0'] = /^(\d+)\.(\d+)/.exec(release()) ?? [];
  return Number(ourMajor) * 1000 + Number(ourMinor) < major * 1000 + minor;
}

/**
 * Before 5.17 vfio_dma_bitmap_free() passes to kfree() what kvzalloc() may have taken from vmalloc, and always
 * has past 4 MiB (128 GiB of memory): an oops when tracking stops or the container closes. A large guest is
 * then mapped in pieces, whose bitmaps of 32 KiB come from kmalloc.
 */
const largestMappingPages = kernelIsOlderThan(5, 17) ? 2 ** 18 : Infinity;

/** With a dirtygen mdev. */
export function kernelRig(): Type1Rig {
  const dirtygen = Dirtygen.create();

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

  return {
    ...rigWith(hostDeviceOf(dirtygen), dirtygen),
    deviceWrites: (iova, pageCount) => write({ method: 'dma_rw' }, iova, pageCount),
    devicePins: (iova, pageCount) => write({ method: 'pin', hold: true }, iova, pageCount),
    deviceUnpinsAll: () => dirtygen.unpin(),
  };
}

/** With one of the lab's PCI devices that have an IOMMU behind them. */
export function iommuBackedRig(): Type1Rig {
  const [address = ''] = iommuBackedDevices();
  const pci = bindToVfioPci(address);
  const cannot = (): Promise<void> => Promise.reject(new Error('This device writes nothing.'));
  return {
    ...rigWith(pci, pci),
    deviceWrites: cannot,
    devicePins: cannot,
    deviceUnpinsAll: cannot,
  };
}

type Common = 'container' | 'topOfAddressSpace' | 'map' | typeof Symbol.dispose;

/** A container with the device; `owner` is disposed of after it. */
function rigWith(device: HostDevice, owner: Disposable): Pick<Type1Rig, Common> {
  const kernel = new LibcKernel();
  const raw = new RawContainer(kernel, device);
  const { container } = raw;
  raw.openDevice(device);
  const mappings: Mapping[] = [];

  return {
    container,
    topOfAddressSpace: !kernelIsOlderThan(6, 19),
    map(iova, pageCount) {
      for (let page = 0; page < pageCount; page += largestMappingPages) {
        const count = Math.min(largestMappingPages, pageCount - page);
        // The device needs no view of it, and a large guest's memory is never backed.
        const options = { viewBytes: PAGE, writable: true, noReserve: true };
        const mapping = kernel.mmap({ bytes: count * PAGE, ...options });
        mappings.push(mapping);
        const { memory } = mapping;
        container.dirtyPages.map({ iova: iova + pages(page), bytes: pages(count), memory });
      }
    },
    [Symbol.dispose]() {
      raw[Symbol.dispose]();
      for (const mapping of mappings) mapping[Symbol.dispose]();
      owner[Symbol.dispose]();
    },
  };
}
