/** What dirties a guest, as found out by watching it, or known without. */
import { CurveBuilder } from '../forecast/curve.js';
import { allDirtyCurve } from '../forecast/dirty.js';
import { rehearsed, type Rehearsed } from '../forecast/rehearsed.js';
import type { RamStretch } from '../forecast/qemu-model.js';
import type { DeviceTracking } from './device-tracking.js';
import { harvestGuest, pagesOf, type GuestHarvestOptions } from './guest-harvest.js';
import type { HarvestSummary } from './harvester.js';
import { sumOfPages } from './ram-content.js';
import type { RehearsedSource } from './rehearsal.js';

export interface Dirtied {
  /** For the model. */
  readonly rehearsed: Rehearsed;
  /** For people. */
  readonly sources: readonly RehearsedSource[];
  /** Null where nothing had to be harvested. */
  readonly summary: HarvestSummary | null;
  readonly caveats: readonly string[];
}

export interface HarvestProgress {
  readonly watchedMs: number;
  readonly durationMs: number;
  /** Dirty pages of the last harvest, by source. */
  readonly lastPages: ReadonlyMap<string, number>;
  /** Length of its window, ms. */
  readonly lastMs: number;
}

/**
 * Watches the guest, and makes curves of its harvests.
 *
 * @param longestWindowMs the longest window that the forecast will look at
 * @throws as {@link harvestGuest}
 */
export async function watchDirtied(
  options: Omit<GuestHarvestOptions, 'onHarvest'>,
  longestWindowMs: number,
  onProgress: (progress: HarvestProgress) => void,
): Promise<Dirtied> {
  const { durationMs, layout } = options;
  const builder = new CurveBuilder({ pages: pagesOf(layout) });
  let watchedMs = 0;
  const { sources, summary, caveats } = await harvestGuest({
    ...options,
    onHarvest: (harvest) => {
      builder.add(harvest);
      const lastMs = harvest.endMs - harvest.startMs;
      watchedMs += lastMs;
      const lastPages = new Map(
        [...harvest.sources].map(([name, bitmap]) => [name, bitmap.count()]),
      );
      onProgress({ watchedMs, durationMs, lastPages, lastMs });
    },
  });
  const kinds = new Map(sources.map(({ name, kind }) => [name, kind]));
  const phases = builder.phases();
  return {
    rehearsed: rehearsed(builder, kinds, longestWindowMs, phases.at(-1)),
    sources: sources.flatMap(({ name, kind }) => sourceOf(builder, name, kind)),
    summary,
    caveats: [
      ...(phases.length > 1
        ? [
            `The workload changed while it was watched; the forecast is for the last of ${phases.length} phases.`,
          ]
        : []),
      ...caveats,
    ],
  };
}

function sourceOf(builder: CurveBuilder, name: string, kind: 'cpu' | 'device'): RehearsedSource[] {
  const curve = builder.curve({ source: name });
  if (curve === undefined) return [];
  return [
    {
      name,
      kind,
      everything: false,
      points: curve.points,
      pagesPerSecond: curve.pagesIn(1000),
      workingSetPages: curve.pagesIn(curve.knownToMs),
      workingSetMs: curve.knownToMs,
    },
  ];
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
    rehearsed: {
      sources: [{ name, kind: 'device', curve: allDirtyCurve(pages), zeroShare }],
      warnings: [],
    },
    sources: [
      {
        name,
        kind: 'device',
        everything: true,
        points: [],
        pagesPerSecond: pages,
        workingSetPages: pages,
        workingSetMs: 0,
      },
    ],
    summary: null,
    caveats: [
      `The container's dirty page scope is \`all\` (because of ${because}): the kernel says every page at each read, whatever is written. Nothing was harvested, as it would show nothing.`,
    ],
  };
}
