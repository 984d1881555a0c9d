/** Precopy without a destination: harvest, curve, forecast. Leaves the guest as it was. */
import { describeMemory } from '../audit/guest-memory.js';
import { PrecopyError } from '../errors.js';
import { forecast, remediesFor } from '../forecast/forecast.js';
import { probe } from '../probe/observe.js';
import type { QemuSide } from '../sequence/side.js';
import { generalCaveats } from './caveats.js';
import { deviceTracking } from './device-tracking.js';
import { everythingDirty, watchDirtied, type HarvestProgress } from './dirtied.js';
import { chooseBandwidth, forecastInput } from './forecast-input.js';
import { viewMigration } from './migration-view.js';
import { contentOf, sumOfPages } from './ram-content.js';
import { rehearsalVersion, type Rehearsal } from './rehearsal.js';

const pageBytes = 4096;

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
  readonly onProgress: (progress: HarvestProgress) => void;
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
  const bandwidth = chooseBandwidth(
    options.bandwidthBytesPerSecond,
    view.parameters.maxBandwidthBytesPerSecond,
  );
  const firstRoundMs = ((ramBytes - zeroBytes) / bandwidth.bytesPerSecond) * 1000;

  const mayBeOn = report.qemu.migration === 'completed';
  const dirtied =
    tracking.kind === 'everything'
      ? everythingDirty(ram, tracking)
      : await watchDirtied(
          { ...options, pid, layout, tracking, mayBeOn },
          firstRoundMs,
          options.onProgress,
        );
  const known = { report, ram, view, bandwidth, downtimeLimitMs, firstRoundMs };
  const input = forecastInput(known, dirtied.rehearsed.sources);
  const outcome = forecast(input, dirtied.rehearsed.warnings);
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
    bandwidthBytesPerSecond: bandwidth.bytesPerSecond,
    bandwidthFrom: bandwidth.from,
    parameters: input.parameters,
    devices: input.guest.devices,
    forecast: outcome,
    remedies: remediesFor(input, outcome),
    downtimeFloorMs: tracking.kind === 'everything' ? firstRoundMs : null,
    caveats: [...generalCaveats(report, options, layout), ...dirtied.caveats],
  };
}
