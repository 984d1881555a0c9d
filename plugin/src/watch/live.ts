/** One stretch of watching: from a look at the guest until a migration or the user ends it. */
import { describeMemory, type MemoryLayout } from '../audit/guest-memory.js';
import { PrecopyError } from '../errors.js';
import { allDirtyCurve } from '../forecast/dirty.js';
import type { ForecastInput } from '../forecast/forecast.js';
import type { DirtySource } from '../forecast/qemu-model.js';
import { deviceTracking, type DeviceTracking } from '../harvest/device-tracking.js';
import { curveBuilderFor } from '../harvest/dirtied.js';
import { chooseBandwidth, forecastInput } from '../harvest/forecast-input.js';
import { harvestGuest } from '../harvest/guest-harvest.js';
import { systemClock } from '../harvest/harvester.js';
import { viewMigration } from '../harvest/migration-view.js';
import { contentOf, sumOfPages } from '../harvest/ram-content.js';
import { probe } from '../probe/observe.js';
import { MovingForecast, recentHarvests } from './moving-forecast.js';
import { notice, type WatchOptions } from './options.js';
import { watchVersion } from './records.js';
import { Sampler, type Rates } from './sampler.js';

const pageBytes = 4096;
/** Harvests as short as this, so that few pages are written twice in one. */
const longestHarvestMs = 100;
/** What may be spent is for harvesting by this part; the rest is for curves and forecasts. */
const harvestingPart = 0.5;
const forecastingPart = 0.25;

/** What must be known of a guest before it is watched. */
interface Guest {
  readonly pid: number;
  readonly layout: MemoryLayout;
  readonly tracking: DeviceTracking;
  readonly mayBeOn: boolean;
  /** The input of a forecast with these sources, and what is dirty without being watched. */
  readonly inputOf: (sources: readonly DirtySource[]) => ForecastInput;
}

/**
 * Harvests until the signal ends it, or a migration does.
 *
 * @throws in either case, with tracking off (or left to QEMU)
 */
export async function harvestLive(options: WatchOptions): Promise<void> {
  const { signal, side, cpu, intervalMs, overheadShare } = options;
  const { pid, layout, tracking, mayBeOn, inputOf } = await lookAt(options);
  const builder = curveBuilderFor(layout);
  const kinds = new Map<string, DirtySource['kind']>();
  const sampler = new Sampler(kinds, intervalMs, pageBytes);
  const showSample = sampleShower(options, recentHarvests(builder, kinds), inputOf);
  await harvestGuest({
    ...{ side, pid, layout, cpu, signal, mayBeOn },
    tracking: tracking.kind === 'everything' ? { kind: 'none' } : tracking,
    durationMs: Infinity,
    intervalMs: Math.min(intervalMs, longestHarvestMs),
    overheadShare: overheadShare * harvestingPart,
    onSources: (sources) => {
      for (const { name, kind } of sources) kinds.set(name, kind);
    },
    onHarvest: ({ startMs, endMs, sources }) => {
      const pages = new Map([...sources].map(([name, bitmap]) => [name, bitmap.count()]));
      const together = builder.add({ startMs, endMs, sources });
      const rates = sampler.add({ startMs, endMs, pages, together });
      if (rates !== undefined) showSample(rates, endMs);
    },
  });
}

/** Shows samples with their forecast and what they cost. */
function sampleShower(
  { show, overheadShare }: WatchOptions,
  recent: ConstructorParameters<typeof MovingForecast>[0]['recent'],
  inputOf: Guest['inputOf'],
): (rates: Rates, nowMs: number) => void {
  const cpuMs = (): number => systemClock.cpuMs();
  const moving = new MovingForecast({
    ...{ recent, inputOf, cpuMs },
    overheadShare: overheadShare * forecastingPart,
  });
  let cpuBeforeMs = cpuMs();
  return (rates, nowMs) => {
    const forecast = moving.at(nowMs);
    const cpuNowMs = cpuMs();
    show({
      ...{ type: 'sample', version: watchVersion, atMs: Date.now() },
      ...rates,
      forecast,
      overheadShare: (cpuNowMs - cpuBeforeMs) / rates.windowMs,
    });
    cpuBeforeMs = cpuNowMs;
  };
}

async function lookAt(options: WatchOptions): Promise<Guest> {
  const { side, signal, show } = options;
  const pid = side.peer?.pid;
  if (pid === undefined) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `${side.address} does not tell which process its QEMU is, and what it dirties can only be harvested on its own host.`,
      'Name a monitor that is a unix socket of this host.',
    );
  }
  const report = await probe(side);
  const tracking = deviceTracking(report);
  const layout = await describeMemory(side.monitor);
  const { ram } = await contentOf(pid, layout, signal);
  const pages = sumOfPages(ram);
  const dataPages = sumOfPages(ram.filter(({ zero }) => !zero));
  const view = await viewMigration(side, pageBytes * pages);
  const bandwidth = chooseBandwidth(
    options.bandwidthBytesPerSecond,
    view.parameters.maxBandwidthBytesPerSecond,
  );
  const known = {
    ...{ report, ram, view, bandwidth, downtimeLimitMs: options.downtimeLimitMs },
    firstRoundMs: ((dataPages * pageBytes) / bandwidth.bytesPerSecond) * 1000,
  };
  if (report.qemu.status !== 'running') {
    show(notice(`The guest does not run (${report.qemu.status}).`));
  }
  const always: DirtySource[] = [];
  if (tracking.kind === 'everything') {
    const zeroShare = 1 - dataPages / pages;
    always.push({
      ...{ name: 'VFIO container', kind: 'device', zeroShare },
      curve: allDirtyCurve(pages),
    });
    show(
      notice(
        "The container's dirty page scope is `all`: it says every page at each read. Only the CPUs are watched; the forecast takes all RAM as dirty.",
      ),
    );
  }
  return {
    ...{ pid, layout, tracking },
    mayBeOn: report.qemu.migration === 'completed',
    inputOf: (sources) => forecastInput(known, [...sources, ...always]),
  };
}
