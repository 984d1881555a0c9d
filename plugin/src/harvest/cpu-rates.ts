/** Watches a guest through QEMU's calc-dirty-rate, where its soft-dirty bits can't be had. */
import { HarvestGate, HarvestRefusedError } from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';
import type { EstimatedCurve } from '../forecast/curve.js';
import type { DirtyCurve } from '../forecast/dirty.js';
import { curveOfRates, planWindows, type RateReading } from '../forecast/rate-curve.js';
import type { QemuSide } from '../sequence/side.js';
import {
  dirtyRateAbility,
  dirtyRateMeasured,
  measureDirtyRate,
  type DirtyRateAbility,
  type DirtyRateMode,
} from './dirty-rate.js';
import { formatMs } from '../report/format.js';
import { claimGuest, leftoversUndone } from './leftovers.js';
import { residentBytes } from './resident.js';
import { eventsAreOn, TrackingGuard } from './tracking-guard.js';

const pageBytes = 4096;
/** QEMU takes windows from 50 ms on (8.2); shorter ones than this say little in whole MiB/s. */
const shortestMs = 100;
/** Pages that one window of page-sampling looks at, as far as QEMU's limits for each GiB allow. */
const samplesWanted = 65_536;
const leastPerGib = 128;
const mostPerGib = 16_384;
/** Growth of QEMU's memory that is worth a word. */
const grownBytesToTell = 8 * 2 ** 20;

export interface CpuRateOptions {
  readonly side: QemuSide;
  /** Of the QEMU, where it is on this host. */
  readonly pid: number | undefined;
  readonly ramPages: number;
  readonly hasVfioDevices: boolean;
  /** What devices were seen to dirty, which these rates hold as well. */
  readonly devices: DirtyCurve;
  readonly durationMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (watchedMs: number, last: RateReading) => void;
}

export interface CpuRates {
  readonly mode: DirtyRateMode;
  readonly curve: EstimatedCurve;
  readonly caveats: readonly string[];
}

/**
 * Must not run beside a harvest of ours: see {@link DirtyRateMode}.
 *
 * @throws PrecopyError NOT_SUPPORTED (also if a migration is under way or begins, or another precopy watches
 *   this QEMU), NO_ACCESS, USAGE if the time is too short; the signal's reason
 */
export async function watchCpuRates(options: CpuRateOptions): Promise<CpuRates> {
  const { side, pid, ramPages, durationMs, signal } = options;
  const ability = await dirtyRateAbility(side, options.hasVfioDevices);
  const shortest = shortestWindowMs(ability);
  const windows = planWindows(durationMs, shortest);
  if (2 * shortest > durationMs) {
    throw new PrecopyError(
      'USAGE',
      `${durationMs} ms are too short for windows of ${shortest} ms and more.`,
      'Watch longer (--duration).',
    );
  }
  const resident = async (): Promise<number> =>
    pid === undefined ? 0 : ((await residentBytes(pid)) ?? 0);
  const before = await resident();
  await using claim = await claimRates(side, pid);
  const { guard } = claim;
  const meter = await DirtyRateMeter.open(side, ability, ramPages, guard, signal);
  const readings: RateReading[] = [];
  let watchedMs = 0;
  for (const windowMs of windows) {
    const reading = await meter.measure(windowMs, signal);
    readings.push(reading);
    watchedMs += reading.windowMs;
    options.onProgress(watchedMs, reading);
  }
  await expectNoMigration(guard);
  const curve = curveOfRates(readings, ramPages, options.devices);
  if (curve === undefined) throw new RangeError('No window was measured.');
  const grownBytes = Math.max(0, (await resident()) - before);
  const { mode } = meter;
  return {
    mode,
    curve,
    caveats: [
      ...claim.caveats,
      `The CPUs were watched through QEMU's calc-dirty-rate (${mode}) in ${windows.length} windows of ${formatMs(shortest)} to ${formatMs(Math.max(...windows))}. It tells whole MiB/s and no pages: below ${formatMs(shortest)} the curve is interpolated, and there is no heat map.`,
      ...modeCaveats(mode, ramPages, grownBytes),
      ...(options.hasVfioDevices
        ? [
            "What it says holds the devices' writes, too; those harvested from the containers were taken away.",
          ]
        : []),
    ],
  };
}

/** The shortest window that is worth measuring. */
export function shortestWindowMs({ unitMs }: DirtyRateAbility): number {
  return Math.max(shortestMs, unitMs);
}

/** A QEMU whose dirty rate is ours to measure. */
export interface RateClaim extends AsyncDisposable {
  /** Tells of a migration: where no bitmap is read, nothing can be stolen from it. */
  readonly guard: TrackingGuard;
  readonly caveats: readonly string[];
}

/**
 * QEMU measures for one at a time: another precopy is kept out as from harvests, where QEMU's process is known.
 *
 * @throws PrecopyError NOT_SUPPORTED if another precopy watches this QEMU, or it migrates; NO_ACCESS
 */
export async function claimRates(side: QemuSide, pid: number | undefined): Promise<RateClaim> {
  const claim = pid === undefined ? undefined : await claimGuest(side, pid);
  claim?.state.write({ eventsWereOff: !(await eventsAreOn(side)) });
  try {
    const guard = await TrackingGuard.watch(side, new HarvestGate(), { report: () => undefined });
    return {
      guard,
      caveats: claim?.cleanedUp === true ? [leftoversUndone] : [],
      [Symbol.asyncDispose]: async () => {
        await guard[Symbol.asyncDispose]();
        claim?.state.remove();
      },
    };
  } catch (error) {
    claim?.state.remove();
    throw error;
  }
}

/** @throws PrecopyError NOT_SUPPORTED, with the HarvestRefusedError as its cause, if one is under way or was */
async function expectNoMigration(guard: TrackingGuard): Promise<void> {
  try {
    await guard.look();
  } catch (cause) {
    if (!(cause instanceof HarvestRefusedError)) throw cause;
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `Measuring the dirty rate ended: ${cause.reason}.`,
      'Rehearse again when that migration has ended.',
      { cause },
    );
  }
}

/** calc-dirty-rate in the best mode that this QEMU takes. */
export class DirtyRateMeter {
  readonly mode: DirtyRateMode;
  readonly #side: QemuSide;
  readonly #unitMs: DirtyRateAbility['unitMs'];
  readonly #samples: number;
  readonly #guard: TrackingGuard;

  private constructor(
    mode: DirtyRateMode,
    side: QemuSide,
    unitMs: DirtyRateAbility['unitMs'],
    samples: number,
    guard: TrackingGuard,
  ) {
    this.#guard = guard;
    this.mode = mode;
    this.#side = side;
    this.#unitMs = unitMs;
    this.#samples = samples;
  }

  /**
   * Waits for a measurement that is under way, such as that of a precopy that ended, and tries the modes
   * out, each for a window.
   *
   * @throws as {@link measureDirtyRate}
   */
  static async open(
    side: QemuSide,
    ability: DirtyRateAbility,
    ramPages: number,
    guard: TrackingGuard,
    signal: AbortSignal,
  ): Promise<DirtyRateMeter> {
    await dirtyRateMeasured(side, signal);
    const samples = samplesPerGib(ramPages);
    const { modes, unitMs } = ability;
    const mode = await firstThatWorks(modes, async (mode) => {
      await measureDirtyRate(side, mode, unitMs, shortestWindowMs(ability), samples, signal);
    });
    return new DirtyRateMeter(mode, side, unitMs, samples, guard);
  }

  /** @throws as {@link measureDirtyRate}; PrecopyError NOT_SUPPORTED if a migration began */
  async measure(windowMs: number, signal: AbortSignal): Promise<RateReading> {
    await expectNoMigration(this.#guard);
    return await measureDirtyRate(
      this.#side,
      this.mode,
      this.#unitMs,
      windowMs,
      this.#samples,
      signal,
    );
  }
}

/** QEMU refuses a mode at once, before it measures. @throws what the last one threw */
async function firstThatWorks(
  modes: readonly DirtyRateMode[],
  tryOut: (mode: DirtyRateMode) => Promise<void>,
): Promise<DirtyRateMode> {
  let refusal: unknown = new RangeError('There is no mode to try.');
  for (const mode of modes) {
    try {
      await tryOut(mode);
      return mode;
    } catch (error) {
      if (!(error instanceof PrecopyError) || error.code !== 'NOT_SUPPORTED') throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** How many pages of each GiB, within what QEMU takes. */
function samplesPerGib(ramPages: number): number {
  const gib = (ramPages * pageBytes) / 2 ** 30;
  return Math.min(mostPerGib, Math.max(leastPerGib, Math.round(samplesWanted / gib)));
}

function modeCaveats(mode: DirtyRateMode, ramPages: number, grownBytes: number): string[] {
  switch (mode) {
    case 'page-sampling': {
      const pages = Math.floor((samplesPerGib(ramPages) * ramPages * pageBytes) / 2 ** 30);
      const caveats = [
        `Page-sampling compares at most ${pages} random pages of the RAM blocks of at least 128 MiB: a page that was written with what it held already does not count, and smaller blocks are left out.`,
      ];
      if (grownBytes > grownBytesToTell) {
        caveats.push(
          `QEMU's memory grew by ${Math.round(grownBytes / 2 ** 20)} MiB meanwhile: pages of shared RAM that the guest never used are allocated when they are sampled.`,
        );
      }
      return caveats;
    }
    case 'dirty-bitmap':
      return [];
    case 'dirty-ring':
      return [
        "A page that was written again after QEMU had emptied KVM's dirty ring counts again: the curve is an upper bound.",
      ];
  }
}
