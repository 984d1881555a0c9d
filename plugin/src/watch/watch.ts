/**
 * Watches a guest for as long as one likes: harvests while it does not migrate, gives the containers up
 * when somebody migrates it, follows that, and goes on when it is over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HarvestRefusedError } from 'linux-vfio-ts';
import { describeMemory } from '../audit/guest-memory.js';
import { PrecopyError, messageOf } from '../errors.js';
import { allDirtyCurve } from '../forecast/dirty.js';
import type { DirtySource } from '../forecast/qemu-model.js';
import { deviceTracking } from '../harvest/device-tracking.js';
import { curveBuilderFor } from '../harvest/dirtied.js';
import { chooseBandwidth, forecastInput } from '../harvest/forecast-input.js';
import { harvestGuest } from '../harvest/guest-harvest.js';
import { systemClock } from '../harvest/harvester.js';
import { viewMigration } from '../harvest/migration-view.js';
import { contentOf, sumOfPages } from '../harvest/ram-content.js';
import { probe } from '../probe/observe.js';
import { migrationIsOver } from '../sequence/preflight.js';
import { sampleOf } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import { MovingForecast } from './moving-forecast.js';
import { watchVersion, type WatchRecord } from './records.js';
import { Sampler } from './sampler.js';

const pageBytes = 4096;
/** Harvests as short as this, so that few pages are written twice in one. */
const longestHarvestMs = 100;
/** What may be spent is for harvesting by this part; the rest is for curves and forecasts. */
const harvestingPart = 0.5;
const forecastingPart = 0.25;

export interface WatchOptions {
  readonly side: QemuSide;
  /** Between two samples. */
  readonly intervalMs: number;
  /** How much of one core all of it may take, 0 to 1. */
  readonly overheadShare: number;
  /** Bytes/s that the link takes; default: QEMU's max-bandwidth. */
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** Default: QEMU's. */
  readonly downtimeLimitMs?: number | undefined;
  /** Watch the CPUs too, which clears soft-dirty bits of the QEMU. */
  readonly cpu: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly show: (record: WatchRecord) => void;
}

/**
 * Returns when the guest has moved away.
 *
 * @throws the signal's reason, with everything undone; PrecopyError NOT_SUPPORTED, NO_ACCESS, MONITOR,
 *   USAGE; errors of linux-vfio-ts and of the monitor
 */
export async function watchGuest(options: WatchOptions): Promise<void> {
  const { side, signal } = options;
  for (;;) {
    signal.throwIfAborted();
    if (await isMigrating(side)) {
      await followMigration(options);
      if (await hasMovedAway(side)) {
        notice(options, 'The guest has moved to the destination: there is nothing left to watch.');
        return;
      }
      notice(options, 'The migration is over, and the guest is here: watching again.');
      continue;
    }
    try {
      await harvest(options);
    } catch (error) {
      signal.throwIfAborted();
      if (!endedByMigration(error) && !(await isMigrating(side))) throw error;
      notice(options, `${messageOf(error)} Nothing is harvested until it is over.`);
    }
  }
}

async function isMigrating(side: QemuSide): Promise<boolean> {
  const { status = 'none' } = await side.migration();
  return !migrationIsOver(status);
}

/** The guard shut the gate; that migration may be over already. */
function endedByMigration(error: unknown): boolean {
  return error instanceof PrecopyError && error.cause instanceof HarvestRefusedError;
}

/** Harvests until the signal ends it, or a migration does; throws in either case. */
async function harvest(options: WatchOptions): Promise<void> {
  const { side, signal, show, cpu, intervalMs, overheadShare } = options;
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
  const ram = await contentOf(pid, layout, signal);
  const view = await viewMigration(side, pageBytes * sumOfPages(ram));
  const bandwidth = chooseBandwidth(
    options.bandwidthBytesPerSecond,
    view.parameters.maxBandwidthBytesPerSecond,
  );
  const dataPages = sumOfPages(ram.filter(({ zero }) => !zero));
  const firstRoundMs = ((dataPages * pageBytes) / bandwidth.bytesPerSecond) * 1000;
  const known = {
    ...{ report, ram, view, bandwidth, firstRoundMs },
    downtimeLimitMs: options.downtimeLimitMs,
  };
  const always = alwaysDirty(tracking.kind, sumOfPages(ram), dataPages);
  if (always.length > 0) {
    notice(
      options,
      "The container's dirty page scope is `all`: it says every page at each read. Only the CPUs are watched; the forecast takes all RAM as dirty.",
    );
  }
  const builder = curveBuilderFor(layout);
  const kinds = new Map<string, DirtySource['kind']>();
  const cpuMs = (): number => systemClock.cpuMs();
  const sampler = new Sampler(kinds, intervalMs, pageBytes);
  const moving = new MovingForecast({
    ...{ builder, kinds, firstRoundMs, cpuMs },
    inputOf: (sources) => forecastInput(known, [...sources, ...always]),
    overheadShare: overheadShare * forecastingPart,
  });
  let cpuBeforeMs = cpuMs();
  await harvestGuest({
    ...{ side, pid, layout, cpu, signal },
    tracking: tracking.kind === 'everything' ? { kind: 'none' } : tracking,
    mayBeOn: report.qemu.migration === 'completed',
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
      if (rates === undefined) return;
      const forecast = moving.at(endMs);
      const cpuNowMs = cpuMs();
      show({
        ...{ type: 'sample', version: watchVersion, atMs: Date.now() },
        ...rates,
        forecast,
        overheadShare: (cpuNowMs - cpuBeforeMs) / rates.windowMs,
      });
      cpuBeforeMs = cpuNowMs;
    },
  });
}

/** What is dirty without being watched: all RAM, where the dirty page scope is `all`. */
function alwaysDirty(
  kind: ReturnType<typeof deviceTracking>['kind'],
  pages: number,
  dataPages: number,
): DirtySource[] {
  if (kind !== 'everything') return [];
  const zeroShare = 1 - dataPages / pages;
  return [{ name: 'VFIO container', kind: 'device', curve: allDirtyCurve(pages), zeroShare }];
}

/** Asks QEMU now and then until its migration is over. */
async function followMigration({ side, intervalMs, signal, show }: WatchOptions): Promise<void> {
  for (;;) {
    const info = await side.migration();
    const { status = 'none' } = info;
    const sample = sampleOf(info);
    show({
      ...{ type: 'migration', version: watchVersion, atMs: Date.now() },
      status,
      passes: sample?.dirtySyncCount ?? null,
      remainingBytes: sample?.remainingBytes ?? null,
      bandwidthBytesPerSecond: sample?.bandwidthBytesPerSecond ?? null,
      dirtyBytesPerSecond: sample?.dirtyBytesPerSecond ?? null,
      expectedDowntimeMs: sample?.expectedDowntimeMs ?? null,
    });
    if (migrationIsOver(status)) return;
    await sleep(intervalMs, undefined, { signal });
  }
}

/** Run states in which QEMU has given its guest away. */
async function hasMovedAway(side: QemuSide): Promise<boolean> {
  const { status } = await side.status();
  return status === 'postmigrate' || status === 'finish-migrate';
}

function notice({ show }: WatchOptions, text: string): void {
  show({ type: 'notice', version: watchVersion, atMs: Date.now(), text });
}
