import { type CooperateOptions, cooperate } from './cooperate.js';
import type { DirtyBitmap } from './dirty-bitmap.js';
import type { PageRange } from './layout.js';
import { RunSummary } from './runs.js';

/** What a harvest looks like. */
export interface BitmapAnalysis {
  readonly dirtyPages: number;
  /** Number of runs of dirty pages: how many stretches a copy of them would touch. */
  readonly runs: number;
  /** Longest first. */
  readonly longestRuns: readonly PageRange[];
}

export interface AnalyseOptions extends CooperateOptions {
  /** How many of the longest runs to list; default 10. */
  readonly longest?: number | undefined;
}

/**
 * Counts a bitmap's dirty pages and runs while the event loop goes on: a bitmap of 32 MiB (1 TiB of
 * guest in 4 KiB pages) takes some ten to a hundred milliseconds in all, in slices of `sliceMs`.
 *
 * The bitmap must not change meanwhile.
 *
 * @throws the signal's reason; {@link BitmapError} `BITMAP_DISPOSED` if it is disposed of meanwhile
 */
export async function analyse(
  bitmap: DirtyBitmap,
  options: AnalyseOptions = {},
): Promise<BitmapAnalysis> {
  return cooperate(analysis(bitmap, options.longest ?? 10), options);
}

/** @internal The steps of {@link analyse}. */
export function* analysis(
  bitmap: DirtyBitmap,
  longest: number,
): Generator<undefined, BitmapAnalysis, undefined> {
  const summary = new RunSummary(longest);
  for (const block of bitmap.runBlocks()) {
    summary.add(block);
    yield;
  }
  return { dirtyPages: summary.pages, runs: summary.runs, longestRuns: summary.longest() };
}
