/** What a rehearsal says of its harvests, as plain data. Pure. */
import {
  joinRows,
  type CurveBuilder,
  type CurveSelection,
  type EstimatedCurve,
} from '../forecast/curve.js';
import type {
  DirtyFigures,
  DirtyFiguresByBlock,
  GuestRange,
  RehearsedHeat,
  RehearsedHotRange,
  RehearsedSource,
} from './rehearsal.js';
import type { HarvestSource } from './source.js';

const pageBytes = 4096;
/** Of the heat map; more would make its JSON large. */
const mostRows = 64;

/** Of each source that was harvested. @param device the only one that a device source can see */
export function sourceFigures(
  builder: CurveBuilder,
  sources: readonly Pick<HarvestSource, 'name' | 'kind'>[],
  device: string | null,
): RehearsedSource[] {
  return sources.flatMap(({ name, kind }) => {
    const figures = figuresByBlock(builder, { source: name });
    if (figures === undefined) return [];
    const only = kind === 'device' ? device : null;
    return [{ name, kind, device: only, everything: false, ...figures }];
  });
}

/** Undefined if nothing was harvested. */
export function figuresByBlock(
  builder: CurveBuilder,
  selection: CurveSelection,
): DirtyFiguresByBlock | undefined {
  const curve = builder.curve(selection);
  if (curve === undefined) return undefined;
  const blocks = builder.blocks.flatMap((name) => {
    const part = builder.curve({ ...selection, block: name });
    const dirtied = part?.points.some(({ pages }) => pages > 0) ?? false;
    return part !== undefined && dirtied ? [{ name, ...figuresOf(part) }] : [];
  });
  return { ...figuresOf(curve), blocks };
}

export function figuresOf(curve: EstimatedCurve): DirtyFigures {
  return {
    points: curve.points,
    pagesPerSecond: curve.pagesIn(1000),
    workingSetPages: curve.pagesIn(curve.knownToMs),
    workingSetMs: curve.knownToMs,
  };
}

/** @param startMs of the first harvest, from which the times in it count */
export function heatFigures({ heat }: CurveBuilder, startMs: number): RehearsedHeat {
  return {
    columns: heat.columns.map((ranges) => ({ ranges: ranges.map(guestRange) })),
    rows: joinRows(heat.rows, Math.ceil(heat.rows.length / mostRows)).map((row) => ({
      startMs: row.startMs - startMs,
      endMs: row.endMs - startMs,
      harvests: row.harvests,
      pages: [...row.pages],
    })),
  };
}

export function hotRangeFigures(builder: CurveBuilder): RehearsedHotRange[] {
  return builder.hotRanges().map(({ block, share, dirtied, ...range }) => ({
    ...guestRange(range),
    block: block ?? null,
    dirtyShare: dirtied / builder.harvests / range.pages,
    share,
  }));
}

function guestRange({ firstPage, pages }: { firstPage: number; pages: number }): GuestRange {
  return { first: BigInt(firstPage) * BigInt(pageBytes), bytes: pages * pageBytes };
}
