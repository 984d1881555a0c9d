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
 */
import type { PageRange } from 'linux-vfio-ts';
import { estimateCurve, type EstimatedCurve } from './curve/estimate.js';
import { HeatRecorder, type HeatMap } from './curve/heat.js';
import { findPhases, type WindowCount, type WorkloadPhase } from './curve/phases.js';
import {
  countWithin,
  type DirtyPages,
  popcount,
  type SampledSet,
  Sampling,
} from './curve/sampled-set.js';

export type { CurvePoint, EstimatedCurve } from './curve/estimate.js';
export type { HeatMap, HeatRow } from './curve/heat.js';
export type { WorkloadPhase } from './curve/phases.js';
export type { BitmapLike, DirtyPages } from './curve/sampled-set.js';

/** One destructive read of every source: what was dirtied between two moments. */
export interface Harvest {
  /** The harvest before this one. Windows that follow each other share a moment. */
  readonly startMs: number;
  readonly endMs: number;
  /** By name of the source; one that was not read this time is absent. */
  readonly sources: ReadonlyMap<string, DirtyPages>;
}

export interface CurveBuilderOptions {
  /** Pages that bits stand for; all sources have the same layout. */
  readonly pages: number;
  /** RAM blocks whose curves are wanted too, as pages of the layout. */
  readonly blocks?: readonly { readonly name: string; readonly range: PageRange }[] | undefined;
  /**
   * Most memory for sets of pages; default 48 MiB. When it is used up, one word of 32 pages of two,
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

/** Takes harvests as they come and can say the curve at any time. */
export class CurveBuilder {
  readonly #options: CurveBuilderOptions;
  readonly #sampling: Sampling;
  readonly #heat: HeatRecorder;
  readonly #sources = new Map<string, WindowPyramid>();
  #harvests = 0;
  #endMs: number | undefined;

  constructor(options: CurveBuilderOptions) {
    this.#options = options;
    this.#sampling = new Sampling(options.budgetBytes ?? 48 * 2 ** 20);
    this.#heat = new HeatRecorder(options.pages);
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

  /** Dirty pages of all sources by address and time. */
  get heat(): HeatMap {
    return this.#heat.map;
  }

  /**
   * Takes a harvest; nothing of it is kept by reference.
   *
   * @throws RangeError if it ends before it begins, or begins before the last one's end
   */
  add(harvest: Harvest): void {
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
    for (const [name, pages] of sources) {
      if (name === together) throw new RangeError('A source needs a name.');
      const set = this.#sampling.create();
      set.add(pages);
      union.or(set);
      this.#sampling.shrink();
      this.#pyramid(name).add({ startMs, endMs, set });
    }
    const visit = this.#heat.harvest(startMs, endMs);
    const scale = this.sampledPages;
    union.forEachWord((page, word) => {
      visit(page, popcount(word) * scale);
    });
    this.#pyramid(together).add({ startMs, endMs, set: union });
    this.#sampling.shrink();
  }

  /** D(t) of what was recorded; undefined if nothing was. */
  curve(selection: CurveSelection = {}): EstimatedCurve | undefined {
    const { source = together, block, startMs = -Infinity, endMs = Infinity } = selection;
    const at = block === undefined ? 0 : 1 + this.#blockNames().indexOf(block);
    const classes = this.#sources.get(source)?.classes ?? [];
    const range = this.#options.blocks?.find(({ name }) => name === block)?.range;
    return estimateCurve(
      classes.map((windows) =>
        windows
          .filter((window) => window.startMs >= startMs && window.endMs <= endMs)
          .map(({ startMs, endMs, pages }) => ({ startMs, endMs, pages: pages[at] ?? 0 })),
      ),
      range?.pages ?? this.#options.pages,
    );
  }

  /** Stretches of time between which the workload changed; one if it did not. */
  phases(source: string = together): WorkloadPhase[] {
    const classes = this.#sources.get(source)?.classes ?? [];
    // Short windows tell best where a change was; some hundred are enough.
    const windows = classes.find(({ length }) => length > 0 && length <= 512) ?? classes[0] ?? [];
    return findPhases(
      windows.map(({ startMs, endMs, pages }): WindowCount => ({
        startMs,
        endMs,
        pages: pages[0] ?? 0,
      })),
    );
  }

  #blockNames(): string[] {
    return (this.#options.blocks ?? []).map(({ name }) => name);
  }

  #interrupt(): void {
    for (const pyramid of this.#sources.values()) pyramid.interrupt();
  }

  #pyramid(name: string): WindowPyramid {
    let pyramid = this.#sources.get(name);
    if (pyramid === undefined) {
      const ranges = (this.#options.blocks ?? []).map(({ range }) => range);
      pyramid = new WindowPyramid(this.#sampling, ranges);
      this.#sources.set(name, pyramid);
    }
    return pyramid;
  }
}

interface Window {
  readonly startMs: number;
  readonly endMs: number;
  readonly set: SampledSet;
}

interface CountedWindow {
  readonly startMs: number;
  readonly endMs: number;
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
  readonly #blocks: readonly PageRange[];
  /** Of each level the window that has no neighbour yet. */
  readonly #waiting: (Window | undefined)[] = [];

  constructor(sampling: Sampling, blocks: readonly PageRange[]) {
    this.#sampling = sampling;
    this.#blocks = blocks;
  }

  add(window: Window): void {
    this.#add(0, window);
  }

  interrupt(): void {
    for (const [level, window] of this.#waiting.entries()) {
      if (window) this.#sampling.release(window.set);
      this.#waiting[level] = undefined;
    }
  }

  #add(level: number, window: Window): void {
    this.#record(2 * level - (level > 0 ? 1 : 0), window);
    const longer = this.#waiting[level + 1];
    const first = this.#waiting[level];
    // A window of twice the length ends where this one begins: together they are three halves of it.
    if (first === undefined && longer !== undefined) this.#record(2 * level + 2, longer, window);
    if (level === levels) {
      this.#sampling.release(window.set);
      return;
    }
    if (first === undefined) {
      this.#waiting[level] = window;
      return;
    }
    this.#waiting[level] = undefined;
    first.set.or(window.set);
    this.#sampling.release(window.set);
    this.#add(level + 1, { startMs: first.startMs, endMs: window.endMs, set: first.set });
  }

  #record(index: number, first: Window, then?: Window): void {
    const scale = 2 ** this.#sampling.shift;
    const total = first.set.count(then?.set) * scale;
    const pages = [total, ...this.#countBlocks(first.set, then?.set).map((n) => n * scale)];
    while (this.classes.length <= index) this.classes.push([]);
    const windows = this.classes[index];
    windows?.push({ startMs: first.startMs, endMs: (then ?? first).endMs, pages });
    if (windows && windows.length > windowsKept) windows.shift();
  }

  #countBlocks(set: SampledSet, also: SampledSet | undefined): number[] {
    const counts = this.#blocks.map(() => 0);
    if (counts.length === 0) return counts;
    set.forEachWord((page, word) => {
      for (const [i, block] of this.#blocks.entries()) {
        counts[i] = (counts[i] ?? 0) + countWithin(block, page, word);
      }
    }, also);
    return counts;
  }
}
