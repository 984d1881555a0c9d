/** Precopy without a destination: harvest, curve, forecast. Leaves the guest as it was. */
import {
  BitmapArena,
  BitmapLayout,
  BorrowableProcess,
  HarvestGate,
  HarvestRefusedError,
  LibcKernel,
  Type1Container,
  hasFailed,
  warmUp,
} from 'linux-vfio-ts';
import { describeMemory, ProcessMemory, type MemoryLayout } from '../audit/guest-memory.js';
import type { RamSection } from '../audit/ram-blocks.js';
import { PrecopyError } from '../errors.js';
import { CurveBuilder } from '../forecast/curve.js';
import { allDirtyCurve } from '../forecast/dirty.js';
import { forecast, rehearsed, remediesFor, type Rehearsed } from '../forecast/forecast.js';
import type { ModelDevice, RamStretch } from '../forecast/qemu-model.js';
import { probe } from '../probe/observe.js';
import type { ProbeReport } from '../probe/report.js';
import type { QemuSide } from '../sequence/side.js';
import { Attribution } from './attribution.js';
import { deviceTracking, type DeviceTracking } from './device-tracking.js';
import { harvestSources, type HarvestSummary } from './harvester.js';
import { viewMigration } from './migration-view.js';
import { SoftDirtyBits } from './pagemap.js';
import { sampleContent } from './ram-content.js';
import { rehearsalVersion, type Rehearsal, type RehearsedSource } from './rehearsal.js';
import { ramWindows, SoftDirtySource } from './soft-dirty-source.js';
import type { HarvestSource } from './source.js';
import { identityOf, TrackingState } from './state-file.js';
import { TrackingGuard } from './tracking-guard.js';
import { Type1Source } from './type1-source.js';

const pageBytes = 4096;
/** The forecast gives up after this long, or ten times what the first round takes. */
const leastHorizonMs = 600_000;

export interface RehearseOptions {
  readonly side: QemuSide;
  readonly durationMs: number;
  readonly intervalMs: number;
  /** How much of one core harvesting may take, 0 to 1. */
  readonly overheadShare: number;
  /** Bytes/s that the link takes; default: QEMU's max-bandwidth. */
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** Default: QEMU's. */
  readonly downtimeLimitMs?: number | undefined;
  /** Look at the CPUs too, which clears soft-dirty bits of the QEMU. */
  readonly cpu: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RehearseProgress) => void;
}

export interface RehearseProgress {
  readonly watchedMs: number;
  readonly durationMs: number;
  /** Dirty pages of the last harvest, by source. */
  readonly lastPages: ReadonlyMap<string, number>;
  /** Length of its window, ms. */
  readonly lastMs: number;
}

/**
 * @throws PrecopyError NOT_SUPPORTED (nothing that can be harvested, or a migration began), NO_ACCESS,
 *   MONITOR, USAGE; errors of linux-vfio-ts
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const { side, signal } = options;
  if (side.peer === undefined) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `${side.address} does not tell which process its QEMU is, and what it dirties can only be harvested on its own host.`,
      'Name a monitor that is a unix socket of this host.',
    );
  }
  const { pid } = side.peer;
  const report = await probe(side);
  const tracking = deviceTracking(report);
  const layout = await describeMemory(side.monitor);
  const ram = await contentOf(pid, layout, signal);
  const ramBytes = pageBytes * sumOfPages(ram);
  const zeroBytes = pageBytes * sumOfPages(ram.filter(({ zero }) => zero));
  const view = await viewMigration(side, ramBytes);
  const bandwidth = chooseBandwidth(options, view.parameters.maxBandwidthBytesPerSecond);
  const firstRoundMs = ((ramBytes - zeroBytes) / bandwidth.bytesPerSecond) * 1000;

  const found =
    tracking.kind === 'everything'
      ? everythingDirty(ram, tracking)
      : await watch(options, { pid, report, layout, tracking, firstRoundMs });
  const input = {
    guest: {
      ram,
      pageBytes,
      sources: found.rehearsed.sources,
      devices: modelDevices(report, bandwidth.bytesPerSecond),
      vcpus: view.vcpus,
    },
    link: {
      bytesPerSecond: bandwidth.bytesPerSecond,
      channelBytesPerSecond: bandwidth.bytesPerSecond,
    },
    parameters: {
      ...view.parameters,
      maxBandwidthBytesPerSecond: bandwidth.bytesPerSecond,
      downtimeLimitMs: options.downtimeLimitMs ?? view.parameters.downtimeLimitMs,
    },
    behaviour: view.behaviour,
    costs: view.costs,
    horizonMs: Math.max(leastHorizonMs, 10 * firstRoundMs),
  };
  const outcome = forecast(input, found.rehearsed.warnings);
  return {
    version: rehearsalVersion,
    address: side.address,
    guestStatus: report.qemu.status,
    pageBytes,
    ramBytes,
    zeroBytes,
    watched: found.summary && {
      ms: found.summary.watchedMs,
      harvests: found.summary.rounds,
      intervalMs: found.summary.intervalMs,
      overheadShare: found.summary.overheadShare,
    },
    sources: found.sources,
    bandwidthBytesPerSecond: bandwidth.bytesPerSecond,
    bandwidthFrom: bandwidth.from,
    parameters: input.parameters,
    devices: input.guest.devices,
    forecast: outcome,
    remedies: remediesFor(input, outcome),
    downtimeFloorMs: tracking.kind === 'everything' ? firstRoundMs : null,
    caveats: [...generalCaveats(report, options, layout), ...found.caveats],
  };
}

/** What watching, or not having to, gave. */
interface Found {
  readonly rehearsed: Rehearsed;
  readonly sources: readonly RehearsedSource[];
  readonly summary: HarvestSummary | null;
  readonly caveats: readonly string[];
}

function everythingDirty(
  ram: readonly RamStretch[],
  { culprits }: Extract<DeviceTracking, { kind: 'everything' }>,
): Found {
  const pages = sumOfPages(ram);
  const zeroShare = sumOfPages(ram.filter(({ zero }) => zero)) / pages;
  const name = 'VFIO container';
  const because = culprits.length === 0 ? 'an IOMMU-backed device' : culprits.join(', ');
  return {
    rehearsed: {
      sources: [{ name, kind: 'device', curve: allDirtyCurve(pages), zeroShare }],
      warnings: [],
    },
    sources: [
      {
        name,
        kind: 'device',
        everything: true,
        points: [],
        pagesPerSecond: pages,
        workingSetPages: pages,
        workingSetMs: 0,
      },
    ],
    summary: null,
    caveats: [
      `The container's dirty page scope is \`all\` (because of ${because}): the kernel says every page at each read, whatever is written. Nothing was harvested, as it would show nothing.`,
    ],
  };
}

interface Watched {
  readonly pid: number;
  readonly report: ProbeReport;
  readonly layout: MemoryLayout;
  readonly tracking: Exclude<DeviceTracking, { kind: 'everything' }>;
  readonly firstRoundMs: number;
}

async function watch(options: RehearseOptions, at: Watched): Promise<Found> {
  const { side, durationMs, signal, onProgress } = options;
  const kernel = new LibcKernel();
  const gate = new HarvestGate();
  const stolen: string[] = [];
  using guard = await TrackingGuard.watch(side, gate, {
    report: ({ message }) => stolen.push(message),
  });
  using qemu = await BorrowableProcess.open(kernel, at.pid);
  const containers = await borrowContainers(qemu, kernel, gate, at.tracking);
  const identity = identityOf(at.pid);
  if (identity === undefined)
    throw new PrecopyError('NO_ACCESS', `QEMU (pid ${at.pid}) has ended.`, 'Start it again.');
  const { state, cleanedUp } = TrackingState.claim(identity, () => {
    for (const { container } of containers) container.dirtyPages.stop();
  });
  // QEMU leaves tracking on in a source whose migration has completed.
  const mayBeOn = at.report.qemu.migration === 'completed';
  const devices = containers.map(
    ({ name, container }) =>
      new Type1Source({ name, dirtyPages: container.dirtyPages, gate, mayBeOn }),
  );
  await using cpu = options.cpu
    ? await SoftDirtySource.open(at.pid, ramWindows(at.layout))
    : undefined;
  // The CPUs first: see Attribution.
  const sources: HarvestSource[] = [...(cpu ? [cpu] : []), ...devices];
  if (sources.length === 0) {
    throw new PrecopyError(
      'USAGE',
      'The guest has no VFIO device, and with --no-cpu nothing is left to look at.',
      'Leave --no-cpu out.',
    );
  }

  const pages = layoutOf(at.layout.sections);
  using arena = new BitmapArena();
  warmUp(arena);
  const attribution = new Attribution(sources, arena.create(pages));
  const builder = new CurveBuilder({
    pages: (pages.sections.at(-1)?.firstPage ?? 0) + (pages.sections.at(-1)?.pages ?? 0),
  });
  let watchedMs = 0;
  let summary: HarvestSummary;
  try {
    summary = await harvestSources({
      sources,
      bitmaps: sources.map(() => arena.create(pages)),
      intervalMs: options.intervalMs,
      overheadShare: options.overheadShare,
      durationMs,
      signal,
      state,
      onHarvest: (harvest) => {
        attribution.apply(harvest.sources);
        builder.add(harvest);
        const lastMs = harvest.endMs - harvest.startMs;
        watchedMs += lastMs;
        const lastPages = new Map(
          [...harvest.sources].map(([name, bitmap]) => [name, bitmap.count()]),
        );
        onProgress({ watchedMs, durationMs, lastPages, lastMs });
      },
    });
  } catch (error) {
    await guard.settled();
    throw gate.shutReason === undefined ? error : migrationBegan(gate.shutReason, stolen, error);
  }
  const kinds = new Map(sources.map(({ name, kind }) => [name, kind]));
  const moved = !sameSections(at.layout.sections, (await describeMemory(side.monitor)).sections);
  return {
    rehearsed: rehearsed(builder, kinds, at.firstRoundMs),
    sources: sources.flatMap(({ name, kind }) => sourceOf(builder, name, kind)),
    summary,
    caveats: [
      ...(cleanedUp
        ? [
            'An earlier rehearsal of this guest was killed; its dirty tracking was switched off first.',
          ]
        : []),
      ...(moved
        ? [
            "The layout of the guest's memory changed meanwhile (firmware or hotplug); some harvests missed pages. Run it again.",
          ]
        : []),
      ...sources.flatMap((source) => source.caveats()),
    ],
  };
}

interface NamedContainer {
  readonly name: string;
  readonly container: Type1Container;
}

async function borrowContainers(
  qemu: BorrowableProcess,
  kernel: LibcKernel,
  gate: HarvestGate,
  tracking: Watched['tracking'],
): Promise<NamedContainer[]> {
  if (tracking.kind === 'none') return [];
  const containers: NamedContainer[] = [];
  for (const origin of await qemu.list()) {
    if (!tracking.fds.includes(origin.fd)) continue;
    const { fd } = await qemu.borrow(origin);
    const container = new Type1Container(kernel, fd, gate);
    const name = `VFIO container (fd ${origin.fd})`;
    const { iovaPageSizes = 0n } = container.info();
    if ((iovaPageSizes & -iovaPageSizes) !== BigInt(pageBytes)) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `The smallest page of ${name} is not 4 KiB (iova_pgsizes 0x${iovaPageSizes.toString(16)}).`,
        'Rehearse knows hosts with pages of 4 KiB.',
      );
    }
    containers.push({ name, container });
  }
  return containers;
}

/**
 * From 0 to above anything that can be mapped: a range that ends inside a mapping (a device's BAR above
 * RAM, for one) is refused. Holes cost address space only; 8 TiB is the most that the kernel takes.
 */
function layoutOf(sections: readonly RamSection[]): BitmapLayout {
  const mask = BigInt(pageBytes - 1);
  const ranges = sections
    .map(({ gpa, bytes }) => ({ first: gpa, last: gpa + bytes - 1n }))
    .filter(({ first, last }) => (first & mask) === 0n && ((last + 1n) & mask) === 0n);
  const end = ranges.reduce((most, { last }) => (last > most ? last : most), 0n);
  let top = 1n << 40n;
  while (top <= end) top <<= 1n;
  return new BitmapLayout({
    range: { first: 0n, last: top - 1n },
    pageSizeBytes: pageBytes,
    sections: ranges,
  });
}

function migrationBegan(reason: string, stolen: readonly string[], cause: unknown): unknown {
  if (!(cause instanceof HarvestRefusedError)) return cause;
  return new PrecopyError(
    'NOT_SUPPORTED',
    `The rehearsal ended: ${reason}, and from then on the dirty bitmap is the migration's. ${stolen.join(' ')}`.trimEnd(),
    'Rehearse again when that migration has ended.',
    { cause },
  );
}

function sourceOf(builder: CurveBuilder, name: string, kind: 'cpu' | 'device'): RehearsedSource[] {
  const curve = builder.curve({ source: name });
  if (curve === undefined) return [];
  return [
    {
      name,
      kind,
      everything: false,
      points: curve.points,
      pagesPerSecond: curve.pagesIn(1000),
      workingSetPages: curve.pagesIn(curve.knownToMs),
      workingSetMs: curve.knownToMs,
    },
  ];
}

async function contentOf(
  pid: number,
  { blocks, unlocated }: MemoryLayout,
  signal: AbortSignal,
): Promise<RamStretch[]> {
  await using memory = await ProcessMemory.open(pid);
  await using bits = await SoftDirtyBits.open(pid);
  const stretches: RamStretch[] = [];
  for (const block of blocks.values()) {
    stretches.push(...(await sampleContent(block, memory, bits, signal)));
  }
  for (const { usedBytes } of unlocated) {
    stretches.push({ pages: Math.ceil(usedBytes / pageBytes), zero: false });
  }
  return stretches;
}

function sumOfPages(stretches: readonly RamStretch[]): number {
  return stretches.reduce((sum, { pages }) => sum + pages, 0);
}

function chooseBandwidth(
  { bandwidthBytesPerSecond }: RehearseOptions,
  maxBandwidth: number,
): { bytesPerSecond: number; from: Rehearsal['bandwidthFrom'] } {
  if (bandwidthBytesPerSecond !== undefined) {
    return { bytesPerSecond: bandwidthBytesPerSecond, from: 'option' };
  }
  // 0 is no limit, and so is QEMU's largest value.
  if (maxBandwidth > 0 && maxBandwidth < 2 ** 50) {
    return { bytesPerSecond: maxBandwidth, from: 'max-bandwidth' };
  }
  throw new PrecopyError(
    'USAGE',
    'QEMU has no max-bandwidth that could stand for the link.',
    'Say with --bandwidth what the link to the destination takes, e.g. --bandwidth 1G.',
  );
}

function modelDevices({ kernel }: ProbeReport, readBytesPerSecond: number): ModelDevice[] {
  if ('refused' in kernel) return [];
  return kernel.observation.devices.flatMap(({ fd, name, migration, stopCopyBytes }) =>
    migration === undefined || hasFailed(migration)
      ? []
      : [
          {
            name: name ?? `VFIO device (fd ${fd})`,
            stopCopyBytes: stopCopyBytes === undefined ? 'unknown' : Number(stopCopyBytes),
            stopMs: 0,
            readBytesPerSecond,
            loadMs: 0,
          },
        ],
  );
}

function generalCaveats(
  { blockers, qemu, devices }: ProbeReport,
  { cpu, bandwidthBytesPerSecond }: RehearseOptions,
  { unlocated }: MemoryLayout,
): string[] {
  const caveats = blockers.map(
    ({ reason, meaning }) => `QEMU refuses to migrate this guest now: "${reason}". ${meaning}`,
  );
  if (qemu.status !== 'running') {
    caveats.push(
      `The guest does not run (${qemu.status}): what it dirties when it does is not seen.`,
    );
  }
  if (bandwidthBytesPerSecond === undefined) {
    caveats.push(
      "The bandwidth is QEMU's max-bandwidth, not what the link takes; in the blackout QEMU ignores max-bandwidth. Give --bandwidth.",
    );
  }
  if (!cpu)
    caveats.push('What the CPUs and emulated devices dirty is not in this forecast (--no-cpu).');
  if (devices.length > 0) {
    caveats.push(
      "Devices: only the stop-copy size that the driver reports is known. What they send in PRE_COPY, and how long saving and loading their state takes beyond its transfer, can't be asked for and counts as nothing.",
    );
  }
  if (unlocated.length > 0) {
    caveats.push(
      `QEMU does not say where these RAM blocks are: ${unlocated.map(({ name }) => name).join(', ')}. They were not watched and count as not zero.`,
    );
  }
  caveats.push(
    "Times of set-up, synchronisation, state transitions and loading are a small guest's on an idle host; they were not measured here, and the ranges include neither their error nor the link's.",
  );
  return caveats;
}

function sameSections(before: readonly RamSection[], after: readonly RamSection[]): boolean {
  const text = (sections: readonly RamSection[]): string =>
    sections
      .map(({ gpa, bytes, region, blockOffset }) => `${gpa} ${bytes} ${region} ${blockOffset}`)
      .join();
  return text(before) === text(after);
}
