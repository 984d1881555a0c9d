/**
 * What dirty tracking can be relied on, with the evidence for each statement. Pure: a judgement over a
 * {@link DirtyTrackingObservation}.
 *
 * The review of 2020 that led to today's interface went through three ways for a kernel to say that a
 * type1 container tracks dirty pages; patched kernels can have any of them:
 *
 *   1. bit 2 of GET_INFO's flags, VFIO_IOMMU_INFO_DIRTY_PGS
 *   2. extension 9, VFIO_DIRTY_PGS_IOMMU (10 for a successor that reads several mappings at once)
 *   3. a migration capability in GET_INFO's chain: merged in Linux 5.8
 *
 * Since Linux 5.12 extension 9 is VFIO_UNMAP_ALL and 10 VFIO_UPDATE_VADDR. See docs/vfio-dirty-tracking.md.
 */
import { VfioExtension } from '../abi/vfio.js';
import type { ExtensionAnswer } from '../type1/container.js';
import type { Type1Info } from '../type1/info.js';
import { bitmapFreeFix, mayOopsAtBitmapFree } from './bitmap-free.js';
import {
  type ContainerObservation,
  type DeviceObservation,
  type DirtyTrackingObservation,
  type GroupObservation,
  hasFailed,
  type IommufdObservation,
} from './observation.js';

/** VFIO_IOMMU_INFO_DIRTY_PGS of the 2020 review; mainline has no meaning for this bit. */
export const INFO_FLAG_DIRTY_PAGES = 1 << 2;

/** What extension 9 means on this kernel. */
export type Extension9Meaning =
  | 'absent'
  /** Mainline since 5.12, and iommufd's compatibility container. Says nothing about dirty pages. */
  | 'unmap-all'
  /** The proposal of 2020: the container tracks dirty pages. */
  | 'dirty-pages'
  | 'unknown';

/** One way to say "I track dirty pages". */
export type TrackingGeneration =
  'migration-capability' | 'info-flag' | 'extension-9' | 'extension-10';

/** Which pages GET_BITMAP returns, besides those that an emulated device wrote. */
export type DirtyPageScope =
  /** Only what drivers pinned: precise. */
  | 'pinned'
  /** All that is mapped, every time: an IOMMU-backed device is in the container. */
  | 'all'
  | 'unknown';

/** A statement and what it rests on. */
export interface Evidence {
  readonly says: string;
  readonly because: string;
}

/** Something to act on. */
export interface SupportProblem {
  readonly severity: 'blocks' | 'warns';
  readonly what: string;
  readonly fix: string;
}

export interface ContainerSupport {
  /** The container's number in the process that owns it. */
  readonly fd: number;
  readonly type1v2: boolean;
  /** Whether VFIO_IOMMU_DIRTY_PAGES works on it; undefined if that could not be found out. */
  readonly tracks: boolean | undefined;
  /** Whether tracking is on now (for anybody); undefined if it was not asked. */
  readonly trackingNow: boolean | undefined;
  /** By which of the three ways the kernel says so. */
  readonly generations: readonly TrackingGeneration[];
  readonly extension9: Extension9Meaning;
  /** Page sizes of the bitmap, one bit each, in bytes; undefined if the kernel does not say. */
  readonly pageSizes: bigint | undefined;
  /** The largest bitmap for one call, in bytes; undefined if the kernel does not say. */
  readonly largestBitmapBytes: bigint | undefined;
  readonly scope: DirtyPageScope;
  /** Devices (PCI addresses) that cause scope `all`. */
  readonly scopeCulprits: readonly string[];
  /**
   * Where there are several containers: devices of which one or more cause scope `all`. No ioctl and no file
   * tells which container a group is in (VFIO_GROUP_GET_STATUS: whether it is in one).
   */
  readonly scopeSuspects: readonly string[];
  readonly evidence: readonly Evidence[];
}

export interface DeviceSupport {
  readonly fd: number;
  readonly name: string | undefined;
  readonly migratable: boolean | undefined;
  readonly p2p: boolean | undefined;
  readonly preCopy: boolean | undefined;
  /** `broken`: START is there, REPORT fails; QEMU would choose it and fail. */
  readonly dirtyLogging: 'works' | 'broken' | 'absent' | 'unknown';
  readonly evidence: readonly Evidence[];
}

export interface IommufdSupport {
  readonly fd: number;
  readonly evidence: readonly Evidence[];
}

/** Who tells QEMU which pages the devices dirtied, and how well. */
export type TrackingVerdict =
  /** No VFIO device, so nobody needs to. */
  | 'not-needed'
  /** Each device logs its own writes. */
  | 'device-logging'
  /** The container, precisely. */
  | 'container-precise'
  /** The container, with all mapped memory dirty in every pass. */
  | 'container-everything'
  /** The IOMMU, through iommufd. */
  | 'iommufd'
  /** QEMU would use a device logging that does not work: its migration fails. */
  | 'broken-device-logging'
  /** Nobody: QEMU takes all memory as dirty, or refuses to migrate. */
  | 'none'
  | 'unknown';

/**
 * The devices whose memory is mapped through type1 containers, or those through iommufd. QEMU chooses for
 * each container by itself who tracks (vfio_listener_log_global_start); which device is in which of several
 * type1 containers can't be seen from outside.
 */
export interface DeviceSideSupport {
  readonly through: 'type1' | 'iommufd';
  readonly verdict: TrackingVerdict;
  /** fds of its containers or iommufds, and of its devices, in the process that owns them. */
  readonly fds: readonly number[];
  readonly deviceFds: readonly number[];
}

export interface DirtyTrackingSupport {
  /** The worst of the sides'. */
  readonly verdict: TrackingVerdict;
  /** The verdict in a sentence. */
  readonly summary: string;
  readonly kernelRelease: string;
  readonly containers: readonly ContainerSupport[];
  readonly devices: readonly DeviceSupport[];
  readonly iommufds: readonly IommufdSupport[];
  /** None, one, or both where a guest has devices of both kinds. */
  readonly sides: readonly DeviceSideSupport[];
  readonly problems: readonly SupportProblem[];
}

export type LoggingOff = {
  readonly [through in DeviceSideSupport['through']]?: 'some' | 'all' | undefined;
};

/** What the observation can't tell, but the one who asks may know. */
export interface SupportHints {
  /** Memory that is mapped for the devices, in bytes: what scope `all` costs in each pass. */
  readonly mappedBytes?: bigint | undefined;
  /**
   * For how many of a side's devices QEMU was told not to use device logging
   * (`x-device-dirty-page-tracking=off`). One such device suffices for its container.
   */
  readonly deviceLoggingOff?: LoggingOff | undefined;
}

export function dirtyTrackingSupport(
  observation: DirtyTrackingObservation,
  hints: SupportHints = {},
): DirtyTrackingSupport {
  const containers = nameCulprits(
    observation.containers.map(judgeContainer),
    iommuBackedDevices(observation.groups),
  );
  const devices = observation.devices.map(judgeDevice);
  const sides = judgeSides(observation, containers, devices, hints);
  const verdict =
    worstFirst.find((candidate) => sides.some((side) => side.verdict === candidate)) ??
    'not-needed';
  return {
    verdict,
    summary: summaries[verdict],
    kernelRelease: observation.kernelRelease,
    containers,
    devices,
    iommufds: observation.iommufds.map(judgeIommufd),
    sides,
    problems: problemsOf(verdict, observation, containers, devices, hints),
  };
}

const worstFirst: readonly TrackingVerdict[] = [
  'broken-device-logging',
  'none',
  'unknown',
  'container-everything',
  'container-precise',
  'iommufd',
  'device-logging',
];

const summaries: Record<TrackingVerdict, string> = {
  'not-needed': 'No VFIO device: only CPUs and emulated devices dirty memory.',
  'device-logging': 'Each VFIO device logs which pages it writes.',
  'container-precise': 'The type1 container tracks exactly what the devices write.',
  'container-everything':
    'The type1 container reports all mapped memory as dirty in every pass: all of it is sent again in each, and in the blackout.',
  iommufd: 'The IOMMU tracks which pages the devices write, through iommufd.',
  'broken-device-logging':
    'Device dirty logging can be started and not be read: QEMU would choose it, and its migration would fail.',
  none: 'Nobody can say which pages the devices write.',
  unknown: 'What was observed does not suffice for a verdict.',
};

function judgeSides(
  { groups, iommufds, devices: observed }: DirtyTrackingObservation,
  containers: readonly ContainerSupport[],
  devices: readonly DeviceSupport[],
  { deviceLoggingOff = {} }: SupportHints,
): DeviceSideSupport[] {
  const cdevs = new Set(observed.filter(({ cdev }) => cdev).map(({ fd }) => fd));
  const sides: DeviceSideSupport[] = [];
  const viaGroup = devices.filter(({ fd }) => !cdevs.has(fd));
  if (viaGroup.length + containers.length + groups.length > 0) {
    sides.push({
      through: 'type1',
      verdict: judgeType1(containers, viaGroup, deviceLoggingOff.type1),
      fds: containers.map(({ fd }) => fd),
      deviceFds: viaGroup.map(({ fd }) => fd),
    });
  }
  const viaCdev = devices.filter(({ fd }) => cdevs.has(fd));
  if (viaCdev.length > 0) {
    sides.push({
      through: 'iommufd',
      verdict: judgeIommufdSide(iommufds, viaCdev, deviceLoggingOff.iommufd),
      fds: iommufds.map(({ fd }) => fd),
      deviceFds: viaCdev.map(({ fd }) => fd),
    });
  }
  return sides;
}

/**
 * QEMU (vfio_devices_all_device_dirty_tracking): device logging is used if every device of a container has it,
 * and having it means that START can be probed.
 */
function judgeLogging(
  devices: readonly DeviceSupport[],
  off: LoggingOff['type1'],
): TrackingVerdict | 'not chosen' {
  const logging = devices.map(({ dirtyLogging }) => dirtyLogging);
  if (off !== undefined || logging.length === 0 || logging.includes('absent')) return 'not chosen';
  if (logging.includes('unknown')) return 'unknown';
  return logging.includes('broken') ? 'broken-device-logging' : 'device-logging';
}

function judgeType1(
  containers: readonly ContainerSupport[],
  devices: readonly DeviceSupport[],
  loggingOff: LoggingOff['type1'],
): TrackingVerdict {
  const byDevices = judgeLogging(devices, loggingOff);
  if (byDevices !== 'not chosen') return byDevices;
  if (containers.length === 0) return 'unknown';
  const someMayLog =
    loggingOff !== 'all' && devices.some(({ dirtyLogging }) => dirtyLogging !== 'absent');
  if (containers.length > 1 && someMayLog) return 'unknown';
  if (containers.some(({ tracks }) => tracks === false)) return 'none';
  if (containers.some(({ tracks }) => tracks === undefined)) return 'unknown';
  if (containers.some(({ scope }) => scope === 'all')) return 'container-everything';
  return containers.some(({ scope }) => scope === 'unknown') ? 'unknown' : 'container-precise';
}

/** An emulated device has no IOMMU, and GET_HW_INFO does not know it: then nobody tracks it but itself. */
function judgeIommufdSide(
  iommufds: DirtyTrackingObservation['iommufds'],
  devices: readonly DeviceSupport[],
  loggingOff: LoggingOff['type1'],
): TrackingVerdict {
  const byDevices = judgeLogging(devices, loggingOff);
  if (byDevices !== 'not chosen') return byDevices;
  const tracking = iommufds
    .flatMap(({ hwInfos }) => hwInfos)
    .filter(({ hwInfo }) => !hasFailed(hwInfo) && hwInfo.dirtyTracking);
  return tracking.length >= devices.length ? 'iommufd' : 'none';
}

function judgeIommufd({ fd, hwInfos }: IommufdObservation): IommufdSupport {
  const evidence = hwInfos.map(({ deviceId, hwInfo }): Evidence => {
    if (hasFailed(hwInfo)) {
      return {
        says: `device id ${deviceId}: unknown whether its IOMMU tracks`,
        because: `IOMMU_GET_HW_INFO failed with ${hwInfo.failed}`,
      };
    }
    const { type, capabilities, dirtyTracking } = hwInfo;
    return {
      says: `device id ${deviceId}: its IOMMU ${dirtyTracking ? 'tracks' : 'does not track'} dirty pages`,
      because: `IOMMU_GET_HW_INFO: ${type}, capabilities ${hex(capabilities)}`,
    };
  });
  const none: Evidence = {
    says: 'no device behind an IOMMU',
    because: 'IOMMU_GET_HW_INFO knows no device: only emulated ones use this iommufd',
  };
  return { fd, evidence: evidence.length > 0 ? evidence : [none] };
}

function judgeContainer(container: ContainerObservation): ContainerSupport {
  const evidence: Evidence[] = [];
  const add = (says: string, because: string): void => {
    evidence.push({ says, because });
  };
  const extensions = hasFailed(container.extensions) ? [] : container.extensions;
  const info = hasFailed(container.info) ? undefined : container.info;
  if (hasFailed(container.info)) {
    add('GET_INFO does not answer', `VFIO_IOMMU_GET_INFO failed with ${container.info.failed}`);
  }

  const type1v2 = has(extensions, VfioExtension.VFIO_TYPE1v2_IOMMU);
  add(type1v2 ? 'type1 v2' : 'no type1 v2', `CHECK_EXTENSION(3) is ${type1v2 ? 1 : 0}`);

  const [tracks, how] = tracking(container);
  add(tracksText(tracks), how);

  const extension9 = judgeExtension9(container, extensions, tracks);
  if (extension9 !== 'absent')
    add(extension9Text[extension9], extension9Because(container, tracks));
  const extension10 = has(extensions, VfioExtension.VFIO_UPDATE_VADDR);

  const generations: TrackingGeneration[] = [];
  if (info?.migration !== undefined) {
    generations.push('migration-capability');
    add(
      `page sizes ${hex(info.migration.pageSizes)}, bitmaps of up to ${info.migration.largestBitmapBytes.toString()} bytes`,
      `migration capability, version ${info.migration.version} (merged in Linux 5.8)`,
    );
  }
  if (info !== undefined && (info.flags & INFO_FLAG_DIRTY_PAGES) !== 0) {
    generations.push('info-flag');
    add(
      'a kernel with the proposal VFIO_IOMMU_INFO_DIRTY_PGS of 2020',
      `GET_INFO's flags are ${hex(info.flags)}: bit 2, which mainline does not use`,
    );
  }
  if (extension9 === 'dirty-pages') generations.push('extension-9');
  if (extension9 === 'dirty-pages' && extension10) {
    generations.push('extension-10');
    add(
      'extension 10 is the successor of the proposal, for several mappings at once',
      'CHECK_EXTENSION(10) is 1 on a kernel that does not know FLAG_VADDR',
    );
  }
  for (const fault of info?.faults ?? []) {
    add('a fault in the capability chain', fault.message);
  }

  const scope = judgeScope(info);
  if (scope.because !== undefined) add(`dirty page scope: ${scope.scope}`, scope.because);
  return {
    fd: container.fd,
    type1v2,
    tracks,
    trackingNow:
      container.dirtyPages === 'on' ? true : container.dirtyPages === 'off' ? false : undefined,
    generations,
    extension9,
    pageSizes: info?.migration?.pageSizes,
    largestBitmapBytes: info?.migration?.largestBitmapBytes,
    scope: scope.scope,
    scopeCulprits: [],
    scopeSuspects: [],
    evidence,
  };
}

function has(extensions: readonly ExtensionAnswer[], wanted: number): boolean {
  return extensions.some(({ extension, value }) => extension === wanted && value !== 0);
}

function tracksText(tracks: boolean | undefined): string {
  if (tracks === undefined) return 'unknown whether it tracks dirty pages';
  return tracks ? 'tracks dirty pages' : 'does not track dirty pages';
}

/** Whether the ioctl works: its own answer counts more than what the kernel says of itself. */
function tracking(container: ContainerObservation): [boolean | undefined, string] {
  const { dirtyPages, info } = container;
  if (dirtyPages === 'on' || dirtyPages === 'off') {
    return [true, `VFIO_IOMMU_DIRTY_PAGES answers (tracking is ${dirtyPages})`];
  }
  if (hasFailed(info)) {
    return [undefined, 'VFIO_IOMMU_DIRTY_PAGES was not asked, as GET_INFO does not answer'];
  }
  if (dirtyPages === 'unasked') {
    const says = info.migration !== undefined;
    return [
      says,
      `VFIO_IOMMU_DIRTY_PAGES was not asked, as a migration runs; there is ${says ? 'a' : 'no'} migration capability`,
    ];
  }
  switch (dirtyPages.failed) {
    case 'ENOTTY':
      return [
        false,
        `VFIO_IOMMU_DIRTY_PAGES fails with ENOTTY: ${container.servedByIommufd === true ? "iommufd's compatibility container (IOMMU_VFIO_IOAS answers)" : 'a kernel before 5.8'}`,
      ];
    case 'EACCES':
      return [false, 'VFIO_IOMMU_DIRTY_PAGES fails with EACCES: the container uses type1 v1'];
    default:
      return [undefined, `VFIO_IOMMU_DIRTY_PAGES fails with ${dirtyPages.failed}`];
  }
}

/**
 * The trap: 9 meant "dirty pages" in a proposal, and means UNMAP_ALL since 5.12. It can only be the former
 * where the latter's series is absent (FLAG_VADDR came with it) and the ioctl is there at all.
 */
function judgeExtension9(
  container: ContainerObservation,
  extensions: readonly ExtensionAnswer[],
  tracks: boolean | undefined,
): Extension9Meaning {
  if (!has(extensions, VfioExtension.VFIO_UNMAP_ALL)) return 'absent';
  if (container.mapVaddr === 'ENOENT') return 'unmap-all';
  if (container.mapVaddr !== 'EINVAL' || tracks === undefined) return 'unknown';
  // iommufd's compatibility container has UNMAP_ALL without FLAG_VADDR, and no dirty tracking.
  return tracks ? 'dirty-pages' : 'unmap-all';
}

const extension9Text: Record<Exclude<Extension9Meaning, 'absent'>, string> = {
  'unmap-all': 'extension 9 is UNMAP_ALL and says nothing about dirty pages',
  'dirty-pages': 'extension 9 is the proposal VFIO_DIRTY_PGS_IOMMU of 2020',
  unknown: 'what extension 9 means could not be found out',
};

function extension9Because(
  { mapVaddr, dirtyPages }: ContainerObservation,
  tracks: boolean | undefined,
): string {
  const answer = `MAP_DMA with FLAG_VADDR for an unmapped page fails with ${mapVaddr}`;
  if (mapVaddr === 'ENOENT') return `${answer}: the series of Linux 5.12 is in this kernel`;
  if (tracks === undefined) return `${answer}, and whether VFIO_IOMMU_DIRTY_PAGES works is unknown`;
  if (hasFailed(dirtyPages)) {
    return `${answer}, and VFIO_IOMMU_DIRTY_PAGES with ${dirtyPages.failed}`;
  }
  return `${answer}: the series of Linux 5.12 is not in this kernel, and VFIO_IOMMU_DIRTY_PAGES works`;
}

const LAST_IOVA = (1n << 64n) - 1n;

/**
 * A container has IOVA ranges and the IOMMU's page sizes as soon as an IOMMU-backed group is in it. Its
 * driver does not tell type1 what the device writes, so that all mapped pages count as dirty. After the last
 * such group has left (unplugged), one range of all IOVAs stays (vfio_iommu_aper_expand), and all page sizes
 * are back. The page sizes alone do not tell: the Intel driver of 5.10 has all of them, as no IOMMU at all has.
 */
function judgeScope(info: Type1Info | undefined): { scope: DirtyPageScope; because?: string } {
  if (info === undefined) return { scope: 'unknown' };
  const { iovaPageSizes: pageSizes, iovaRanges } = info;
  const sizes = pageSizes === undefined ? 'unknown page sizes' : `page sizes ${hex(pageSizes)}`;
  const anyPageSize = pageSizes !== undefined && pageSizes >> 63n === 1n;
  const [range, ...moreRanges] = iovaRanges ?? [];
  const anyIova = moreRanges.length === 0 && range?.first === 0n && range.last === LAST_IOVA;
  if (iovaRanges !== undefined && !(anyIova && anyPageSize)) {
    return {
      scope: 'all',
      because: `${sizes} and the IOVA_RANGE capability: an IOMMU-backed device is in the container`,
    };
  }
  if (anyPageSize) {
    const iovas = anyIova ? 'an IOVA_RANGE capability of all IOVAs' : 'no IOVA_RANGE capability';
    return {
      scope: 'pinned',
      because: `${sizes} and ${iovas}: no IOMMU, only emulated devices`,
    };
  }
  return { scope: 'unknown', because: `${sizes} without the IOVA_RANGE capability` };
}

/** Drivers with which a device may share a group with the guest's, and is not the guest's (vfio_dev_viable; driver_managed_dma since 5.19). */
const neighbourDrivers: readonly (string | undefined)[] = [undefined, 'pcieport', 'pci-stub'];

/** mdevs are emulated since Linux 5.16; whatever is on another bus has an IOMMU behind it. */
function iommuBackedDevices(groups: readonly GroupObservation[]): string[] {
  return groups
    .flatMap(({ devices }) => devices)
    .filter(
      ({ bus, driver }) =>
        bus !== undefined && bus !== 'mdev' && !neighbourDrivers.includes(driver),
    )
    .map(({ name }) => name);
}

/** @param iommuBacked devices of the process, in whichever container they are */
function nameCulprits(
  containers: readonly ContainerSupport[],
  iommuBacked: readonly string[],
): ContainerSupport[] {
  const withAll = containers.filter(({ scope }) => scope === 'all').length;
  const certain = containers.length === 1 || (withAll === 1 && iommuBacked.length === 1);
  return containers.map((container) => {
    if (container.scope !== 'all') return container;
    return { ...container, [certain ? 'scopeCulprits' : 'scopeSuspects']: iommuBacked };
  });
}

function judgeDevice(device: DeviceObservation): DeviceSupport {
  const { migration, dmaLogging } = device;
  const evidence: Evidence[] = [];
  const known = hasFailed(migration) ? undefined : migration;
  if (hasFailed(migration)) {
    evidence.push({
      says: 'unknown whether it migrates',
      because: `FEATURE_MIGRATION failed with ${migration.failed}`,
    });
  } else if (migration === undefined) {
    evidence.push({ says: 'does not migrate', because: 'FEATURE_MIGRATION is not there' });
  } else {
    evidence.push({
      says: `migrates${migration.p2p ? ', P2P' : ''}${migration.preCopy ? ', PRE_COPY' : ''}`,
      because: `FEATURE_MIGRATION's flags are ${hex(migration.flags)}`,
    });
  }
  let dirtyLogging: DeviceSupport['dirtyLogging'];
  if (hasFailed(dmaLogging)) {
    dirtyLogging = 'unknown';
    evidence.push({ says: 'device logging not asked', because: dmaLogging.failed });
  } else if (!dmaLogging.start) {
    dirtyLogging = 'absent';
    evidence.push({
      says: 'no device logging',
      because: `DMA_LOGGING_START: ${dmaLogging.errnoName}`,
    });
  } else if (dmaLogging.works) {
    dirtyLogging = 'works';
    evidence.push({ says: 'logs its writes', because: 'DMA_LOGGING_START and _REPORT are there' });
  } else {
    dirtyLogging = 'broken';
    evidence.push({
      says: 'device logging can not be read',
      because: `DMA_LOGGING_START is there, _REPORT fails with ${dmaLogging.errnoName}: this kernel has no IOVA bitmap`,
    });
  }
  return {
    fd: device.fd,
    name: device.name,
    migratable: hasFailed(migration) ? undefined : migration !== undefined,
    p2p: known?.p2p,
    preCopy: known?.preCopy,
    dirtyLogging,
    evidence,
  };
}

function problemsOf(
  verdict: TrackingVerdict,
  observation: DirtyTrackingObservation,
  containers: readonly ContainerSupport[],
  devices: readonly DeviceSupport[],
  hints: SupportHints,
): SupportProblem[] {
  const problems: SupportProblem[] = [];
  for (const { fd, name, migratable } of devices) {
    if (migratable !== false) continue;
    problems.push({
      severity: 'blocks',
      what: `${name ?? `The device with fd ${fd}`} can't be migrated: its driver has no migration support.`,
      fix: "Bind it to its vendor's migration driver (mlx5_vfio_pci, ...) instead of vfio-pci, or unplug it before migrating.",
    });
  }
  // vfio_multiple_devices_migration_is_supported counts the devices with migration support only.
  const migratable = devices.filter((device) => device.migratable === true);
  const withoutP2p = migratable.filter(({ p2p }) => p2p === false);
  if (migratable.length > 1 && withoutP2p.length > 0) {
    problems.push({
      severity: 'blocks',
      what: `${withoutP2p.length} of ${migratable.length} migratable devices lack P2P states; QEMU migrates several VFIO devices only if all have them.`,
      fix: 'Leave one such device at most in the guest while it migrates.',
    });
  }
  if (verdict === 'broken-device-logging') {
    problems.push({
      severity: 'blocks',
      what: 'QEMU would choose device dirty logging, whose REPORT fails with EOPNOTSUPP on this kernel: the migration fails with "Operation not supported".',
      fix: 'Give each such device x-device-dirty-page-tracking=off, which makes QEMU use the container; or use a kernel with CONFIG_IOMMUFD_DRIVER.',
    });
  }
  if (verdict === 'container-everything') {
    const cost =
      hints.mappedBytes === undefined
        ? 'all mapped memory'
        : `all ${hints.mappedBytes.toString()} bytes (${gibibytes(hints.mappedBytes)} GiB) that are mapped`;
    problems.push({
      severity: 'warns',
      what: `The dirty page scope is "all": every pass, and the blackout, send ${cost}, unchanged or not. Caused by ${causeOfAll(containers)}.`,
      fix: 'Use devices with dirty logging of their own, iommufd with an IOMMU that tracks dirty pages, or plan a downtime for the whole memory.',
    });
  }
  if (verdict === 'none') problems.push(noTracking(observation, containers));
  const { kernelRelease } = observation;
  const tracks = containers.some((container) => container.tracks === true);
  if (tracks && mayOopsAtBitmapFree(kernelRelease, hints.mappedBytes ?? 0n)) {
    problems.push({
      severity: 'warns',
      what: `Linux ${kernelRelease} may crash this host when the container's dirty tracking ends, at the end of a migration too: before 5.17 the bitmap of a large mapping is freed wrongly (always of 128 GiB and more, else where memory is fragmented).`,
      fix: `Use Linux 5.17 or later, or a kernel of which you know that it has commit ${bitmapFreeFix} ("vfio/iommu_type1: replace kfree with kvfree").`,
    });
  }
  const unanswered = observation.containers.filter(
    (_, index) => containers[index]?.tracks === undefined,
  );
  if (verdict === 'unknown') problems.push(...unanswered.map(noAnswer));
  if (verdict === 'unknown' && unanswered.length === 0 && containers.length > 1) {
    problems.push({
      severity: 'warns',
      what: `There are ${containers.length} containers, and not all devices have a dirty log that works: which device is in which container can't be seen from outside, so neither can who tracks.`,
      fix: 'Give all devices x-device-dirty-page-tracking=off, which makes QEMU use the containers.',
    });
  }
  for (const { fd, evidence } of containers) {
    const faults = evidence.filter(({ says }) => says === 'a fault in the capability chain');
    if (faults.length === 0) continue;
    problems.push({
      severity: 'warns',
      what: `The capability chain of container fd ${fd} is damaged (${faults.map(({ because }) => because).join('; ')}).`,
      fix: 'This is a kernel bug; what could be read is shown as evidence.',
    });
  }
  return problems;
}

function causeOfAll(containers: readonly ContainerSupport[]): string {
  const culprits = containers.flatMap(({ scopeCulprits }) => scopeCulprits);
  if (culprits.length > 0) return culprits.join(', ');
  const suspects = [...new Set(containers.flatMap(({ scopeSuspects }) => scopeSuspects))];
  if (suspects.length === 0) return 'an IOMMU-backed device';
  return `one or more of ${suspects.join(', ')} (which device is in which container can't be seen from outside)`;
}

const foreignRefusal =
  'Look for what refuses the ioctl in place of the kernel: a security module, or a seccomp filter on this process.';

/** By what GET_INFO failed with. */
const fixesOfNoInfo: Readonly<Record<string, string>> = {
  EINVAL:
    'That is what a container answers whose owner has ended: check that the guest still runs, and ask again.',
  VFIO_MALFORMED_REPLY: "This is a kernel bug: the kernel's answer contradicts itself.",
};

/** Why a container can't be judged. */
function noAnswer(container: ContainerObservation): SupportProblem {
  const { fd, info } = container;
  const [, how] = tracking(container);
  return {
    severity: 'warns',
    what: `Whether container fd ${fd} tracks dirty pages could not be found out: ${hasFailed(info) ? `VFIO_IOMMU_GET_INFO fails with ${info.failed}` : how}.`,
    fix: (hasFailed(info) ? fixesOfNoInfo[info.failed] : undefined) ?? foreignRefusal,
  };
}

function noTracking(
  { containers: observed, kernelRelease }: DirtyTrackingObservation,
  containers: readonly ContainerSupport[],
): SupportProblem {
  const what =
    'QEMU has to take all memory as dirty, or refuses ("VFIO device doesn\'t support device and IOMMU dirty tracking").';
  if (observed.some(({ servedByIommufd }) => servedByIommufd === true)) {
    return {
      severity: 'warns',
      what: `Behind /dev/vfio/vfio is iommufd: it looks like a type1 container, and can not track dirty pages. ${what}`,
      fix: 'Use devices with dirty logging of their own, or vfio_iommu_type1 behind /dev/vfio/vfio (a kernel without CONFIG_IOMMUFD_VFIO_CONTAINER, and no link from /dev/vfio/vfio to /dev/iommu).',
    };
  }
  const untracked = containers.find(({ tracks }) => tracks === false);
  if (untracked === undefined) {
    return {
      severity: 'warns',
      what: `Neither a device that uses iommufd nor an IOMMU behind it tracks dirty pages. ${what}`,
      fix: 'Use devices with dirty logging of their own; an IOMMU with dirty tracking (Intel with scalable mode and SSADS, AMD with HAD, SMMUv3 with HTTU); or, for mediated devices, a type1 container, which tracks them exactly: leave iommufd= out.',
    };
  }
  return {
    severity: 'warns',
    what: `The container does not track dirty pages (kernel ${kernelRelease}). ${what}`,
    fix: untracked.type1v2 ? 'Use Linux 5.8 or later.' : 'Use a kernel with VFIO_TYPE1v2_IOMMU.',
  };
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function gibibytes(bytes: bigint): string {
  return (Number(bytes) / 2 ** 30).toFixed(1);
}
