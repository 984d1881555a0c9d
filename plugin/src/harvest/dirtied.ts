/** What dirties a guest, as found out by watching it, or known without. */
import { cooperate } from 'linux-vfio-ts';
import { CurveBuilder, type WorkloadPhase } from '../forecast/curve.js';
import { allDirtyCurve, sumOfCurves } from '../forecast/dirty.js';
import {
  extrapolationWarnings,
  rehearsed,
  type PassLengths,
  type Rehearsed,
} from '../forecast/rehearsed.js';
import type { RamStretch } from '../forecast/qemu-model.js';
import { watchCpuRates, type CpuRateOptions } from './cpu-rates.js';
import type { DeviceTracking } from './device-tracking.js';
import {
  figuresByBlock,
  figuresOf,
  heatFigures,
  hotRangeFigures,
  sourceFigures,
} from './figures.js';
import { harvestGuest, type GuestHarvestOptions } from './guest-harvest.js';
import { bitmapLayoutOf, blockPagesOf } from './guest-layout.js';
import type { HarvestRound, HarvestSummary } from './harvester.js';
import { sumOfPages } from './ram-content.js';
import type { Rehearsal } from './rehearsal.js';
import { cpuName } from './soft-dirty-source.js';

/** What was dirtied: for people, and for the model. */
export interface Dirtied extends Pick<
  Rehearsal,
  'sources' | 'together' | 'heat' | 'hotRanges' | 'caveats'
> {
  /** Each phase of the workload; times count from the first harvest. One, if it did not change. */
  readonly phases: readonly (Rehearsed & { readonly phase: WorkloadPhase | null })[];
  /** Null where nothing had to be harvested. */
  readonly summary: HarvestSummary | null;
}

export interface HarvestProgress {
  readonly watchedMs: number;
  readonly durationMs: number;
  /** Dirty pages of the last harvest, by source. */
  readonly lastPages: ReadonlyMap<string, number>;
  /** Length of its window, ms. */
  readonly lastMs: number;
}

/** With three bitmaps of 32 MiB each, a guest of 1 TiB is rehearsed within 300 MB, even if all of it is dirty. */
const budgetBytes = 12 * 2 ** 20;

/** Dirty pages by source. */
export async function pagesOf({ sources }: HarvestRound): Promise<Map<string, number>> {
  const pages = new Map<string, number>();
  for (const [name, bitmap] of sources) pages.set(name, await cooperate(bitmap.steps.count()));
  return pages;
}

/** A builder for the curves of a guest's harvests. */
export function curveBuilderFor(layout: GuestHarvestOptions['layout']): CurveBuilder {
  const mapped = bitmapLayoutOf(layout.sections).sections;
  const last = mapped.at(-1);
  const pages = last === undefined ? 0 : last.firstPage + last.pages;
  return new CurveBuilder({ pages, mapped, blocks: blockPagesOf(layout), budgetBytes });
}

/**
 * Watches the guest, and makes curves of its harvests.
 *
 * @param passes of the migration to forecast
 * @param device the only VFIO device of the guest; null where there are more, or none
 * @throws as {@link harvestGuest}
 */
export async function watchDirtied(
  options: Omit<GuestHarvestOptions, 'onHarvest' | 'onRestart'>,
  passes: PassLengths,
  device: string | null,
  onProgress: (progress: HarvestProgress) => void,
): Promise<Dirtied> {
  const { durationMs, layout } = options;
  let builder = curveBuilderFor(layout);
  let watchedMs = 0;
  let firstMs: number | undefined;
  const { sources, summary, caveats } = await harvestGuest({
    ...options,
    onHarvest: async (harvest) => {
      await cooperate(builder.adding(harvest), { signal: options.signal });
      firstMs ??= harvest.startMs;
      const lastMs = harvest.endMs - harvest.startMs;
      watchedMs += lastMs;
      onProgress({ watchedMs, durationMs, lastPages: await pagesOf(harvest), lastMs });
    },
    onRestart: () => {
      builder = curveBuilderFor(layout);
      watchedMs = 0;
      firstMs = undefined;
    },
  });
  const kinds = new Map(sources.map(({ name, kind }) => [name, kind]));
  const startMs = firstMs ?? 0;
  return {
    phases: builder.phases().map((phase) => ({
      phase: { ...phase, startMs: phase.startMs - startMs, endMs: phase.endMs - startMs },
      ...rehearsed(builder, kinds, passes, phase),
    })),
    sources: sourceFigures(builder, sources, device),
    together: figuresByBlock(builder, {}) ?? null,
    heat: heatFigures(builder, startMs),
    hotRanges: hotRangeFigures(builder),
    summary,
    caveats,
  };
}

/**
 * Measures the CPUs by rates, and adds them to what was found out of devices.
 *
 * @param devices null where there are none
 * @param passes of the migration to forecast
 * @throws as {@link watchCpuRates}
 */
export async function withCpuRates(
  devices: Dirtied | null,
  options: Omit<CpuRateOptions, 'devices' | 'onProgress'>,
  passes: PassLengths,
  onProgress: (progress: HarvestProgress) => void,
): Promise<Dirtied> {
  const { durationMs } = options;
  const last = devices?.phases.at(-1)?.sources ?? [];
  const rates = await watchCpuRates({
    ...options,
    devices: sumOfCurves(...last.map(({ curve }) => curve)),
    onProgress: (watchedMs, { mibPerSecond, windowMs: lastMs }) => {
      const pages = (mibPerSecond * 256 * lastMs) / 1000;
      onProgress({ watchedMs, durationMs, lastPages: new Map([[cpuName, pages]]), lastMs });
    },
  });
  const source = { name: cpuName, kind: 'cpu', curve: rates.curve } as const;
  const phases = devices?.phases ?? [{ phase: null, sources: [], warnings: [] }];
  return {
    ...(devices ?? { together: null, heat: null, hotRanges: [], summary: null }),
    phases: phases.map((phase) => {
      const sources = [source, ...phase.sources];
      const together = sumOfCurves(...sources.map(({ curve }) => curve));
      const beyond = extrapolationWarnings(together, rates.curve.knownToMs, passes);
      return { ...phase, sources, warnings: [...phase.warnings, ...beyond] };
    }),
    sources: [
      {
        name: cpuName,
        kind: 'cpu',
        device: null,
        everything: false,
        ...figuresOf(rates.curve),
        blocks: [],
      },
      ...(devices?.sources ?? []),
    ],
    // A union with pages of which nothing is known is none.
    together: null,
    caveats: [...(devices?.caveats ?? []), ...rates.caveats],
  };
}

/** Nothing to watch: a container with dirty page scope `all` says all of `ram`, whatever is written. */
export function everythingDirty(
  ram: readonly RamStretch[],
  { culprits }: Extract<DeviceTracking, { kind: 'everything' }>,
): Dirtied {
  const pages = sumOfPages(ram);
  const zeroShare = sumOfPages(ram.filter(({ zero }) => zero)) / pages;
  const name = 'VFIO container';
  const because = culprits.length === 0 ? 'an IOMMU-backed device' : culprits.join(', ');
  return {
    phases: [
      {
        phase: null,
        sources: [{ name, kind: 'device', curve: allDirtyCurve(pages), zeroShare }],
        warnings: [],
      },
    ],
    sources: [
      {
        name,
        kind: 'device',
        device: null,
        everything: true,
        points: [],
        pagesPerSecond: pages,
        workingSetPages: pages,
        workingSetMs: 0,
        blocks: [],
      },
    ],
    together: null,
    heat: null,
    hotRanges: [],
    summary: null,
    caveats: [
      `The container's dirty page scope is \`all\` (because of ${because}): the kernel says every page at each read, whatever is written. Nothing was harvested, as it would show nothing.`,
    ],
  };
}
