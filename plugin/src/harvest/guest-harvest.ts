/**
 * Harvests a guest for a while and leaves it as it was: the guard against migrations, the borrowed
 * containers, the state file and the sources, all undone however it ends.
 */
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BitmapArena,
  bitmapFreeFix,
  BorrowableProcess,
  cooperate,
  HarvestGate,
  HarvestRefusedError,
  LibcKernel,
  mayOopsAtBitmapFree,
  warmUp,
} from 'linux-vfio-ts';
import { ramSections, type MemoryLayout } from '../audit/guest-memory.js';
import { sameSections } from '../audit/ram-blocks.js';
import { PrecopyError } from '../errors.js';
import { formatBytes } from '../report/format.js';
import { migrationIsOver } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import { Attribution } from './attribution.js';
import { DeviceSources } from './device-sources.js';
import { claimGuest, leftoversUndone } from './leftovers.js';
import type { DeviceTracking } from './device-tracking.js';
import { foreignDirtyLogging } from './dirty-rate.js';
import { bitmapLayoutOf } from './guest-layout.js';
import { harvestSources, type HarvestRound, type HarvestSummary } from './harvester.js';
import { ramWindows, SoftDirtySource } from './soft-dirty-source.js';
import type { HarvestSource } from './source.js';
import type { StolenBitsAction } from './stolen-bits.js';
import { eventsAreOn, TrackingGuard } from './tracking-guard.js';
import { VcpuThreads } from './vcpu-time.js';

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
  /** How much harvesting may take of one core, and of the guest's running time; 0 to 1. */
  readonly overheadShare: number;
  /** Of a migration that somebody else starts meanwhile; default `cancel`. */
  readonly onStolenBits?: StolenBitsAction | undefined;
  /** Fixes that the kernel is known to have, by commit. */
  readonly kernelHas?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  /** Told what will be harvested, before the first round. */
  readonly onSources?: ((sources: GuestHarvest['sources']) => void) | undefined;
  /** As that of {@link harvestSources}. */
  readonly onHarvest: (harvest: HarvestRound) => Promise<void> | undefined;
  /** As that of {@link harvestSources}. */
  readonly onRestart?: (() => void) | undefined;
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
  const { side, pid } = options;
  const { state, cleanedUp } = await claimGuest(side, pid);
  state.write({ eventsWereOff: !(await eventsAreOn(side)) });
  const tracking = { mayBeOn: false };
  try {
    const harvest = await harvestGuarded(options, (on) => (tracking.mayBeOn = on));
    return { ...harvest, caveats: [...(cleanedUp ? [leftoversUndone] : []), ...harvest.caveats] };
  } finally {
    // Kept where tracking could not be switched off, or was left to a migration: the next run tries again.
    if (tracking.mayBeOn) state.leave();
    else state.remove();
  }
}

/** @param onTracking told before tracking may be on, and when it is off again */
async function harvestGuarded(
  options: GuestHarvestOptions,
  onTracking: (on: boolean) => void,
): Promise<GuestHarvest> {
  const { side, pid, layout, tracking, mayBeOn } = options;
  refuseCrash(options);
  const kernel = new LibcKernel();
  const gate = new HarvestGate();
  const stolen: string[] = [];
  await using guard = await TrackingGuard.watch(side, gate, {
    onStolenBits: options.onStolenBits,
    report: ({ message }) => stolen.push(message),
  });
  using qemu = await BorrowableProcess.open(kernel, pid);
  await using devices = await DeviceSources.borrow({
    ...{ qemu, kernel, gate, tracking, layout, mayBeOn },
  });
  await using cpu = options.cpu
    ? await SoftDirtySource.open(pid, ramWindows(layout), options.signal)
    : undefined;
  // The CPUs first: see Attribution.
  const sources: HarvestSource[] = [...(cpu ? [cpu] : []), ...devices.sources];
  if (sources.length === 0) throw nothingToWatch();
  const hasDevices = devices.sources.length > 0;
  options.onSources?.(sources);
  // Firmware moves memory and moves it back.
  using resets = side.client.events.subscribe(['RESET']);
  const sinceMs = Date.now();
  if (hasDevices) await refuseForeignLogging(side);
  let summary: HarvestSummary;
  try {
    summary = await harvestWith(sources, options, onTracking, guard);
    // A migration that began in the last harvest.
    await guard.look();
  } catch (error) {
    await guard.settled();
    if (devices.holdsLogs) {
      await migrationOver(side, options.signal);
      devices.takeBack();
    }
    if (stolen.length > 0 || error instanceof HarvestRefusedError) {
      throw migrationBegan(gate.shutReason ?? 'QEMU migrated', stolen, error);
    }
    if (hasDevices) await refuseForeignLogging(side, sinceMs, error);
    throw error;
  }
  if (hasDevices) await refuseForeignLogging(side, sinceMs);
  const moved =
    resets.unread > 0 || !sameSections(layout.sections, await ramSections(side.monitor));
  return {
    sources,
    summary,
    caveats: [...(moved ? [movedCaveat] : []), ...sources.flatMap((source) => source.caveats())],
  };
}

/** @throws PrecopyError NOT_SUPPORTED if switching tracking off may crash the host */
function refuseCrash({ tracking, layout, kernelHas = [] }: GuestHarvestOptions): void {
  if (tracking.kind !== 'tracked' || tracking.containers.length === 0) return;
  const largest = layout.sections.reduce((most, { bytes }) => (bytes > most ? bytes : most), 0n);
  if (kernelHas.includes(bitmapFreeFix) || !mayOopsAtBitmapFree(release(), largest)) return;
  throw new PrecopyError(
    'NOT_SUPPORTED',
    `Linux ${release()} may crash this host when dirty tracking of ${formatBytes(Number(largest))} in one mapping ends: before 5.17 it frees such bitmaps wrongly, and precopy would have to end what it begins. The end of a migration does the same.`,
    `Use Linux 5.17 or later. If you know that this kernel has commit ${bitmapFreeFix} ("vfio/iommu_type1: replace kfree with kvfree"), say so: --kernel-has ${bitmapFreeFix}, or rehearse.kernelHas of the configuration.`,
  );
}

/** A migration that could not start a device's log fails within ms. */
async function migrationOver(side: QemuSide, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { status = 'none' } = await side.migration();
    if (migrationIsOver(status)) return;
    await sleep(20, undefined, { signal });
  }
}

/** There is no source. */
export function nothingToWatch(): PrecopyError {
  return new PrecopyError(
    'USAGE',
    'The guest has no VFIO device, and with --no-cpu nothing is left to look at.',
    'Leave --no-cpu out.',
  );
}

const movedCaveat =
  "The layout of the guest's memory changed meanwhile (reset, firmware or hotplug); some harvests missed pages. Run it again.";

async function harvestWith(
  sources: readonly HarvestSource[],
  { side, pid, layout, onHarvest, ...options }: GuestHarvestOptions,
  onTracking: (on: boolean) => void,
  guard: TrackingGuard,
): Promise<HarvestSummary> {
  const pages = bitmapLayoutOf(layout.sections);
  using arena = new BitmapArena();
  warmUp(arena);
  const attribution = new Attribution(sources, arena.create(pages));
  const bitmaps = sources.map(() => arena.create(pages));
  for (const bitmap of bitmaps) await cooperate(bitmap.steps.commit(), options);
  const vcpus = await VcpuThreads.of(side, pid);
  return await harvestSources({
    sources,
    bitmaps,
    intervalMs: options.intervalMs,
    overheadShare: options.overheadShare,
    vcpuTime: () => vcpus.read(),
    durationMs: options.durationMs,
    signal: options.signal,
    onTracking,
    onRestart: options.onRestart,
    onHarvest: async (harvest) => {
      await guard.look();
      await attribution.apply(harvest.sources);
      await onHarvest(harvest);
    },
  });
}

/** @throws PrecopyError NOT_SUPPORTED if somebody's calc-dirty-rate uses the containers, too */
async function refuseForeignLogging(
  side: QemuSide,
  sinceMs?: number,
  cause?: unknown,
): Promise<void> {
  const mode = await foreignDirtyLogging(side, sinceMs);
  if (mode === undefined) return;
  throw new PrecopyError(
    'NOT_SUPPORTED',
    `Somebody measures this guest with calc-dirty-rate mode=${mode}, which uses the containers' dirty tracking, too; each takes the other's bits.`,
    'Rehearse again when that measurement has ended.',
    { cause },
  );
}

function migrationBegan(reason: string, stolen: readonly string[], cause: unknown): PrecopyError {
  return new PrecopyError(
    'NOT_SUPPORTED',
    `Harvesting ended: ${reason}, and from then on the dirty bitmap is the migration's. ${stolen.join(' ')}`.trimEnd(),
    'Rehearse again when that migration has ended.',
    { cause },
  );
}
