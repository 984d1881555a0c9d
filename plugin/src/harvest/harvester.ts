/**
 * Harvests all sources of a guest, round after round, for a given time. The interval is chosen once, by
 * what a round costs, and then kept: windows of a dirty curve are counted in harvests.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DirtyBitmap } from 'linux-vfio-ts';
import { PrecopyError, messageOf } from '../errors.js';
import type { Harvest } from '../forecast/curve.js';
import type { HarvestSource } from './source.js';

/** Rounds from whose cost the interval is chosen; they are not reported. */
const trialRounds = 5;
/** Fewer rounds than this are no curve. */
export const leastRounds = 10;

/** Time, so that tests need not wait. */
export interface HarvestClock {
  /** Monotonic. */
  nowMs(): number;
  /** CPU time of this process, user and system. */
  cpuMs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: HarvestClock = {
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
}

export interface HarvesterOptions {
  readonly sources: readonly HarvestSource[];
  /** One for each source, of one layout, clear. */
  readonly bitmaps: readonly DirtyBitmap[];
  /** Time between two rounds; more if they cost too much. */
  readonly intervalMs: number;
  /** How much of one core may be spent, 0 to 1. */
  readonly overheadShare: number;
  /** How long to watch once the interval is known. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
  /** Remembers that tracking is on: written before the first start, removed after the last stop. */
  readonly state?: { write(): void; remove(): void };
  /** Told of each round; the bitmaps in it are good until it returns. */
  readonly onHarvest: (harvest: HarvestRound) => void;
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
}

/**
 * Starts the sources, harvests, and stops them, however it ends.
 *
 * @throws whatever a source throws; the signal's reason; PrecopyError NOT_SUPPORTED if the time is too
 *   short for a curve
 */
export async function harvestSources(options: HarvesterOptions): Promise<HarvestSummary> {
  const { sources, signal, state } = options;
  const started: HarvestSource[] = [];
  let failure: unknown;
  try {
    state?.write();
    for (const source of sources) {
      signal.throwIfAborted();
      // Before the call: one that fails half-way is to be stopped, too.
      started.push(source);
      await source.start(signal);
    }
    return await harvestRounds(options);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    // Kept if this throws: the next run then switches off what we could not.
    stopAll(started, failure);
    state?.remove();
  }
}

async function harvestRounds(options: HarvesterOptions): Promise<HarvestSummary> {
  const { overheadShare, durationMs, signal, onHarvest, clock = systemClock } = options;
  // What was dirty before the start, if tracking was on already, must not count.
  await harvestRound(options, () => undefined, clock);
  const roundMs = await costOfRound(options, clock);
  const intervalMs = Math.max(options.intervalMs, Math.ceil(roundMs / overheadShare));
  if (durationMs < leastRounds * intervalMs) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `One harvest costs ${roundMs.toFixed(1)} ms of CPU time, so that ${(100 * overheadShare).toFixed(0)} % of one core allow one every ${intervalMs} ms: ${(durationMs / 1000).toFixed(0)} s are too short for a curve.`,
      `Watch for ${Math.ceil((leastRounds * intervalMs) / 1000)} s or longer (--duration), or allow more (--overhead).`,
    );
  }
  let beforeMs = await harvestRound(options, () => undefined, clock);
  const startMs = beforeMs;
  const cpuBeforeMs = clock.cpuMs();
  const endMs = clock.nowMs() + durationMs;
  let rounds = 0;
  for (let dueMs = clock.nowMs() + intervalMs; dueMs <= endMs; dueMs += intervalMs) {
    // One that comes late shortens the next; those missed altogether are left out.
    while (dueMs + intervalMs < clock.nowMs()) dueMs += intervalMs;
    await clock.sleep(Math.max(0, dueMs - clock.nowMs()), signal);
    const startedMs = beforeMs;
    beforeMs = await harvestRound(
      options,
      (sources, atMs) => {
        onHarvest({ startMs: startedMs, endMs: atMs, sources });
      },
      clock,
    );
    rounds++;
  }
  return {
    rounds,
    watchedMs: beforeMs - startMs,
    intervalMs,
    overheadShare: (clock.cpuMs() - cpuBeforeMs) / (beforeMs - startMs),
  };
}

/** CPU time that a round takes, ms: the median of some, as the first ones warm up. */
async function costOfRound(options: HarvesterOptions, clock: HarvestClock): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < trialRounds; round++) {
    await clock.sleep(options.intervalMs, options.signal);
    const before = clock.cpuMs();
    await harvestRound(options, () => undefined, clock);
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
  show: (harvested: ReadonlyMap<string, DirtyBitmap>, atMs: number) => void,
  clock: HarvestClock,
): Promise<number> {
  const harvested = new Map<string, DirtyBitmap>();
  let sumMs = 0;
  try {
    for (const [index, source] of sources.entries()) {
      signal.throwIfAborted();
      const bitmap = bitmaps[index];
      if (bitmap === undefined) throw new RangeError(`${source.name} has no bitmap.`);
      harvested.set(source.name, bitmap);
      sumMs += (await source.harvest(bitmap, signal)).endMs;
    }
    const atMs = sources.length === 0 ? clock.nowMs() : sumMs / sources.length;
    show(harvested, atMs);
    return atMs;
  } finally {
    for (const bitmap of harvested.values()) bitmap.clear();
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
