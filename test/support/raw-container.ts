/**
 * Containers made by hand, as a VMM makes them: container, groups, devices. For tests on a kernel with
 * VFIO, with no QEMU in between.
 */
import {
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Dirtygen } from '#scripts/lab/dirtygen.js';
import { HarvestGate, Type1Container, VfioIoctl, type Kernel } from 'linux-vfio-ts';

const { O_RDWR } = constants;

/** A device of the host: its sysfs folder is a PCI address's or an mdev's. */
export interface HostDevice {
  /** `0000:00:05.0`, or an mdev's UUID. */
  readonly name: string;
  readonly sysfs: string;
}

/** An mdev of dirtygen as a device of the host. */
export function hostDeviceOf(dirtygen: Dirtygen): HostDevice {
  return { name: dirtygen.uuid, sysfs: dirtygen.sysfsPath };
}

/** The lab's PCI devices (QEMU's `edu`) that have an IOMMU behind them. */
export function iommuBackedDevices(): string[] {
  const devices = '/sys/bus/pci/devices';
  return readdirSync(devices).filter((address) =>
    readFileSync(join(devices, address, 'device'), 'utf8').startsWith('0x11e8'),
  );
}

/** Gives a PCI device to vfio-pci until it is disposed of. */
export function bindToVfioPci(address: string): HostDevice & Disposable {
  const sysfs = join('/sys/bus/pci/devices', address);
  writeFileSync(join(sysfs, 'driver_override'), 'vfio-pci');
  if (existsSync(join(sysfs, 'driver'))) writeFileSync(join(sysfs, 'driver/unbind'), address);
  writeFileSync('/sys/bus/pci/drivers_probe', address);
  return {
    name: address,
    sysfs,
    [Symbol.dispose]: () => {
      writeFileSync('/sys/bus/pci/drivers/vfio-pci/unbind', address);
      writeFileSync(join(sysfs, 'driver_override'), '\n');
    },
  };
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

  /** Puts the device's group into the container. */
  addGroup(device: HostDevice): void {
    this.#openGroup(device);
  }

  /** Takes the device's group out again; its devices must not be open. */
  removeGroup(device: HostDevice): void {
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
