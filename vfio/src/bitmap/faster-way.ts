/** Measurements of each way that count: the last so many. */
const KEPT = 9;
/** Every so many times the slower way is gone, as the work may have changed. */
const LOOK_AGAIN = 31;

/**
 * Which of two ways to do the same is faster here and now, found out on the work itself. What decides is the
 * median, since any measurement may have been interrupted, or have been of code that was not compiled yet.
 */
export class FasterWay {
  readonly #costs: [number[], number[]] = [[], []];
  readonly #medians: [number, number] = [Infinity, Infinity];
  #calls = 0;

  /** The way to go now. */
  get next(): 0 | 1 {
    const [one, other] = this.#costs;
    if (other.length < KEPT) return one.length > other.length ? 1 : 0;
    const looksAgain = this.#calls % LOOK_AGAIN === 0;
    const secondIsFaster = this.#medians[1] < this.#medians[0];
    return secondIsFaster === looksAgain ? 0 : 1;
  }

  /**
   * Says what it has cost.
   *
   * @param cost per unit of work, such as ms a byte
   */
  took(way: 0 | 1, cost: number): void {
    this.#calls += 1;
    const costs = this.#costs[way];
    costs.push(cost);
    if (costs.length > KEPT) costs.shift();
    this.#medians[way] = medianOf(costs);
  }
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Infinity;
}
