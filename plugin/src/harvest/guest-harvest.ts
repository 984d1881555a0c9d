/**
 * Harvests a guest for a while and leaves it as it was: the guard against migrations, the borrowed
 * containers, the state file and the sources, all undone however it ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BitmapArena,
  BorrowableProcess,
  HarvestGate,
  HarvestRefusedError,
  LibcKernel,
  warmUp,
} from 'linux-vfio-ts';
import { describeMemory, type MemoryLayout } from '../audit/guest-memory.js';
import { PrecopyError } from '../errors.js';
import { migrationIsOver } from '../sequence/preflight.js';
import type { QemuSide } from '../sequence/side.js';
import { Attribution } from './attribution.js';
import { DeviceSources } from './device-sources.js';
import type { DeviceTracking } from './device-tracking.js';
import { bitmapLayoutOf, sameSections } from './guest-layout.js';
import { harvestSources, type HarvestRound, type HarvestSummary } from './harvester.js';
import { ramWindows, SoftDirtySource } from './soft-dirty-source.js';
import type { HarvestSource } from './source.js';
import { identityOf, TrackingState } from './state-file.js';
import { TrackingGuard } from './tracking-guard.js';

export interface GuestHarvestOptions {
  readonly side: QemuSide;
  /** Of the QEMU. */
  readonly pid: number;
  readonly layout: MemoryLayout;
  /** Devices to harvest. */
  readonly tracking: Exclude<DeviceTracking, { kind: 'everything' }>;
  /** The guest's last migration has completed: QEMU then leaves tracking on. */
  readonly mayBeOn: boolean;
  /** Look at the CPUs too, which clears soft-dirty bits of the QEMU. */
  readonly cpu: boolean;
  readonly durationMs: number;
  readonly intervalMs: number;
  /** How much of one core harvesting may take, 0 to 1. */
  readonly overheadShare: number;
  readonly signal: AbortSignal;
  /** Told what will be harvested, before the first round. */
  readonly onSources?: ((sources: GuestHarvest['sources']) => void) | undefined;
  /** Told of each round; the bitmaps in it are good until it returns. */
  readonly onHarvest: (harvest: HarvestRound) => void;
}

export interface GuestHarvest {
  readonly sources: readonly Pick<HarvestSource, 'name' | 'kind'>[];
  readonly summary: HarvestSummary;
  readonly caveats: readonly string[];
}

/**
 * @throws PrecopyError NOT_SUPPORTED (a migration is under way or began, a source does not work here),
 *   NO_ACCESS, USAGE if there is no source; errors of linux-vfio-ts; the signal's reason
 */
export async function harvestGuest(options: GuestHarvestOptions): Promise<GuestHarvest> {
  const { side, pid, layout, tracking, mayBeOn } = options;
  const kernel = new LibcKernel();
  const gate = new HarvestGate();
  const stolen: string[] = [];
  using guard = await TrackingGuard.watch(side, gate, {
    report: ({ message }) => stolen.push(message),
  });
  using qemu = await BorrowableProcess.open(kernel, pid);
  await using devices = await DeviceSources.borrow({
    ...{ qemu, kernel, gate, tracking, mayBeOn },
    layout: bitmapLayoutOf(layout.sections),
  });
  const identity = identityOf(pid);
  if (identity === undefined)
    throw new PrecopyError('NO_ACCESS', `QEMU (pid ${pid}) has ended.`, 'Start it again.');
  const { state, cleanedUp } = TrackingState.claim(identity, () => {
    devices.switchOff();
  });
  await using cpu = options.cpu ? await SoftDirtySource.open(pid, ramWindows(layout)) : undefined;
  // The CPUs first: see Attribution.
  const sources: HarvestSource[] = [...(cpu ? [cpu] : []), ...devices.sources];
  if (sources.length === 0) {
    throw new PrecopyError(
      'USAGE',
      'The guest has no VFIO device, and with --no-cpu nothing is left to look at.',
      'Leave --no-cpu out.',
    );
  }
  options.onSources?.(sources);
  let summary: HarvestSummary;
  try {
    summary = await harvestWith(sources, options, state, gate);
  } catch (error) {
    await guard.settled();
    if (devices.holdsLogs) {
      await migrationOver(side, options.signal);
      devices.takeBack();
    }
    throw gate.shutReason === undefined ? error : migrationBegan(gate.shutReason, stolen, error);
  }
  const moved = !sameSections(layout.sections, (await describeMemory(side.monitor)).sections);
  return {
    sources,
    summary,
    caveats: [
      ...(cleanedUp ? [cleanedUpCaveat] : []),
      ...(moved ? [movedCaveat] : []),
      ...sources.flatMap((source) => source.caveats()),
    ],
  };
}

/** A migration that could not start a device's log fails within ms. */
async function migrationOver(side: QemuSide, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { status = 'none' } = await side.migration();
    if (migrationIsOver(status)) return;
    await sleep(20, undefined, { signal });
  }
}

const cleanedUpCaveat =
  'An earlier rehearsal of this guest was killed; its dirty tracking was switched off first.';
const movedCaveat =
  "The layout of the guest's memory changed meanwhile (firmware or hotplug); some harvests missed pages. Run it again.";

async function harvestWith(
  sources: readonly HarvestSource[],
  { layout, onHarvest, ...options }: GuestHarvestOptions,
  state: TrackingState,
  gate: HarvestGate,
): Promise<HarvestSummary> {
  const pages = bitmapLayoutOf(layout.sections);
  using arena = new BitmapArena();
  warmUp(arena);
  const attribution = new Attribution(sources, arena.create(pages));
  return await harvestSources({
    sources,
    bitmaps: sources.map(() => arena.create(pages)),
    intervalMs: options.intervalMs,
    overheadShare: options.overheadShare,
    durationMs: options.durationMs,
    signal: options.signal,
    state,
    onHarvest: (harvest) => {
      // The CPUs' source does not ask, and the container's not if it was not read since.
      gate.check();
      attribution.apply(harvest.sources);
      onHarvest(harvest);
    },
  });
}

function migrationBegan(reason: string, stolen: readonly string[], cause: unknown): unknown {
  if (!(cause instanceof HarvestRefusedError)) return cause;
  return new PrecopyError(
    'NOT_SUPPORTED',
    `Harvesting ended: ${reason}, and from then on the dirty bitmap is the migration's. ${stolen.join(' ')}`.trimEnd(),
    'Rehearse again when that migration has ended.',
    { cause },
  );
}
