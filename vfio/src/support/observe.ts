/** Gathers a {@link DirtyTrackingObservation}. Changes nothing and clears no dirty bit. */
import { readdir, readlink } from 'node:fs/promises';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { VfioFlag, VfioIoctl, vfio } from '../abi/vfio.js';
import type { ProcessFd } from '../borrow/process-fds.js';
import { VfioDevice } from '../device/device.js';
import { isErrno, VfioError } from '../errors.js';
import { Iommufd } from '../iommufd/iommufd.js';
import type { Kernel } from '../kernel/kernel.js';
import { Type1Container } from '../type1/container.js';
import { HarvestGate } from '../type1/gate.js';
import { smallestPageBytes } from '../type1/info.js';
import {
  type ContainerObservation,
  type DeviceObservation,
  type DirtyTrackingObservation,
  type Failed,
  type GroupObservation,
  hasFailed,
  type IommufdObservation,
} from './observation.js';

/** A file that we hold: a duplicate, and what it was in the process that owns it. */
export interface HeldFd {
  /** In this process. */
  readonly fd: number;
  readonly origin: ProcessFd;
}

export interface ObserveOptions {
  /**
   * While it is shut (a migration runs), nothing is asked that could clear a bit: whether tracking is on,
   * and whether device logging works, stay unknown.
   */
  readonly gate?: HarvestGate;
  /** Where sysfs is mounted; `/sys` unless told otherwise. */
  readonly sysRoot?: string;
}

/**
 * @param held duplicates of a process's containers, devices and iommufds
 * @param listed all that the process has open: its groups need no duplicate
 */
export async function observeDirtyTracking(
  kernel: Kernel,
  held: readonly HeldFd[],
  listed: readonly ProcessFd[],
  options: ObserveOptions = {},
): Promise<DirtyTrackingObservation> {
  const { gate = new HarvestGate(), sysRoot = '/sys' } = options;
  const ofKind = (...kinds: ProcessFd['kind'][]): HeldFd[] =>
    held.filter(({ origin }) => kinds.includes(origin.kind));
  const groups = await Promise.all(
    listed.flatMap(({ group }) => (group === undefined ? [] : [observeGroup(group, sysRoot)])),
  );
  const cdevs = ofKind('device-cdev').length;
  const iommufds = ofKind('iommufd');
  // Where /dev/vfio/vfio is a link to /dev/iommu, only the kernel can tell which of the two it is used as.
  const compatContainers = iommufds.filter(
    (file) => attempt(() => new Iommufd(kernel, file.fd).compatIoas() !== undefined) === true,
  );
  return {
    kernelRelease: release(),
    containers: [...ofKind('container'), ...compatContainers].map((file) =>
      observeContainer(kernel, file, gate),
    ),
    groups,
    devices: ofKind('device', 'device-cdev').map((file) => observeDevice(kernel, file, gate)),
    iommufds: iommufds.map((file) => observeIommufd(kernel, file, cdevs)),
  };
}

function observeContainer(kernel: Kernel, file: HeldFd, gate: HarvestGate): ContainerObservation {
  const container = new Type1Container(kernel, file.fd, gate);
  const info = attempt(() => container.info());
  return {
    fd: file.origin.fd,
    servedByIommufd: attempt(() => servedByIommufd(kernel, file)),
    apiVersion: attempt(() => container.apiVersion()),
    extensions: attempt(() => container.extensions()),
    info,
    dirtyPages:
      gate.shutReason !== undefined || hasFailed(info)
        ? 'unasked'
        : attempt(() => (container.dirtyPages.askTracking() ? 'on' : 'off')),
    mapVaddr: askMapVaddr(kernel, file.fd, hasFailed(info) ? undefined : smallestPageBytes(info)),
  };
}

function servedByIommufd(kernel: Kernel, { fd }: HeldFd): boolean {
  try {
    new Iommufd(kernel, fd).compatIoas();
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOTTY')) return false;
    throw error;
  }
}

/**
 * The errno name, or `done` for a kernel that accepted it (none does).
 *
 * @param pageBytes the container's smallest page: what is not aligned to it is EINVAL, known flag or not
 *   (vfio_dma_do_map looks at that first)
 */
function askMapVaddr(kernel: Kernel, fd: number, pageBytes = 4096): string {
  const page = BigInt(pageBytes);
  const argument = vfio.dmaMap.create({
    argsz: vfio.dmaMap.size,
    flags: VfioFlag.VFIO_DMA_MAP_FLAG_VADDR,
    iova: (1n << 64n) - 2n * page,
    size: page,
  });
  try {
    kernel.ioctl(fd, {
      name: 'VFIO_IOMMU_MAP_DMA',
      request: VfioIoctl.VFIO_IOMMU_MAP_DMA,
      argument,
    });
    return 'done';
  } catch (error) {
    if (isErrno(error)) return error.errnoName;
    throw error;
  }
}

async function observeGroup(group: number, sysRoot: string): Promise<GroupObservation> {
  const folder = join(sysRoot, 'kernel/iommu_groups', String(group), 'devices');
  const names = await readdir(folder).catch(() => []);
  const devices = await Promise.all(
    names.map(async (name) => ({
      name,
      bus: await nameOfLink(join(folder, name, 'subsystem')),
      driver: await nameOfLink(join(folder, name, 'driver')),
    })),
  );
  return { group, devices };
}

/** Last part of what a link points to; undefined if there is no such link. */
async function nameOfLink(link: string): Promise<string | undefined> {
  return await readlink(link).then(
    (target) => basename(target),
    () => undefined,
  );
}

function observeDevice(kernel: Kernel, file: HeldFd, gate: HarvestGate): DeviceObservation {
  const device = new VfioDevice(kernel, file.fd, gate);
  return {
    fd: file.origin.fd,
    name: file.origin.sysfsPath,
    cdev: file.origin.kind === 'device-cdev',
    info: attempt(() => device.info()),
    migration: attempt(() => device.migration()),
    state: attempt(() => device.migrationState()),
    stopCopyBytes: device.stopCopyBytes(),
    dmaLogging: attempt(() => device.dmaLogging.support()),
  };
}

/**
 * Object ids of an iommufd are small numbers that count up, and no ioctl lists them: the first ones are
 * tried. GET_HW_INFO changes nothing and refuses what is no device (ENOENT).
 */
function observeIommufd(kernel: Kernel, file: HeldFd, devices: number): IommufdObservation {
  const iommufd = new Iommufd(kernel, file.fd);
  const hwInfos: IommufdObservation['hwInfos'][number][] = [];
  for (let deviceId = 1; deviceId <= 64 && hwInfos.length < devices; deviceId += 1) {
    const hwInfo = attempt(() => iommufd.hwInfo(deviceId));
    if (!('failed' in hwInfo)) hwInfos.push({ deviceId, hwInfo });
    else if (hwInfo.failed !== 'ENOENT') hwInfos.push({ deviceId, hwInfo });
  }
  return { fd: file.origin.fd, hwInfos };
}

function attempt<T>(ask: () => T): T | Failed {
  try {
    return ask();
  } catch (error) {
    if (isErrno(error)) return { failed: error.errnoName };
    if (error instanceof VfioError) return { failed: error.code };
    throw error;
  }
}
