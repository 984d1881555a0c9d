/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** How much it counts when points contradict each other. */
  readonly weight: number;
}

/**
 * The never falling, concave function through the origin that lies closest to the points: their
 * slopes are pooled where they rise (pool adjacent violators).
 *
 * @param points ascending in x, all beyond 0
 */
export function concaveThrough(points: readonly Point[]): ConcaveCurve {
  interface Piece {
    width: number;
    rise: number;
    weight: number;
  }
  const pieces: Piece[] = [];
  let last: { x: number; y: number } = { x: 0, y: 0 };
  for (const { x, y, weight } of points) {
    pieces.push({ width: x - last.x, rise: Math.max(0, y - last.y), weight });
    last = { x, y };
  }
  // Pooled from the left: a slope above the one before it is averaged with it.
  const pooled: { slope: number; weight: number; widths: number[] }[] = [];
  for (const { width, rise, weight } of pieces) {
    let next = { slope: rise / width, weight: weight * width, widths: [width] };
    for (let before = pooled.at(-1); before && before.slope < next.slope; before = pooled.at(-1)) {
      pooled.pop();
      const sum = before.weight + next.weight;
      next = {
        slope: (before.slope * before.weight + next.slope * next.weight) / sum,
        weight: sum,
        widths: [...before.widths, ...next.widths],
      };
    }
    pooled.push(next);
  }
  const xs = [0];
  const ys = [0];
  for (const { slope, widths } of pooled) {
    for (const width of widths) {
      xs.push((xs.at(-1) ?? 0) + width);
      ys.push((ys.at(-1) ?? 0) + slope * width);
    }
  }
  return new ConcaveCurve(xs, ys);
}

/**
 * A never falling, concave function: between the points Schumaker's quadratic spline, which keeps both
 * properties; beyond the last point an exponential approach whose pace is that of the last slopes.
 */
export class ConcaveCurve {
  readonly #xs: readonly number[];
  readonly #ys: readonly number[];
  /** Of the chords to the right of each point. */
  readonly #chords: readonly number[];
  readonly #slopes: readonly number[];
  /** Over which the slope falls to 1/e beyond the last point; Infinity: it does not. */
  readonly #paceX: number;

  /** @param xs ascending from 0 @param ys of a concave, never falling function, from 0 */
  constructor(xs: readonly number[], ys: readonly number[]) {
    this.#xs = xs;
    this.#ys = ys;
    const chords = xs
      .slice(1)
      .map((x, i) => ((ys[i + 1] ?? 0) - (ys[i] ?? 0)) / (x - (xs[i] ?? 0)));
    this.#chords = chords;
    this.#slopes = slopesAt(chords);
    this.#paceX = pace(xs, chords);
  }

  /** The last point's x; beyond it the curve is extrapolated. */
  get knownTo(): number {
    return this.#xs.at(-1) ?? 0;
  }

  at(x: number): number {
    const last = this.#xs.length - 1;
    if (x <= 0 || last < 1) return 0;
    if (x >= this.knownTo) return (this.#ys[last] ?? 0) + this.#beyond(x - this.knownTo);
    let i = 0;
    while ((this.#xs[i + 1] ?? Infinity) < x) i++;
    return this.#between(i, x);
  }

  #beyond(x: number): number {
    const slope = this.#slopes.at(-1) ?? 0;
    return this.#paceX === Infinity
      ? slope * x
      : -slope * this.#paceX * Math.expm1(-x / this.#paceX);
  }

  #between(i: number, x: number): number {
    const [x1 = 0, x2 = 0] = [this.#xs[i], this.#xs[i + 1]];
    const [s1 = 0, s2 = 0] = [this.#slopes[i], this.#slopes[i + 1]];
    const chord = this.#chords[i] ?? 0;
    const y1 = this.#ys[i] ?? 0;
    const width = x2 - x1;
    if (s1 === s2) return y1 + chord * (x - x1);
    // Where the two parabolas meet; the slope there makes the whole rise what the chord says.
    const knot = schumakerKnot(width, s1 - chord, chord - s2);
    const middle = 2 * chord - (s1 * knot + s2 * (width - knot)) / width;
    const u = x - x1;
    if (knot > 0 && u <= knot) return y1 + s1 * u + ((middle - s1) * u * u) / (2 * knot);
    const yKnot = y1 + ((s1 + middle) * knot) / 2;
    const v = u - knot;
    return yKnot + middle * v + ((s2 - middle) * v * v) / (2 * (width - knot));
  }
}

/**
 * @param left how much the slope at the left end is above the chord
 * @param right how much the slope at the right end is below it
 */
function schumakerKnot(width: number, left: number, right: number): number {
  const sum = left + right;
  if (sum <= 0) return width / 2;
  // The knot lies nearer to the end whose slope is further from the chord.
  return (width * right) / sum;
}

/** Slopes at the points, each between those of the chords beside it. */
function slopesAt(chords: readonly number[]): number[] {
  const slopes = chords.slice(1).map((right, i) => {
    const left = chords[i] ?? 0;
    return left + right > 0 ? (2 * left * right) / (left + right) : 0;
  });
  const first = chords[0] ?? 0;
  const last = chords.at(-1) ?? 0;
  const next = slopes[0] ?? first;
  const before = slopes.at(-1) ?? last;
  return [
    Math.max(first, 2 * first - next),
    ...slopes,
    Math.max(0, Math.min(last, 2 * last - before)),
  ];
}

function pace(xs: readonly number[], chords: readonly number[]): number {
  const n = chords.length;
  const [before, last] = [chords[n - 2], chords[n - 1]];
  if (before === undefined || last === undefined || last <= 0 || before <= last) {
    return last !== undefined && last <= 0 ? 1 : Infinity;
  }
  const between = ((xs[n] ?? 0) - (xs[n - 2] ?? 0)) / 2;
  return between / Math.log(before / last);
}
