/** Dirty pages by address and time, in a table that never grows. */
export interface HeatMap {
  readonly pagesPerColumn: number;
  readonly rows: readonly HeatRow[];
}

export interface HeatRow {
  readonly startMs: number;
  readonly endMs: number;
  /** Pages found dirty, summed over the row's harvests; a page counts once a harvest. */
  readonly columns: Float64Array;
}

interface RecordedRow extends HeatRow {
  endMs: number;
  harvests: number;
}

const mostRows = 64;
const mostColumns = 256;
const wordPages = 32;

/** When its rows are used up, two neighbours each become one: time gets coarser, memory stays. */
export class HeatRecorder {
  readonly #pagesPerColumn: number;
  readonly #columns: number;
  #rows: RecordedRow[] = [];
  #harvestsPerRow = 1;

  constructor(pages: number) {
    this.#pagesPerColumn = Math.max(1, Math.ceil(pages / mostColumns / wordPages)) * wordPages;
    this.#columns = Math.ceil(pages / this.#pagesPerColumn);
  }

  get map(): HeatMap {
    return { pagesPerColumn: this.#pagesPerColumn, rows: this.#rows };
  }

  /** Begins a harvest's entry. @returns what to call with dirty pages */
  harvest(startMs: number, endMs: number): (page: number, pages: number) => void {
    const row = this.#rowFor(startMs, endMs);
    return (page, pages) => {
      const column = Math.floor(page / this.#pagesPerColumn);
      row[column] = (row[column] ?? 0) + pages;
    };
  }

  #rowFor(startMs: number, endMs: number): Float64Array {
    let last = this.#rows.at(-1);
    if (last === undefined || last.harvests >= this.#harvestsPerRow) {
      if (this.#rows.length === mostRows) this.#halve();
      last = { startMs, endMs, harvests: 0, columns: new Float64Array(this.#columns) };
      this.#rows.push(last);
    }
    last.endMs = endMs;
    last.harvests++;
    return last.columns;
  }

  #halve(): void {
    const halved: RecordedRow[] = [];
    for (let i = 0; i < this.#rows.length; i += 2) {
      const [one, other] = [this.#rows[i], this.#rows[i + 1]];
      if (one === undefined) continue;
      for (let c = 0; other !== undefined && c < this.#columns; c++) {
        one.columns[c] = (one.columns[c] ?? 0) + (other.columns[c] ?? 0);
      }
      halved.push({
        ...one,
        endMs: other?.endMs ?? one.endMs,
        harvests: one.harvests + (other?.harvests ?? 0),
      });
    }
    this.#rows = halved;
    this.#harvestsPerRow *= 2;
  }
}
