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

/** Whether a range may end at 2^64: the kernel is 6.19 or later. */
function topOfAddressSpace(): boolean {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release()) ?? [];
  return Number(major) * 1000 + Number(minor) >= 6019;
}

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
    topOfAddressSpace: topOfAddressSpace(),
    map(iova, pageCount) {
      const bytes = pageCount * PAGE;
      // The device needs no view of it, and a large guest's memory is never backed.
      const options = { viewBytes: Math.min(bytes, 2 ** 30), writable: true, noReserve: true };
      const mapping = kernel.mmap({ bytes, ...options });
      mappings.push(mapping);
      container.dirtyPages.map({ iova, bytes: pages(pageCount), memory: mapping.memory });
    },
    [Symbol.dispose]() {
      raw[Symbol.dispose]();
      for (const mapping of mappings) mapping[Symbol.dispose]();
      owner[Symbol.dispose]();
    },
  };
}
