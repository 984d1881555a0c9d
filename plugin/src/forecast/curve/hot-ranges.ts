/**
 * Where a guest dirties most, as few ranges of even heat: neighbours are joined as long as that loses
 * little, as DAMON joins its regions (mm/damon/core.c, damon_merge_regions_of()), with a likelihood ratio
 * in place of a fixed difference.
 */
import type { PageRange } from 'linux-vfio-ts';

/** A range of a RAM block with about the same heat throughout. */
export interface HotRange extends PageRange {
  /** RAM block; undefined where no block is known. */
  readonly block: string | undefined;
  /** Pages found dirty, summed over all harvests. */
  readonly dirtied: number;
  /** Part of all that was dirtied, 0 to 1. */
  readonly share: number;
}

/** A piece of the address space, and the pages found dirty in it, summed over harvests. */
export interface HeatCell {
  readonly dirtied: number;
  /** Ascending; more than one where it spans a hole. */
  readonly ranges: readonly PageRange[];
}

export interface NamedRanges {
  readonly name: string;
  readonly ranges: readonly PageRange[];
}

interface Piece {
  readonly block: string | undefined;
  readonly firstPage: number;
  readonly pages: number;
  readonly dirtied: number;
}

const mostRanges = 32;
/** Twice the log-likelihood lost by taking two even ranges for one: below this, chance explains it. */
const leastLoss = 16;

/** At most 32 ranges that were dirtied, those with the largest share first. @param cells ascending */
export function findHotRanges(
  cells: readonly HeatCell[],
  blocks: readonly NamedRanges[],
): HotRange[] {
  let pieces = cells.flatMap((cell) => cutAtBlocks(cell, blocks));
  for (let loss = leastLoss; ; loss *= 1.5) {
    const joined = joinAlike(pieces, loss);
    // Those that can't be joined (blocks and holes) may alone be too many.
    const done = joined.length <= mostRanges || loss > Number.MAX_SAFE_INTEGER;
    pieces = joined;
    if (done) break;
  }
  const total = pieces.reduce((sum, { dirtied }) => sum + dirtied, 0);
  return pieces
    .filter(({ dirtied }) => dirtied > 0)
    .map((piece) => ({ ...piece, share: piece.dirtied / total }))
    .sort((a, b) => b.share - a.share)
    .slice(0, mostRanges);
}

/** One walk over all; what was joined is compared with the next. */
function joinAlike(pieces: readonly Piece[], mostLoss: number): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last !== undefined && adjoin(last, piece) && lossOf(last, piece) <= mostLoss) {
      const pages = last.pages + piece.pages;
      joined.splice(-1, 1, { ...last, pages, dirtied: last.dirtied + piece.dirtied });
    } else joined.push(piece);
  }
  return joined;
}

function adjoin(one: Piece, next: Piece): boolean {
  return one.block === next.block && one.firstPage + one.pages === next.firstPage;
}

/** Likelihood ratio of two Poisson rates against a common one. */
function lossOf(one: Piece, other: Piece): number {
  return (
    2 *
    (logLikelihood(one) +
      logLikelihood(other) -
      logLikelihood({
        dirtied: one.dirtied + other.dirtied,
        pages: one.pages + other.pages,
      }))
  );
}

/** At its own best rate, less what is the same for every rate. */
function logLikelihood({ dirtied, pages }: Pick<Piece, 'dirtied' | 'pages'>): number {
  return dirtied === 0 ? 0 : dirtied * Math.log(dirtied / pages);
}

/** The parts of a cell in each block; what was dirtied is taken to be spread evenly. */
function cutAtBlocks({ dirtied, ranges }: HeatCell, blocks: readonly NamedRanges[]): Piece[] {
  const parts = ranges.flatMap((range): Omit<Piece, 'dirtied'>[] => {
    const inside = blocks.flatMap(({ name, ranges: own }) =>
      own.flatMap((other) => {
        const part = overlap(range, other);
        return part === undefined ? [] : [{ block: name, ...part }];
      }),
    );
    return inside.length === 0 ? [{ block: undefined, ...range }] : inside;
  });
  const pages = parts.reduce((sum, part) => sum + part.pages, 0);
  return parts
    .sort((a, b) => a.firstPage - b.firstPage)
    .map((part) => ({ ...part, dirtied: (dirtied * part.pages) / pages }));
}

function overlap(one: PageRange, other: PageRange): PageRange | undefined {
  const firstPage = Math.max(one.firstPage, other.firstPage);
  const pages = Math.min(one.firstPage + one.pages, other.firstPage + other.pages) - firstPage;
  return pages > 0 ? { firstPage, pages } : undefined;
}
