/** Measures cases fairly: ours and the peer by turns, so that both see the same machine. */
import type { BenchRow } from './row.js';

/** One side of a comparison: does its work once and returns the figure, in the case's unit. */
export type Turn = (signal: AbortSignal) => Promise<number>;

export interface BenchCase {
  readonly name: string;
  readonly unit: string;
  /** How often each side has its turn; the medians are compared. */
  readonly turns: number;
  readonly ours: Turn;
  readonly peer?: { readonly name: string; readonly turn: Turn } | undefined;
  readonly goal?: {
    readonly words: string;
    /** Gets the medians; `peer` is NaN where there is none. */
    readonly met: (ours: number, peer: number) => boolean;
  };
}

/**
 * Measures the case.
 *
 * A side that throws makes a row that says so and misses its goal: no row is ever left out.
 *
 * @param onError told why a side failed
 */
export async function measure(
  bench: string,
  benchCase: BenchCase,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<BenchRow> {
  const { name, unit, turns, ours, peer, goal } = benchCase;
  const figures: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
  let failed = false;
  try {
    for (let turn = 0; turn < turns; turn++) {
      signal.throwIfAborted();
      // Who begins changes as well: the second may find warmer caches.
      const order = turn % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const);
      for (const side of order) {
        if (side === 'ours') figures.ours.push(await ours(signal));
        else if (peer !== undefined) figures.peer.push(await peer.turn(signal));
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    onError(error);
    failed = true;
  }
  const oursMedian = median(figures.ours);
  const peerMedian = median(figures.peer);
  const figure = (value: number): number | null =>
    failed || Number.isNaN(value) ? null : rounded(value);
  return {
    bench,
    case: name,
    unit,
    ours: figure(oursMedian),
    peerName: peer?.name ?? null,
    peer: figure(peerMedian),
    ratio: figure(oursMedian / peerMedian),
    goal: goal?.words ?? null,
    met: failed ? false : goal === undefined ? null : goal.met(oursMedian, peerMedian),
  };
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = sorted.slice(Math.max(0, middle - 1), middle + 1);
  if (sorted.length % 2 === 1) return sorted[middle] ?? NaN;
  return (low + high) / 2;
}

/** Three significant digits: more would be noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** The smallest value that so many percent of them do not exceed; NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}
