/** What VFIO-related files a process has open, from /proc/PID/fd. */
import { readFile, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What an open file is to VFIO. */
export type VfioFdKind = 'container' | 'group' | 'device' | 'device-cdev' | 'iommufd' | 'kvm-vm';

/** One open VFIO file of another process. */
export interface ProcessFd {
  /** The number in that process. */
  readonly fd: number;
  readonly kind: VfioFdKind;
  /** The link's target, such as `/dev/vfio/12`. */
  readonly target: string;
  /** IOMMU group, for `kind: 'group'`. */
  readonly group?: number;
  /**
   * The device's sysfs path, where it is known: fdinfo names it (Linux 6.18 and later), and a cdev's number
   * leads to it.
   */
  readonly sysfsPath?: string;
}

/** misc device of the container: VFIO_MINOR of include/linux/miscdevice.h. */
const CONTAINER_RDEV = { major: 10, minor: 196 } as const;

const targets: readonly [VfioFdKind, RegExp][] = [
  ['device', /^anon_inode:\[vfio-device\]$/],
  ['kvm-vm', /^anon_inode:kvm-vm$/],
  // A private /dev (libvirt gives QEMU one) can make the path start elsewhere.
  ['device-cdev', /(?:^|\/)vfio\/devices\/vfio\d+(?: \(deleted\))?$/],
  ['container', /(?:^|\/)vfio\/vfio(?: \(deleted\))?$/],
  ['group', /(?:^|\/)vfio\/(?:noiommu-)?\d+(?: \(deleted\))?$/],
  ['iommufd', /(?:^|\/)dev\/iommu(?: \(deleted\))?$/],
];

/** Names what a link of /proc/PID/fd points to; undefined if it is not VFIO's. Pure. */
export function classifyTarget(target: string): VfioFdKind | undefined {
  return targets.find(([, pattern]) => pattern.test(target))?.[0];
}

/**
 * Lists the VFIO files of a process in the order of their numbers.
 *
 * @param procRoot where procfs is mounted
 * @throws the errors of `fs.readdir` and `fs.readlink`: ENOENT when there is no such process, EACCES without
 *   ptrace rights
 */
export async function listVfioFds(pid: number, procRoot = '/proc'): Promise<ProcessFd[]> {
  const folder = join(procRoot, String(pid), 'fd');
  const numbers = (await readdir(folder)).map(Number).sort((a, b) => a - b);
  const found: ProcessFd[] = [];
  for (const fd of numbers) {
    const entry = await describeFd(join(procRoot, String(pid)), fd);
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

async function describeFd(folder: string, fd: number): Promise<ProcessFd | undefined> {
  let target: string;
  try {
    target = await readlink(join(folder, 'fd', String(fd)));
  } catch (error) {
    // Closed since the folder was read. The folder is listed on CAP_DAC_READ_SEARCH alone, and each link
    // then refused (EACCES): that is not a process without files.
    if (isGone(error)) return undefined;
    throw error;
  }
  const kind = classifyTarget(target) ?? (await containerByNumber(join(folder, 'fd', String(fd))));
  if (kind === undefined) return undefined;
  const group = kind === 'group' ? Number(/(\d+)(?: \(deleted\))?$/.exec(target)?.[1]) : undefined;
  const sysfsPath =
    kind === 'device' || kind === 'device-cdev'
      ? ((await fdinfoSysfsPath(folder, fd)) ?? (await cdevSysfsPath(target)))
      : undefined;
  return {
    fd,
    kind,
    target,
    ...(group === undefined ? {} : { group }),
    ...(sysfsPath === undefined ? {} : { sysfsPath }),
  };
}

function isGone(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ENOENT' || code === 'ESRCH';
}

/** Recognises a container whose device node has an unusual name by its device number. */
async function containerByNumber(link: string): Promise<VfioFdKind | undefined> {
  try {
    const file = await stat(link);
    if (!file.isCharacterDevice()) return undefined;
    // glibc's gnu_dev_major/minor for numbers below 2^32.
    const major = (file.rdev >> 8) & 0xfff;
    const minor = (file.rdev & 0xff) | ((file.rdev >> 12) & 0xfff00);
    return major === CONTAINER_RDEV.major && minor === CONTAINER_RDEV.minor
      ? 'container'
      : undefined;
  } catch {
    return undefined; // Closed in the meantime, or not reachable: then it is not known to be VFIO's.
  }
}

async function fdinfoSysfsPath(folder: string, fd: number): Promise<string | undefined> {
  try {
    const text = await readFile(join(folder, 'fdinfo', String(fd)), 'utf8');
    return /^vfio-device-syspath:\s*(\S+)/m.exec(text)?.[1];
  } catch {
    return undefined; // fdinfo is an extra; older kernels have nothing there anyway.
  }
}

/** By sysfs's class of VFIO cdevs. */
async function cdevSysfsPath(target: string): Promise<string | undefined> {
  const name = /vfio\/devices\/(vfio\d+)$/.exec(target)?.[1];
  if (name === undefined) return undefined;
  return await realpath(join('/sys/class/vfio-dev', name, 'device')).catch(() => undefined);
}
