/** The rigs of type1-rig.ts on a real kernel: raw containers. */
import { release } from 'node:os';
import { LibcKernel, type Mapping } from 'linux-vfio-ts';
import { Dirtygen, type DirtygenSettings } from '#scripts/lab/dirtygen.js';
import { type Type1Behaviour, type1Behaviours } from '#vfio/model/type1-model.js';
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

const behavioursInTheLab: Readonly<Record<string, Type1Behaviour>> = {
  '5.10': type1Behaviours['5.10'],
  '5.10 info-flag': type1Behaviours['5.10 with the GET_INFO flag'],
  '5.10 extension-9': type1Behaviours['5.10 with extension 9'],
  '5.10 extension-10': type1Behaviours['5.10 with extensions 9 and 10'],
  '6.1': type1Behaviours['6.1'],
  '6.12': type1Behaviours['6.12'],
  '6.12 info-flag': type1Behaviours['6.12 with the GET_INFO flag'],
  '7': type1Behaviours['7.2'],
};

/** What the model says of this kernel, by `uname -r` and the proposal that the lab was started with. */
export function behaviourOfThisKernel(): Type1Behaviour {
  const [version = ''] = /^(?:[0-6]\.\d+|\d+)/.exec(release()) ?? [];
  const proposal = process.env['PRECOPY_LAB_PROPOSAL'];
  const key = proposal === undefined ? version : `${version} ${proposal}`;
  const behaviour = behavioursInTheLab[key];
  if (behaviour === undefined) throw new Error(`No model of a type1 container has kernel ${key}.`);
  return behaviour;
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

type Common = Exclude<keyof Type1Rig, `device${string}`>;

/** A container with the device; `owner` is disposed of after it. */
function rigWith(device: HostDevice, owner: Disposable): Pick<Type1Rig, Common> {
  const kernel = new LibcKernel();
  const raw = new RawContainer(kernel, device);
  const { container } = raw;
  raw.openDevice(device);
  const mappings: Mapping[] = [];
  let joined: ReturnType<typeof bindToVfioPci> | undefined;

  return {
    container,
    topOfAddressSpace: behaviourOfThisKernel().topOfAddressSpace,
    map(iova, pageCount) {
      // Of 2^31 pages no kernel makes a bitmap.
      const largest = pageCount < 2 ** 31 ? largestMappingPages : pageCount;
      for (let page = 0; page < pageCount; page += largest) {
        const count = Math.min(largest, pageCount - page);
        // The device needs no view of it, and a large guest's memory is never backed.
        const options = { viewBytes: PAGE, writable: true, noReserve: true };
        const mapping = kernel.mmap({ bytes: count * PAGE, ...options });
        mappings.push(mapping);
        const { memory } = mapping;
        container.dirtyPages.map({ iova: iova + pages(page), bytes: pages(count), memory });
      }
    },
    iommuGroupJoins() {
      const [address = ''] = iommuBackedDevices();
      joined = bindToVfioPci(address);
      raw.addGroup(joined);
    },
    iommuGroupLeaves() {
      if (joined === undefined) return;
      raw.removeGroup(joined);
      joined[Symbol.dispose]();
      joined = undefined;
    },
    ioctl: (call) => kernel.ioctl(container.fd, call),
    [Symbol.dispose]() {
      raw[Symbol.dispose]();
      joined?.[Symbol.dispose]();
      for (const mapping of mappings) mapping[Symbol.dispose]();
      owner[Symbol.dispose]();
    },
  };
}
