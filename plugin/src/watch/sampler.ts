import type { WatchedRate, WatchedSource } from './records.js';

/** Pages found dirty in one harvest. */
export interface Counted {
  readonly startMs: number;
  readonly endMs: number;
  /** Distinct pages, by source. */
  readonly pages: ReadonlyMap<string, number>;
  /** How long each source saw of that time; default: all of it. */
  readonly watchedMs?: ReadonlyMap<string, number> | undefined;
  /** Distinct pages of all sources. */
  readonly together: number;
}

/** Harvests of one sample, added up. */
export interface Rates {
  readonly windowMs: number;
  readonly harvests: number;
  readonly sources: readonly WatchedSource[];
  readonly together: WatchedRate;
}

/** Adds harvests up until they are as long as a sample. */
export class Sampler {
  readonly #kinds: ReadonlyMap<string, 'cpu' | 'device'>;
  readonly #intervalMs: number;
  readonly #pageBytes: number;
  readonly #pages = new Map<string, number>();
  readonly #sawMs = new Map<string, number>();
  #together = 0;
  #watchedMs = 0;
  #harvests = 0;

  constructor(kinds: ReadonlyMap<string, 'cpu' | 'device'>, intervalMs: number, pageBytes: number) {
    this.#kinds = kinds;
    this.#intervalMs = intervalMs;
    this.#pageBytes = pageBytes;
  }

  /** @returns the sample that this harvest completes; undefined while it does not */
  add({ startMs, endMs, pages, watchedMs, together }: Counted): Rates | undefined {
    const harvestMs = endMs - startMs;
    for (const [name, count] of pages) {
      this.#pages.set(name, (this.#pages.get(name) ?? 0) + count);
      this.#sawMs.set(name, (this.#sawMs.get(name) ?? 0) + (watchedMs?.get(name) ?? harvestMs));
    }
    this.#together += together;
    this.#watchedMs += harvestMs;
    this.#harvests++;
    // Harvests come a little early or late: nearer to the interval than with one more.
    if (this.#watchedMs + harvestMs / 2 < this.#intervalMs) return undefined;
    const rates = this.#rates();
    this.#pages.clear();
    this.#sawMs.clear();
    this.#together = this.#watchedMs = this.#harvests = 0;
    return rates;
  }

  #rates(): Rates {
    const rate = (pagesPerSecond: number): WatchedRate => ({
      pagesPerSecond,
      bytesPerSecond: pagesPerSecond * this.#pageBytes,
    });
    const rates = [...this.#kinds.keys()].map((name) => {
      const pages = this.#pages.get(name) ?? 0;
      return pages === 0 ? 0 : (pages * 1000) / (this.#sawMs.get(name) ?? 0);
    });
    const counted = sum(this.#pages.values());
    // Of the sources' rates as much as is left of their pages where each counts once.
    const once = counted === 0 ? 0 : this.#together / counted;
    return {
      windowMs: this.#watchedMs,
      harvests: this.#harvests,
      sources: [...this.#kinds].map(([name, kind], i) => ({ name, kind, ...rate(rates[i] ?? 0) })),
      together: rate(sum(rates) * once),
    };
  }
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
