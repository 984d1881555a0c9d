/** Precopy without a destination: harvest, curve, forecast. Leaves the guest as it was. */
import { basename } from 'node:path';
import { describeMemory } from '../audit/guest-memory.js';
import { PrecopyError } from '../errors.js';
import {
  forecast,
  remediesFor,
  tableAround,
  type Forecast,
  type ForecastInput,
} from '../forecast/forecast.js';
import { worstOf } from '../forecast/rehearsed.js';
import type { HistoryEntry } from '../history/entries.js';
import { experienceOf } from '../history/experience.js';
import { aboutOf } from '../history/recorder.js';
import type { LinkMeasurement } from '../link/measure.js';
import { probe } from '../probe/observe.js';
import type { ProbeReport } from '../probe/report.js';
import type { QemuSide } from '../sequence/side.js';
import { generalCaveats } from './caveats.js';
import { deviceTracking } from './device-tracking.js';
import { everythingDirty, watchDirtied, type Dirtied, type HarvestProgress } from './dirtied.js';
import { chooseBandwidth, forecastInput, type Known } from './forecast-input.js';
import { viewMigration } from './migration-view.js';
import { contentOf, sumOfPages } from './ram-content.js';
import { measureBusyShare } from './vcpu-time.js';
import { rehearsalVersion, type Rehearsal } from './rehearsal.js';

const pageBytes = 4096;

export interface RehearseOptions {
  readonly side: QemuSide;
  readonly durationMs: number;
  readonly intervalMs: number;
  /** How much of one core harvesting may take, 0 to 1. */
  readonly overheadShare: number;
  /** max-bandwidth of the migration, bytes/s; default: QEMU's. */
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** Default: QEMU's. */
  readonly downtimeLimitMs?: number | undefined;
  /** Look at the CPUs too, which clears soft-dirty bits of the QEMU. */
  readonly cpu: boolean;
  /** Past forecasts and migrations. */
  readonly history?: readonly HistoryEntry[] | undefined;
  /** Just measured. */
  readonly link?: LinkMeasurement | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: HarvestProgress) => void;
  /** Told what takes the next seconds, in a few words. */
  readonly onStage: (stage: string) => void;
}

/**
 * @throws PrecopyError NOT_SUPPORTED (nothing that can be harvested, or a migration began), NO_ACCESS,
 *   MONITOR, USAGE; errors of linux-vfio-ts
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const { side, signal, downtimeLimitMs } = options;
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
  const vfio = report.devices.length > 0;
  const likeness = { ...aboutOf(side), ramBytes, vfio };
  const experience = experienceOf(options.history ?? [], likeness, options.link);
  const bandwidth = chooseBandwidth(
    options.bandwidthBytesPerSecond,
    view.parameters.maxBandwidthBytesPerSecond,
    experience,
  );
  const firstRoundMs = ((ramBytes - zeroBytes) / bandwidth.bytesPerSecond) * 1000;

  const mayBeOn = report.qemu.migration === 'completed';
  const busyShare = measureBusyShare(pid, view.vcpuThreads);
  const dirtied =
    tracking.kind === 'everything'
      ? everythingDirty(ram, tracking)
      : await watchDirtied(
          { ...options, pid, layout, tracking, mayBeOn },
          firstRoundMs,
          onlyDevice(report),
          options.onProgress,
        );
  const known = {
    ...{ report, ram, view, bandwidth, experience, downtimeLimitMs, firstRoundMs },
    busyShare: dirtied.summary === null ? undefined : busyShare(),
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
    },
    sources: dirtied.sources,
    together: dirtied.together,
    heat: dirtied.heat,
    hotRanges: dirtied.hotRanges,
    phases: forecasts.phases,
    worstPhase,
    bandwidthBytesPerSecond: bandwidth.bytesPerSecond,
    bandwidthFrom: bandwidth.from,
    blackoutBytesPerSecond: bandwidth.blackoutBytesPerSecond,
    blackoutFrom: bandwidth.blackoutFrom,
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
    downtimeFloorMs: tracking.kind === 'everything' ? firstRoundMs : null,
    caveats: [
      ...generalCaveats(report, { cpu: options.cpu, bandwidth, experience }, layout),
      ...dirtied.caveats,
    ],
  };
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

/** The device to which all that devices dirty can be attributed; null where there are several, or none. */
function onlyDevice({ devices }: ProbeReport): string | null {
  const [device, ...others] = devices;
  if (device === undefined || others.length > 0) return null;
  const { host, sysfsdev } = device.properties;
  if (typeof host === 'string') return host;
  return typeof sysfsdev === 'string' ? basename(sysfsdev) : device.path;
}
