/** Precopy without a destination: harvest, curve, forecast. Leaves the guest as it was. */
import { basename } from 'node:path';
import { describeMemory, type MemoryLayout } from '../audit/guest-memory.js';
import {
  forecast,
  remediesFor,
  tableAround,
  type Forecast,
  type ForecastInput,
} from '../forecast/forecast.js';
import { sumOfCurves } from '../forecast/dirty.js';
import { worstOf, type PassLengths } from '../forecast/rehearsed.js';
import type { HistoryEntry } from '../history/entries.js';
import { experienceOf } from '../history/experience.js';
import { aboutOf } from '../history/recorder.js';
import { hasSharedRam } from '../history/shared-ram.js';
import type { LinkMeasurement } from '../link/measure.js';
import { probe } from '../probe/observe.js';
import type { ProbeReport } from '../probe/report.js';
import { expectGuest } from '../probe/run-state.js';
import type { QemuSide } from '../sequence/side.js';
import { generalCaveats } from './caveats.js';
import { deviceTracking, type DeviceTracking } from './device-tracking.js';
import {
  everythingDirty,
  watchDirtied,
  withCpuRates,
  type Dirtied,
  type HarvestProgress,
} from './dirtied.js';
import { chooseBandwidth, dataMs, forecastInput, roundMs, type Known } from './forecast-input.js';
import { nothingToWatch } from './guest-harvest.js';
import { viewMigration } from './migration-view.js';
import { contentOf, sumOfPages } from './ram-content.js';
import { softDirtyObstacle } from './soft-dirty-source.js';
import type { StolenBitsAction } from './stolen-bits.js';
import { measureBusyShare } from './vcpu-time.js';
import { zeroPageRate } from './zero-page-rate.js';
import { rehearsalVersion, type Rehearsal } from './rehearsal.js';

const pageBytes = 4096;

export interface RehearseOptions {
  readonly side: QemuSide;
  readonly durationMs: number;
  readonly intervalMs: number;
  /** How much harvesting may take of one core, and of the guest's running time; 0 to 1. */
  readonly overheadShare: number;
  /** max-bandwidth of the migration, bytes/s; 0: it will have none; default: QEMU's. */
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** Default: QEMU's. */
  readonly downtimeLimitMs?: number | undefined;
  /** Look at the CPUs too, which clears soft-dirty bits of the QEMU. */
  readonly cpu: boolean;
  /** Past forecasts and migrations. */
  readonly history?: readonly HistoryEntry[] | undefined;
  /** Just measured. */
  readonly link?: LinkMeasurement | undefined;
  /** Of a migration that somebody else starts meanwhile; default `cancel`. */
  readonly onStolenBits?: StolenBitsAction | undefined;
  /** Fixes that the kernel is known to have, by commit. */
  readonly kernelHas?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: HarvestProgress) => void;
  /** Told what takes the next seconds, in a few words. */
  readonly onStage: (stage: string) => void;
}

/**
 * @throws PrecopyError NOT_SUPPORTED (no guest to migrate, nothing that can be harvested, or a migration
 *   began), NO_ACCESS, MONITOR, USAGE; errors of linux-vfio-ts
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const { side, signal, downtimeLimitMs } = options;
  const pid = side.peer?.pid;
  const report = await probe(side);
  expectGuest(report.qemu.status);
  const tracking = deviceTracking(report);
  const layout = await describeMemory(side.monitor);
  const { ram, caveats: contentCaveats } = await contentOf(pid, layout, signal);
  const ramBytes = pageBytes * sumOfPages(ram);
  const zeroBytes = pageBytes * sumOfPages(ram.filter(({ zero }) => zero));
  const view = await viewMigration(side, ramBytes);
  const vfio = report.devices.length > 0;
  const sharedRam = await hasSharedRam(side);
  const likeness = { ...aboutOf(side), ramBytes, vfio, sharedRam };
  const experience = experienceOf(options.history ?? [], likeness, options.link);
  const bandwidth = chooseBandwidth(
    options.bandwidthBytesPerSecond,
    view.parameters.maxBandwidthBytesPerSecond,
    experience,
  );
  const zeroPages = zeroPageRate(experience, sharedRam);
  const firstRoundMs = roundMs(ram, bandwidth.bytesPerSecond, zeroPages);

  const busyShare = pid === undefined ? undefined : measureBusyShare(pid, view.vcpuThreads);
  const dirtied =
    tracking.kind === 'everything'
      ? everythingDirty(ram, tracking)
      : await watch(options, {
          ...{ report, tracking, layout, ramPages: sumOfPages(ram) },
          passes: { firstRoundMs, pagesPerSecond: bandwidth.bytesPerSecond / pageBytes },
        });
  const known = {
    ...{ report, ram, view, bandwidth, experience, zeroPages, downtimeLimitMs, firstRoundMs },
    busyShare: tracking.kind === 'everything' ? undefined : busyShare?.(),
  };
  const forecasts = phaseForecasts(dirtied, known, options.onStage);
  const { last, worst, worstPhase } = forecasts;
  options.onStage('looking for what would help');
  return {
    version: rehearsalVersion,
    address: side.address,
    guestStatus: report.qemu.status,
    pageBytes,
    ramBytes,
    zeroBytes,
    watched: dirtied.summary && {
      ms: dirtied.summary.watchedMs,
      harvests: dirtied.summary.rounds,
      intervalMs: dirtied.summary.intervalMs,
      overheadShare: dirtied.summary.overheadShare,
      guestCost: dirtied.summary.guestCost ?? null,
    },
    sources: dirtied.sources,
    together: dirtied.together,
    heat: dirtied.heat,
    hotRanges: dirtied.hotRanges,
    phases: forecasts.phases,
    curve: sampled(
      last.input.guest.sources,
      Math.max(firstRoundMs, ...dirtied.sources.map(({ workingSetMs }) => workingSetMs)),
    ),
    worstPhase,
    bandwidthBytesPerSecond: bandwidth.bytesPerSecond,
    bandwidthFrom: bandwidth.from,
    blackoutBytesPerSecond: bandwidth.blackoutBytesPerSecond,
    blackoutFrom: bandwidth.blackoutFrom,
    zeroPagesPerSecond: zeroPages.pagesPerSecond,
    zeroPagesFrom: zeroPages.from,
    calibration: experience.calibration
      ? {
          migrations: experience.calibration.migrations,
          destination: experience.calibration.destination,
        }
      : null,
    accuracy: experience.accuracy ?? null,
    parameters: worst.input.parameters,
    devices: worst.input.guest.devices,
    forecast: last.outcome,
    remedies: remediesFor(worst.input, worst.outcome),
    table: tableAround(worst.input),
    downtimeFloorMs:
      tracking.kind === 'everything' ? dataMs(ram, bandwidth.blackoutBytesPerSecond) : null,
    caveats: [
      ...generalCaveats(report, { cpu: options.cpu, bandwidth, experience, zeroPages }, layout),
      ...contentCaveats,
      ...dirtied.caveats,
    ],
  };
}

interface Watched {
  readonly report: ProbeReport;
  readonly tracking: Exclude<DeviceTracking, { kind: 'everything' }>;
  readonly layout: MemoryLayout;
  readonly passes: PassLengths;
  readonly ramPages: number;
}

/** Harvests what can be harvested, and then has QEMU measure the CPUs where their soft-dirty bits can't. */
async function watch(options: RehearseOptions, at: Watched): Promise<Dirtied> {
  const { side, cpu, signal, onProgress } = options;
  const { report, tracking, layout, passes, ramPages } = at;
  if (!cpu && tracking.kind === 'none') throw nothingToWatch();
  const pid = side.peer?.pid;
  const obstacle = cpu ? await softDirtyObstacle(pid, layout, signal) : undefined;
  const softDirty = cpu && obstacle === undefined;
  const mayBeOn = report.qemu.migration === 'completed';
  const harvested =
    pid === undefined || (tracking.kind === 'none' && !softDirty)
      ? null
      : await watchDirtied(
          { ...options, pid, layout, tracking, mayBeOn, cpu: softDirty },
          passes,
          onlyDevice(report),
          onProgress,
        );
  if (harvested !== null && obstacle === undefined) return harvested;
  const hasVfioDevices = report.devices.length > 0;
  const found = await withCpuRates(
    harvested,
    { ...options, pid, ramPages, hasVfioDevices },
    passes,
    onProgress,
  );
  return { ...found, caveats: [...(obstacle ? [obstacle.message] : []), ...found.caveats] };
}

interface PhaseForecast {
  readonly input: ForecastInput;
  readonly outcome: Forecast;
}

/** The forecast for each phase of the workload, of which a migration may meet any. */
function phaseForecasts(
  { phases }: Dirtied,
  known: Known,
  onStage: RehearseOptions['onStage'],
): Pick<Rehearsal, 'phases' | 'worstPhase'> & { last: PhaseForecast; worst: PhaseForecast } {
  const all = phases.map(({ phase, sources, warnings }, i) => {
    onStage(phases.length === 1 ? 'forecasting' : `forecasting phase ${i + 1} of ${phases.length}`);
    const input = forecastInput(known, sources);
    return { phase, input, outcome: forecast(input, warnings) };
  });
  const worstPhase = worstOf(all.map(({ outcome }) => outcome));
  const [last, worst] = [all.at(-1), all[worstPhase]];
  if (last === undefined || worst === undefined) throw new RangeError('There is no phase.');
  return {
    phases: all.flatMap(({ phase, outcome }) =>
      phase === null ? [] : [{ ...phase, forecast: outcome }],
    ),
    worstPhase,
    last,
    worst,
  };
}

/** Windows that double from 10 ms on, up to the first that is no shorter than `longestMs`. */
function sampled(
  sources: ForecastInput['guest']['sources'],
  longestMs: number,
): Rehearsal['curve'] {
  const together = sumOfCurves(...sources.map(({ curve }) => curve));
  const points: { windowMs: number; pages: number }[] = [];
  for (let windowMs = 10; (points.at(-1)?.windowMs ?? 0) < longestMs; windowMs *= 2) {
    points.push({ windowMs, pages: together.pagesIn(windowMs) });
  }
  return points;
}

/** The device to which all that devices dirty can be attributed; null where there are several, or none. */
function onlyDevice({ devices }: ProbeReport): string | null {
  const [device, ...others] = devices;
  if (device === undefined || others.length > 0) return null;
  const { host, sysfsdev } = device.properties;
  if (typeof host === 'string') return host;
  return typeof sysfsdev === 'string' ? basename(sysfsdev) : device.path;
}
