/** One stretch of watching: from a look at the guest until a migration or the user ends it. */
import { cooperate } from 'linux-vfio-ts';
import { describeMemory, type MemoryLayout } from '../audit/guest-memory.js';
import { allDirtyCurve } from '../forecast/dirty.js';
import type { ForecastInput } from '../forecast/forecast.js';
import { planWindows, type RateReading } from '../forecast/rate-curve.js';
import type { DirtySource } from '../forecast/qemu-model.js';
import { deviceTracking, type DeviceTracking } from '../harvest/device-tracking.js';
import { curveBuilderFor, pagesOf } from '../harvest/dirtied.js';
import { claimRates, DirtyRateMeter, shortestWindowMs } from '../harvest/cpu-rates.js';
import { dirtyRateAbility } from '../harvest/dirty-rate.js';
import { chooseBandwidth, forecastInput, roundMs } from '../harvest/forecast-input.js';
import { harvestGuest, nothingToWatch } from '../harvest/guest-harvest.js';
import { processClock } from '../harvest/harvester.js';
import { viewMigration } from '../harvest/migration-view.js';
import { contentOf, sumOfPages } from '../harvest/ram-content.js';
import { cpuName, softDirtyObstacle } from '../harvest/soft-dirty-source.js';
import { zeroPageRate } from '../harvest/zero-page-rate.js';
import { experienceOf } from '../history/experience.js';
import { aboutOf } from '../history/recorder.js';
import { hasSharedRam } from '../history/shared-ram.js';
import { probe } from '../probe/observe.js';
import { forgetOld, MovingForecast, recentHarvests, recentReadings } from './moving-forecast.js';
import { notice, type WatchOptions } from './options.js';
import { watchVersion } from './records.js';
import { Sampler, type Rates } from './sampler.js';

const pageBytes = 4096;
const pagesPerMib = 256;
/** Harvests as short as this, so that few pages are written twice in one. */
const longestHarvestMs = 100;
/** What may be spent is for harvesting by this part; the rest is for curves and forecasts. */
const harvestingPart = 0.5;
const forecastingPart = 0.25;

/** What must be known of a guest before it is watched. */
interface Guest {
  /** Undefined where the monitor does not tell. */
  readonly pid: number | undefined;
  readonly layout: MemoryLayout;
  readonly ramPages: number;
  readonly tracking: DeviceTracking;
  readonly mayBeOn: boolean;
  /** The input of a forecast with these sources, and what is dirty without being watched. */
  readonly inputOf: (sources: readonly DirtySource[]) => ForecastInput;
}

/**
 * Watches until the signal ends it, or a migration does.
 *
 * @throws in either case, with tracking off (or left to QEMU)
 */
export async function watchLive(options: WatchOptions): Promise<void> {
  const { signal, cpu, show } = options;
  const guest = await lookAt(options);
  const { pid, layout, tracking } = guest;
  const obstacle = cpu ? await softDirtyObstacle(pid, layout, signal) : undefined;
  // With VFIO devices, page-sampling would see their writes as well.
  if (obstacle !== undefined && tracking.kind === 'none') {
    show(notice(`${obstacle.message} QEMU measures what the CPUs dirty (calc-dirty-rate).`));
    await watchRates(options, guest);
  } else if (obstacle !== undefined || pid === undefined) {
    throw obstacle ?? nothingToWatch();
  } else {
    await harvestLive(options, { ...guest, pid });
  }
}

async function harvestLive(
  options: WatchOptions,
  { pid, layout, tracking, mayBeOn, inputOf }: Guest & { readonly pid: number },
): Promise<void> {
  const { signal, side, cpu, intervalMs, overheadShare } = options;
  const { onStolenBits, kernelHas } = options;
  const builder = curveBuilderFor(layout);
  const kinds = new Map<string, DirtySource['kind']>();
  const sampler = new Sampler(kinds, intervalMs, pageBytes);
  const showSample = sampleShower(options, recentHarvests(builder, kinds), inputOf);
  await harvestGuest({
    ...{ side, pid, layout, cpu, signal, mayBeOn, onStolenBits, kernelHas },
    tracking: tracking.kind === 'everything' ? { kind: 'none' } : tracking,
    durationMs: Infinity,
    intervalMs: Math.min(intervalMs, longestHarvestMs),
    overheadShare: overheadShare * harvestingPart,
    onSources: (sources) => {
      for (const { name, kind } of sources) kinds.set(name, kind);
    },
    onHarvest: async (harvest) => {
      const pages = await pagesOf(harvest);
      const together = await cooperate(builder.adding(harvest), { signal });
      const rates = sampler.add({ ...harvest, pages, together });
      if (rates !== undefined) showSample(rates, harvest.endMs);
    },
  });
}

/** Through QEMU's calc-dirty-rate: windows of different lengths, one after the other. */
async function watchRates(
  options: WatchOptions,
  { pid, ramPages, inputOf }: Pick<Guest, 'pid' | 'ramPages' | 'inputOf'>,
): Promise<void> {
  const { side, signal, intervalMs } = options;
  const readings: RateReading[] = [];
  const sampler = new Sampler(new Map([[cpuName, 'cpu']]), intervalMs, pageBytes);
  const showSample = sampleShower(options, recentReadings(readings, ramPages), inputOf);
  await using claim = await claimRates(side, pid);
  const ability = await dirtyRateAbility(side, false);
  const meter = await DirtyRateMeter.open(side, ability, ramPages, claim.guard, signal);
  for (;;) {
    for (const windowMs of windowsOf(shortestWindowMs(ability), intervalMs)) {
      const reading = await meter.measure(windowMs, signal);
      const { startMs, mibPerSecond } = reading;
      forgetOld(readings, startMs);
      readings.push(reading);
      const endMs = startMs + reading.windowMs;
      const pages = (mibPerSecond * pagesPerMib * reading.windowMs) / 1000;
      const rates = sampler.add({
        startMs,
        endMs,
        pages: new Map([[cpuName, pages]]),
        together: pages,
      });
      if (rates !== undefined) showSample(rates, endMs);
    }
  }
}

/** Lengths of windows, mixed: doublings up to a sample's length, and three of them at least. */
function windowsOf(shortestMs: number, intervalMs: number): number[] {
  const longestMs = Math.max(intervalMs, 4 * shortestMs);
  return planWindows(longestMs / 0.4, shortestMs);
}

/** Shows samples with their forecast and what they cost. */
function sampleShower(
  { show, overheadShare }: WatchOptions,
  recent: ConstructorParameters<typeof MovingForecast>[0]['recent'],
  inputOf: Guest['inputOf'],
): (rates: Rates, nowMs: number) => void {
  const cpuMs = (): number => processClock.cpuMs();
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
  const report = await probe(side);
  const tracking = deviceTracking(report);
  const layout = await describeMemory(side.monitor);
  const { ram, caveats } = await contentOf(pid, layout, signal);
  for (const text of caveats) show(notice(text));
  const pages = sumOfPages(ram);
  const dataPages = sumOfPages(ram.filter(({ zero }) => !zero));
  const ramBytes = pageBytes * pages;
  const view = await viewMigration(side, ramBytes);
  const sharedRam = await hasSharedRam(side);
  const likeness = {
    ...{ ...aboutOf(side), ramBytes, sharedRam },
    vfio: report.devices.length > 0,
  };
  const experience = experienceOf(options.history ?? [], likeness, undefined);
  const bandwidth = chooseBandwidth(
    options.bandwidthBytesPerSecond,
    view.parameters.maxBandwidthBytesPerSecond,
    experience,
  );
  const zeroPages = zeroPageRate(experience, sharedRam);
  const known = {
    ...{ report, ram, view, bandwidth, experience, zeroPages },
    downtimeLimitMs: options.downtimeLimitMs,
    firstRoundMs: roundMs(ram, bandwidth.bytesPerSecond, zeroPages),
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
    ...{ pid, layout, tracking, ramPages: pages },
    mayBeOn: report.qemu.migration === 'completed',
    inputOf: (sources) => forecastInput(known, [...sources, ...always]),
  };
}
