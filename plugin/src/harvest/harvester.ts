/**
 * Harvests all sources of a guest, round after round, for a given time. The interval is chosen by what a
 * round costs. Windows of a dirty curve are counted in harvests; so if it turns out to cost more than it may,
 * the interval grows and watching begins anew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { cooperate, type DirtyBitmap } from 'linux-vfio-ts';
import { PrecopyError, messageOf } from '../errors.js';
import { formatMs } from '../report/format.js';
import type { Harvest } from '../forecast/curve.js';
import { guestCost, intervalFor, longerInterval, type GuestCost, type VcpuTime } from './pace.js';
import type { HarvestSource } from './source.js';

/** Rounds from whose cost the interval is chosen; they are not reported. */
const trialRounds = 5;
/** Fewer rounds than this are no curve. */
export const leastRounds = 10;
/** How long the vCPUs are looked at without harvesting. */
const baselineMs = 1000;
/** A cost that still grows after so many new beginnings is not ours to bound. */
const mostRestarts = 5;

/** Time, so that tests need not wait. */
export interface HarvestClock {
  /** Monotonic. */
  nowMs(): number;
  /** CPU time of this process, user and system. */
  cpuMs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const processClock: HarvestClock = {
  nowMs: () => performance.now(),
  cpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal });
  },
};

/** One harvest of all sources. */
export interface HarvestRound extends Harvest {
  readonly sources: ReadonlyMap<string, DirtyBitmap>;
  readonly watchedMs: ReadonlyMap<string, number>;
}

export interface HarvesterOptions {
  readonly sources: readonly HarvestSource[];
  /** One for each source, of one layout, clear. */
  readonly bitmaps: readonly DirtyBitmap[];
  /** Time between two rounds; more if they cost too much. */
  readonly intervalMs: number;
  /** How much of one core may be spent, and of the guest's running time; 0 to 1. */
  readonly overheadShare: number;
  /** CPU time of the guest's vCPUs so far; without it only our own time is bounded. */
  readonly vcpuTime?: (() => VcpuTime | undefined) | undefined;
  /** How long to watch once the interval is known. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
  /** Told before the first source is started, and after the last one was stopped without an error, and left nothing on. */
  readonly onTracking?: (on: boolean) => void;
  /** Told of each round; the bitmaps in it are good until it returns, or what it returns settles. */
  readonly onHarvest: (harvest: HarvestRound) => Promise<void> | undefined;
  /**
   * Told that the interval had to grow: what was harvested so far does not belong to what comes. Without it
   * the interval is kept as it was chosen.
   */
  readonly onRestart?: (() => void) | undefined;
  readonly clock?: HarvestClock;
}

/** How the harvesting went. */
export interface HarvestSummary {
  readonly rounds: number;
  readonly watchedMs: number;
  /** What the interval was. */
  readonly intervalMs: number;
  /** CPU time spent while watching, as a part of one core; what is done with the harvests included. */
  readonly overheadShare: number;
  /** Undefined where the vCPU threads are not known, or ran too little to tell. */
  readonly guestCost: GuestCost | undefined;
}

/**
 * Starts the sources, harvests, and stops them, however it ends.
 *
 * @throws whatever a source throws; the signal's reason; PrecopyError NOT_SUPPORTED if the time is too
 *   short for a curve
 */
export async function harvestSources(options: HarvesterOptions): Promise<HarvestSummary> {
  const { sources, signal, onTracking } = options;
  const started: HarvestSource[] = [];
  let failure: unknown;
  try {
    const vcpusBefore = await vcpusWithoutHarvest(options);
    onTracking?.(true);
    for (const source of sources) {
      signal.throwIfAborted();
      // Before the call: one that fails half-way is to be stopped, too.
      started.push(source);
      await source.start(signal);
    }
    const summary = await harvestRounds(options, vcpusBefore);
    for (const source of sources) await source.check?.(signal);
    return summary;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    stopAll(started, failure);
    if (!started.some(({ leftOn }) => leftOn)) onTracking?.(false);
  }
}

/** What the vCPUs do while nobody harvests. */
async function vcpusWithoutHarvest({
  vcpuTime,
  signal,
  clock = processClock,
}: HarvesterOptions): Promise<VcpuTime | undefined> {
  const before = vcpuTime?.();
  if (before === undefined) return undefined;
  await clock.sleep(baselineMs, signal);
  return passed(before, vcpuTime?.());
}

function passed(from: VcpuTime | undefined, to: VcpuTime | undefined): VcpuTime | undefined {
  return from && to && { runMs: to.runMs - from.runMs, systemMs: to.systemMs - from.systemMs };
}

async function harvestRounds(
  options: HarvesterOptions,
  vcpusBefore: VcpuTime | undefined,
): Promise<HarvestSummary> {
  const { overheadShare, clock = processClock } = options;
  // What was dirty before the start, if tracking was on already, must not count.
  await harvestRound(options, undefined, clock);
  const roundMs = await costOfRound(options, clock);
  let intervalMs = Math.max(options.intervalMs, intervalFor(roundMs, overheadShare));
  for (let restarts = 0; restarts <= mostRestarts; restarts++) {
    const watched = await watchAt(intervalMs, options, vcpusBefore);
    if (typeof watched !== 'number') return watched;
    options.onRestart?.();
    intervalMs = watched;
  }
  throw tooShort(intervalMs, options);
}

/** @returns a longer interval, if this one cost more than it may */
async function watchAt(
  intervalMs: number,
  options: HarvesterOptions,
  vcpusBefore: VcpuTime | undefined,
): Promise<HarvestSummary | number> {
  const { overheadShare, durationMs, signal, onHarvest, vcpuTime, clock = processClock } = options;
  if (durationMs < leastRounds * intervalMs) throw tooShort(intervalMs, options);
  let beforeMs = await harvestRound(options, undefined, clock);
  const startMs = beforeMs;
  const cpuStartMs = clock.cpuMs();
  const vcpuStart = vcpuTime?.();
  const vcpusNow = (): VcpuTime | undefined => passed(vcpuStart, vcpuTime?.());
  const endMs = clock.nowMs() + durationMs;
  let rounds = 0;
  for (let dueMs = clock.nowMs() + intervalMs; dueMs <= endMs; dueMs += intervalMs) {
    // One that comes late shortens the next; those missed altogether are left out.
    while (dueMs + intervalMs < clock.nowMs()) dueMs += intervalMs;
    await clock.sleep(Math.max(0, dueMs - clock.nowMs()), signal);
    const startedMs = beforeMs;
    beforeMs = await harvestRound(
      options,
      (sources, atMs, watchedMs) =>
        onHarvest({ startMs: startedMs, endMs: atMs, sources, watchedMs }),
      clock,
    );
    rounds++;
    if (options.onRestart === undefined || rounds % leastRounds !== 0) continue;
    const wallMs = clock.nowMs() - startMs;
    const spent = { wallMs, cpuMs: clock.cpuMs() - cpuStartMs, vcpus: vcpusNow() };
    const longerMs = longerInterval(intervalMs, overheadShare, vcpusBefore, spent);
    if (longerMs !== undefined) return longerMs;
  }
  const vcpus = vcpusNow();
  return {
    rounds,
    watchedMs: beforeMs - startMs,
    intervalMs,
    overheadShare: (clock.cpuMs() - cpuStartMs) / (beforeMs - startMs),
    guestCost: vcpusBefore && vcpus && guestCost(vcpusBefore, vcpus),
  };
}

function tooShort(
  intervalMs: number,
  { durationMs, overheadShare }: HarvesterOptions,
): PrecopyError {
  return new PrecopyError(
    'NOT_SUPPORTED',
    `A harvest costs so much that ${(100 * overheadShare).toFixed(0)} % of one core, and of the guest's running time, allow one every ${formatMs(intervalMs)}: ${formatMs(durationMs)} are too short for a curve.`,
    `Watch for ${Math.ceil((leastRounds * intervalMs) / 1000)} s or longer (rehearse --duration, migrate --rehearse), or allow more (--overhead).`,
  );
}

/** CPU time that a round takes, ms: the median of some, as the first ones warm up. */
async function costOfRound(options: HarvesterOptions, clock: HarvestClock): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < trialRounds; round++) {
    await clock.sleep(options.intervalMs, options.signal);
    const before = clock.cpuMs();
    await harvestRound(options, undefined, clock);
    costs.push(clock.cpuMs() - before);
  }
  return costs.sort((a, b) => a - b)[Math.floor(trialRounds / 2)] ?? 0;
}

/**
 * Reads each source once, shows what was read, and clears the bitmaps.
 *
 * @returns when: the mean of the moments at which the sources' windows ended
 */
async function harvestRound(
  { sources, bitmaps, signal }: HarvesterOptions,
  show:
    | ((
        harvested: ReadonlyMap<string, DirtyBitmap>,
        atMs: number,
        watchedMs: ReadonlyMap<string, number>,
      ) => Promise<void> | undefined)
    | undefined,
  clock: HarvestClock,
): Promise<number> {
  const harvested = new Map<string, DirtyBitmap>();
  const watchedMs = new Map<string, number>();
  let sumMs = 0;
  try {
    for (const [index, source] of sources.entries()) {
      signal.throwIfAborted();
      const bitmap = bitmaps[index];
      if (bitmap === undefined) throw new RangeError(`${source.name} has no bitmap.`);
      harvested.set(source.name, bitmap);
      const { startMs, endMs } = await source.harvest(bitmap, signal);
      watchedMs.set(source.name, endMs - startMs);
      sumMs += endMs;
    }
    const atMs = sources.length === 0 ? clock.nowMs() : sumMs / sources.length;
    await show?.(harvested, atMs, watchedMs);
    return atMs;
  } finally {
    for (const bitmap of harvested.values()) await cooperate(bitmap.steps.clear());
  }
}

/** Stops all, also when one fails to. @param cause what ended the harvesting, if it failed */
function stopAll(sources: readonly HarvestSource[], cause: unknown): void {
  const errors: unknown[] = [];
  for (const source of sources) {
    try {
      source.stop();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) {
    const reasons = errors.map(messageOf).join('; ');
    throw new PrecopyError(
      'NO_ACCESS',
      `Dirty tracking could not be switched off: ${reasons}.`,
      'It costs memory and a little speed until QEMU ends or migrates; the next rehearsal of this QEMU tries again.',
      { cause: cause ?? errors[0] },
    );
  }
}
