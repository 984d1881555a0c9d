/**
 * Containers made by hand, as a VMM makes them: container, groups, devices. For tests on a kernel with
 * VFIO, with no QEMU in between.
 */
import { constants, existsSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HarvestGate, Type1Container, VfioIoctl, type Kernel } from 'linux-vfio-ts';

const { O_RDWR } = constants;

/** A device of the host: its sysfs folder is a PCI address's or an mdev's. */
export interface HostDevice {
  /** `0000:00:05.0`, or an mdev's UUID. */
  readonly name: string;
  readonly sysfs: string;
}

let serial = 0;

/** Makes an mdev of dirtygen; disposing of it removes it. */
export function createMdev(): HostDevice & Disposable {
  serial += 1;
  const name = `${String(serial).padStart(8, '0')}-0000-4000-8000-${String(process.pid).padStart(12, '0')}`;
  const parent = '/sys/class/mdev_bus/dirtygen/mdev_supported_types/dirtygen-dma';
  writeFileSync(join(parent, 'create'), name);
  const sysfs = join('/sys/bus/mdev/devices', name);
  return {
    name,
    sysfs,
    [Symbol.dispose]: () => {
      writeFileSync(join(sysfs, 'remove'), '1');
    },
  };
}

/** Gives a PCI device to vfio-pci. */
export function bindToVfioPci(address: string): HostDevice {
  const sysfs = join('/sys/bus/pci/devices', address);
  writeFileSync(join(sysfs, 'driver_override'), 'vfio-pci');
  if (existsSync(join(sysfs, 'driver'))) writeFileSync(join(sysfs, 'driver/unbind'), address);
  writeFileSync('/sys/bus/pci/drivers_probe', address);
  return { name: address, sysfs };
}

/** A type1 v2 container of our own, and the devices in it. */
export class RawContainer implements Disposable {
  readonly container: Type1Container;
  readonly #kernel: Kernel;
  readonly #groups = new Map<string, number>();
  readonly #devices: number[] = [];

  constructor(kernel: Kernel, first: HostDevice, iommuType = 3) {
    this.#kernel = kernel;
    const fd = kernel.open('/dev/vfio/vfio', O_RDWR);
    this.container = new Type1Container(kernel, fd, new HarvestGate());
    this.#openGroup(first);
    kernel.ioctl(fd, {
      name: 'VFIO_SET_IOMMU',
      request: VfioIoctl.VFIO_SET_IOMMU,
      argument: iommuType,
    });
  }

  /** Puts the device's group into the container, if it is not there yet, and opens the device. */
  openDevice(device: HostDevice): number {
    const group = this.#groups.get(device.name) ?? this.#openGroup(device);
    const fd = this.#kernel.ioctl(group, {
      name: 'VFIO_GROUP_GET_DEVICE_FD',
      request: VfioIoctl.VFIO_GROUP_GET_DEVICE_FD,
      argument: new TextEncoder().encode(`${device.name}\0`),
    });
    this.#devices.push(fd);
    return fd;
  }

  /** Closes the device's group (and with it takes it out of the container). */
  closeGroup(device: HostDevice): void {
    const group = this.#groups.get(device.name);
    if (group === undefined) return;
    this.#groups.delete(device.name);
    this.#kernel.close(group);
  }

  #openGroup(device: HostDevice): number {
    const group = basename(readlinkSync(join(device.sysfs, 'iommu_group')));
    const fd = this.#kernel.open(join('/dev/vfio', group), O_RDWR);
    this.#groups.set(device.name, fd);
    const argument = new Uint8Array(4);
    new DataView(argument.buffer).setInt32(0, this.container.fd, true);
    this.#kernel.ioctl(fd, {
      name: 'VFIO_GROUP_SET_CONTAINER',
      request: VfioIoctl.VFIO_GROUP_SET_CONTAINER,
      argument,
    });
    return fd;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#devices) this.#kernel.close(fd);
    for (const fd of this.#groups.values()) this.#kernel.close(fd);
    this.#kernel.close(this.container.fd);
  }
}
