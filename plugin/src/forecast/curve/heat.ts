/** Dirty pages by address and time, in tables that never grow. */
import type { PageRange } from 'linux-vfio-ts';
import { findHotRanges, type HotRange } from './hot-ranges.js';

export interface HeatMap {
  /** Page ranges of each column, ascending; holes between mappings are in none. */
  readonly columns: readonly (readonly PageRange[])[];
  readonly rows: readonly HeatRow[];
}

export interface HeatRow {
  readonly startMs: number;
  readonly endMs: number;
  readonly harvests: number;
  /** Pages found dirty in each column, summed over the row's harvests; a page counts once a harvest. */
  readonly pages: Float64Array;
}

interface RecordedRow extends HeatRow {
  endMs: number;
  harvests: number;
}

const mostRows = 256;
const mostColumns = 256;
/** Cells from which hot ranges are told, whatever the size of the guest: 512 KiB. */
const mostCells = 65_536;
const wordPages = 32;

/**
 * Time is as fine as the rows last: when they are used up, two neighbours each become one. Columns are
 * as wide as the guest's RAM demands. Beside them, cells of finer address and no time.
 */
export class HeatRecorder {
  readonly #mapped: readonly MappedWords[];
  readonly #wordsPerCell: number;
  readonly #wordsPerColumn: number;
  readonly #columns: number;
  readonly #cells: Float64Array;
  #rows: RecordedRow[] = [];
  #harvestsPerRow = 1;
  /** Where the last page was found: words come mostly in order. */
  #last: MappedWords | undefined;

  /** @param mapped where pages can be dirty, ascending */
  constructor(mapped: readonly PageRange[]) {
    this.#mapped = mappedWords(mapped);
    const words = this.#mapped.reduce((sum, { first, end }) => sum + end - first, 0);
    this.#wordsPerCell = Math.max(1, Math.ceil(words / mostCells));
    this.#wordsPerColumn = Math.max(1, Math.ceil(words / mostColumns));
    this.#columns = Math.ceil(words / this.#wordsPerColumn);
    this.#cells = new Float64Array(Math.ceil(words / this.#wordsPerCell));
  }

  get map(): HeatMap {
    const columns = Array.from({ length: this.#columns }, (_, column) =>
      this.#rangesOf(column * this.#wordsPerColumn, (column + 1) * this.#wordsPerColumn),
    );
    return { columns, rows: this.#rows };
  }

  /** Stretches that differ in how often their pages were dirty, hottest first. */
  hotRanges(
    blocks: readonly { readonly name: string; readonly ranges: readonly PageRange[] }[],
  ): HotRange[] {
    return findHotRanges(
      [...this.#cells].map((dirtied, cell) => ({
        dirtied,
        ranges: this.#rangesOf(cell * this.#wordsPerCell, (cell + 1) * this.#wordsPerCell),
      })),
      blocks,
    );
  }

  /** Begins a harvest's entry. @returns what to call with dirty pages, by the first page of a word */
  harvest(startMs: number, endMs: number): (page: number, pages: number) => void {
    const row = this.#rowFor(startMs, endMs);
    return (page, pages) => {
      const word = this.#rankOf(Math.floor(page / wordPages));
      if (word === undefined) return;
      const column = Math.floor(word / this.#wordsPerColumn);
      row[column] = (row[column] ?? 0) + pages;
      const cell = Math.floor(word / this.#wordsPerCell);
      this.#cells[cell] = (this.#cells[cell] ?? 0) + pages;
    };
  }

  /** How many mapped words lie before this one; undefined for one in a hole. */
  #rankOf(word: number): number | undefined {
    let at = this.#last;
    if (at === undefined || word < at.first || word >= at.end) {
      at = this.#mapped.find(({ first, end }) => word >= first && word < end);
      if (at === undefined) return undefined;
      this.#last = at;
    }
    return at.rank + word - at.first;
  }

  /** The pages of mapped words number `from` up to `to`. */
  #rangesOf(from: number, to: number): PageRange[] {
    return this.#mapped.flatMap(({ first, end, rank }) => {
      const start = Math.max(from, rank);
      const words = Math.min(to, rank + end - first) - start;
      if (words <= 0) return [];
      return [{ firstPage: (first + start - rank) * wordPages, pages: words * wordPages }];
    });
  }

  #rowFor(startMs: number, endMs: number): Float64Array {
    let last = this.#rows.at(-1);
    if (last === undefined || last.harvests >= this.#harvestsPerRow) {
      if (this.#rows.length === mostRows) this.#halve();
      last = { startMs, endMs, harvests: 0, pages: new Float64Array(this.#columns) };
      this.#rows.push(last);
    }
    last.endMs = endMs;
    last.harvests++;
    return last.pages;
  }

  #halve(): void {
    this.#rows = joinRows(this.#rows, 2);
    this.#harvestsPerRow *= 2;
  }
}

/** Rows joined by so many neighbours. */
export function joinRows(rows: readonly HeatRow[], neighbours: number): HeatRow[] {
  const joined: RecordedRow[] = [];
  for (const [i, row] of rows.entries()) {
    const last = joined.at(-1);
    if (last === undefined || i % neighbours === 0) {
      joined.push({ ...row, pages: row.pages.slice() });
      continue;
    }
    last.endMs = row.endMs;
    last.harvests += row.harvests;
    for (const [column, pages] of row.pages.entries()) {
      last.pages[column] = (last.pages[column] ?? 0) + pages;
    }
  }
  return joined;
}

/** A stretch of words that holds mapped pages, and how many such words lie before it. */
interface MappedWords {
  readonly first: number;
  readonly end: number;
  readonly rank: number;
}

function mappedWords(mapped: readonly PageRange[]): MappedWords[] {
  const words: { first: number; end: number; rank: number }[] = [];
  for (const { firstPage, pages } of mapped) {
    const first = Math.floor(firstPage / wordPages);
    const end = Math.ceil((firstPage + pages) / wordPages);
    const last = words.at(-1);
    if (last !== undefined && first <= last.end) last.end = Math.max(last.end, end);
    else
      words.push({ first, end, rank: last === undefined ? 0 : last.rank + last.end - last.first });
  }
  return words;
}
