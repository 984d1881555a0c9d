/**
 * The dirty curve D(t): how many distinct pages are dirtied in a window of length t. Built from
 * harvests at a short interval, one after the other: windows of 1, 2, 3, 4, 6, 8, 12... harvests are
 * united, and each class of windows gives a point, with its spread.
 *
 * curve/sampled-set  sets of pages in bounded memory
 * curve/estimate     points to a curve: mean, spread, error
 * curve/concave      the curve between and beyond the points
 * curve/phases       where the workload changed
 * curve/heat         dirty pages by address and time
 * curve/hot-ranges   where most is dirtied
 */
import { finish, type PageRange, type Steps } from 'linux-vfio-ts';
import { BlockIndex, type BlockPages } from './curve/blocks.js';
import { estimateCurve, type EstimatedCurve } from './curve/estimate.js';
import { HeatRecorder, type HeatMap } from './curve/heat.js';
import type { HotRange } from './curve/hot-ranges.js';
import { findPhases, type WorkloadPhase } from './curve/phases.js';
import { type DirtyPages, popcount, type SampledSet, Sampling } from './curve/sampled-set.js';

export type { CurvePoint, EstimatedCurve } from './curve/estimate.js';
export type { BlockPages } from './curve/blocks.js';
export { joinRows, type HeatMap, type HeatRow } from './curve/heat.js';
export type { HotRange } from './curve/hot-ranges.js';
export { findPhases, type RegionCounts, type WorkloadPhase } from './curve/phases.js';
export type { BitmapLike, DirtyPages } from './curve/sampled-set.js';

/** One destructive read of every source: what was dirtied between two moments. */
export interface Harvest {
  /** The harvest before this one. Windows that follow each other share a moment. */
  readonly startMs: number;
  readonly endMs: number;
  /** By name of the source; one that was not read this time is absent. */
  readonly sources: ReadonlyMap<string, DirtyPages>;
  /**
   * How long each source saw of that time. Windows of a curve are as long as they were watched: what fell into a
   * gap is not in the union, and its time not in the length. Default: all of it.
   */
  readonly watchedMs?: ReadonlyMap<string, number> | undefined;
}

export interface CurveBuilderOptions {
  /** Pages that bits stand for; all sources have the same layout. */
  readonly pages: number;
  /** Those of them that can be dirty, ascending; default: all. */
  readonly mapped?: readonly PageRange[] | undefined;
  /** RAM blocks whose curves are wanted too. */
  readonly blocks?: readonly BlockPages[] | undefined;
  /**
   * Most memory for sets of pages; default 24 MiB. When it is used up, one word of 32 pages of two,
   * four, ... is kept, and counts are scaled up.
   */
  readonly budgetBytes?: number | undefined;
}

/** Which part of what was recorded a curve is of. */
export interface CurveSelection {
  /** Default: all sources together. */
  readonly source?: string | undefined;
  /** Default: all blocks. */
  readonly block?: string | undefined;
  /** Only windows that lie in here. */
  readonly startMs?: number | undefined;
  readonly endMs?: number | undefined;
}

/** Doublings of the base interval: at 100 ms up to windows of 7 minutes. */
const levels = 12;
/** Windows of a class that are kept, the latest. */
const windowsKept = 2048;
/** The union of all sources. No source can have this name. */
const together = '';
/** Harvests this much apart do not belong to one window, ms. */
const gapMs = 5;
/** Parts of the address space in which phases are looked for. */
const regions = 16;

/** Takes harvests as they come and can say the curve at any time. */
export class CurveBuilder {
  readonly #options: CurveBuilderOptions;
  readonly #blocks: BlockIndex;
  readonly #sampling: Sampling;
  readonly #heat: HeatRecorder;
  readonly #sources = new Map<string, WindowPyramid>();
  #harvests = 0;
  #endMs: number | undefined;

  constructor(options: CurveBuilderOptions) {
    this.#options = options;
    this.#blocks = new BlockIndex(options.blocks ?? []);
    this.#sampling = new Sampling(options.budgetBytes ?? 24 * 2 ** 20);
    this.#heat = new HeatRecorder(options.mapped ?? [{ firstPage: 0, pages: options.pages }]);
  }

  /** How many pages each page that is looked at stands for: 1, or a power of two when memory is short. */
  get sampledPages(): number {
    return 2 ** this.#sampling.shift;
  }

  get harvests(): number {
    return this.#harvests;
  }

  /** Memory that sets of pages take now, bytes. */
  get bytes(): number {
    return this.#sampling.bytes;
  }

  get sources(): string[] {
    return [...this.#sources.keys()].filter((name) => name !== together);
  }

  /** Names of the RAM blocks that have curves of their own. */
  get blocks(): readonly string[] {
    return this.#blocks.names;
  }

  /** Dirty pages of all sources by address and time. */
  get heat(): HeatMap {
    return this.#heat.map;
  }

  /** Where most is dirtied, by all sources: the range with the largest share first. */
  hotRanges(): HotRange[] {
    return this.#heat.hotRanges(this.#options.blocks ?? []);
  }

  /**
   * Takes a harvest; nothing of it is kept by reference.
   *
   * @returns distinct pages of all sources in it
   * @throws RangeError if it ends before it begins, or begins before the last one's end
   */
  add(harvest: Harvest): number {
    return finish(this.adding(harvest));
  }

  /**
   * The same in small steps, for `cooperate()` of linux-vfio-ts: harvests of a large guest take some
   * hundred ms, for which an event loop must not wait. Nothing else may be asked of the builder before
   * the last step, and a harvest of which a step was left out makes its curves wrong.
   */
  *adding(harvest: Harvest): Steps<number> {
    const { startMs, endMs, sources } = harvest;
    if (!(endMs > startMs) || (this.#endMs !== undefined && startMs < this.#endMs - gapMs)) {
      throw new RangeError(
        `A harvest of ${startMs} to ${endMs} ms can't follow one that ended at ${this.#endMs ?? NaN} ms.`,
      );
    }
    // Windows must not span time of which nothing is known.
    if (this.#endMs !== undefined && startMs > this.#endMs + gapMs) this.#interrupt();
    this.#endMs = endMs;
    this.#harvests++;
    const union = this.#sampling.create();
    let [pagesOfAll, watchedPagesMs] = [0, 0];
    for (const [name, pages] of sources) {
      if (name === together) throw new RangeError('A source needs a name.');
      const set = this.#sampling.create();
      yield* set.add(pages);
      const counted = (yield* set.count()) * this.sampledPages;
      const watchedMs = harvest.watchedMs?.get(name) ?? endMs - startMs;
      pagesOfAll += counted;
      watchedPagesMs += counted * watchedMs;
      yield* union.or(set);
      yield* this.#sampling.shrink();
      yield* this.#pyramid(name).add({ startMs, endMs, watchedMs, set });
    }
    const visit = this.#heat.harvest(startMs, endMs);
    const scale = this.sampledPages;
    let distinct = 0;
    yield* union.forEachWord((page, word) => {
      const pages = popcount(word) * scale;
      distinct += pages;
      visit(page, pages);
    });
    // As long as most of its pages were watched.
    const watchedMs = pagesOfAll === 0 ? endMs - startMs : watchedPagesMs / pagesOfAll;
    yield* this.#pyramid(together).add({ startMs, endMs, watchedMs, set: union });
    yield* this.#sampling.shrink();
    return distinct;
  }

  /** D(t) of what was recorded; undefined if nothing was. */
  curve(selection: CurveSelection = {}): EstimatedCurve | undefined {
    const { source = together, block, startMs = -Infinity, endMs = Infinity } = selection;
    const at = block === undefined ? 0 : 1 + this.#blocks.names.indexOf(block);
    const classes = this.#sources.get(source)?.classes ?? [];
    const ranges = this.#options.blocks?.find(({ name }) => name === block)?.ranges;
    return estimateCurve(
      classes.map((windows) =>
        windows
          .filter((window) => window.startMs >= startMs && window.endMs <= endMs)
          .map(({ watchedMs, pages }) => ({ windowMs: watchedMs, pages: pages[at] ?? 0 })),
      ),
      ranges?.reduce((sum, { pages }) => sum + pages, 0) ?? this.#options.pages,
    );
  }

  /** Stretches of time between which the workload of all sources changed; one if it did not. */
  phases(): WorkloadPhase[] {
    const { columns, rows } = this.#heat.map;
    const columnsPerRegion = Math.ceil(columns.length / regions);
    return findPhases(
      rows.map(({ startMs, endMs, pages }) => {
        const byRegion = Array.from({ length: regions }, () => 0);
        for (const [column, count] of pages.entries()) {
          const region = Math.floor(column / columnsPerRegion);
          byRegion[region] = (byRegion[region] ?? 0) + count;
        }
        return { startMs, endMs, pages: byRegion };
      }),
    );
  }

  #interrupt(): void {
    for (const pyramid of this.#sources.values()) pyramid.interrupt();
  }

  #pyramid(name: string): WindowPyramid {
    let pyramid = this.#sources.get(name);
    if (pyramid === undefined) {
      pyramid = new WindowPyramid(this.#sampling, this.#blocks);
      this.#sources.set(name, pyramid);
    }
    return pyramid;
  }
}

interface Window {
  readonly startMs: number;
  readonly endMs: number;
  readonly watchedMs: number;
  readonly set: SampledSet;
}

interface CountedWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** Its harvests' added up. */
  readonly watchedMs: number;
  /** All pages, then those of each block. */
  readonly pages: readonly number[];
}

/**
 * Unions over doubling windows: of each level one window waits for its neighbour, and both become one
 * window of the next level. So as many sets are kept as there are levels, however many harvests come.
 */
class WindowPyramid {
  /** By length: 1, 2, 3, 4, 6, 8, 12, ... harvests. */
  readonly classes: CountedWindow[][] = [];
  readonly #sampling: Sampling;
  readonly #blocks: BlockIndex;
  /** Of each level the window that has no neighbour yet. */
  readonly #waiting: (Window | undefined)[] = [];

  constructor(sampling: Sampling, blocks: BlockIndex) {
    this.#sampling = sampling;
    this.#blocks = blocks;
  }

  *add(window: Window): Steps<void> {
    yield* this.#add(0, window);
  }

  interrupt(): void {
    for (const [level, window] of this.#waiting.entries()) {
      if (window) this.#sampling.release(window.set);
      this.#waiting[level] = undefined;
    }
  }

  *#add(level: number, window: Window): Steps<void> {
    yield* this.#record(2 * level - (level > 0 ? 1 : 0), window);
    const longer = this.#waiting[level + 1];
    const first = this.#waiting[level];
    // A window of twice the length ends where this one begins: together they are three halves of it.
    if (first === undefined && longer !== undefined)
      yield* this.#record(2 * level + 2, longer, window);
    if (level === levels) {
      this.#sampling.release(window.set);
      return;
    }
    if (first === undefined) {
      this.#waiting[level] = window;
      return;
    }
    this.#waiting[level] = undefined;
    yield* first.set.or(window.set);
    this.#sampling.release(window.set);
    yield* this.#add(level + 1, {
      startMs: first.startMs,
      endMs: window.endMs,
      watchedMs: first.watchedMs + window.watchedMs,
      set: first.set,
    });
  }

  *#record(index: number, first: Window, then?: Window): Steps<void> {
    const scale = 2 ** this.#sampling.shift;
    const total = yield* first.set.count(then?.set);
    const ofBlocks = yield* first.set.countBlocks(this.#blocks, then?.set);
    const pages = [total, ...ofBlocks].map((count) => count * scale);
    while (this.classes.length <= index) this.classes.push([]);
    const windows = this.classes[index];
    windows?.push({
      startMs: first.startMs,
      endMs: (then ?? first).endMs,
      watchedMs: first.watchedMs + (then?.watchedMs ?? 0),
      pages,
    });
    if (windows && windows.length > windowsKept) windows.shift();
  }
}
