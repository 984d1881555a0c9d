/** Plots as SVG elements. They need no script, scale with the page, and print. */
import { escapeMarkup } from './markup.js';

const width = 760;
const height = 260;
const margin = { left: 84, right: 16, top: 12, bottom: 42 };

/** The style has six colours. */
export function colorOf(index: number): string {
  return `color${index % 6}`;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  /** A CSS class: color0 ... color5. */
  readonly color: string;
  readonly points: readonly Point[];
  /** A band from `low` to `high` around the line. */
  readonly band?: readonly { readonly x: number; readonly low: number; readonly high: number }[];
  /** Keeps its height until the next point. */
  readonly steps?: boolean;
  readonly dashed?: boolean;
}

export interface Axis {
  readonly name: string;
  readonly format: (value: number) => string;
  readonly log?: boolean;
  /** Ticks at round numbers of KiB, MiB, ... */
  readonly binary?: boolean;
}

interface Scale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** Lines over common axes, with a legend. */
export function linePlot(title: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const points = series.flatMap((one) => one.points);
  const highs = series.flatMap((one) => one.band?.map(({ high }) => high) ?? []);
  const xs = scale(
    x,
    points.map((point) => point.x),
    margin.left,
    width - margin.right,
  );
  const ys = scale(
    y,
    [...points.map((point) => point.y), ...highs],
    height - margin.bottom,
    margin.top,
  );
  return [
    `<figure><figcaption>${escapeMarkup(title)}</figcaption>`,
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeMarkup(title)}">`,
    ...gridLines(x, y, xs, ys),
    ...series.flatMap((one) => seriesShapes(one, xs, ys)),
    '</svg>',
    `<p class="legend">${series.map(({ name, color }) => `<span class="key ${color}"></span>${escapeMarkup(name)}`).join(' ')}</p>`,
    '</figure>',
  ].join('\n');
}

function gridLines(x: Axis, y: Axis, xs: Scale, ys: Scale): string[] {
  const bottom = height - margin.bottom;
  const right = width - margin.right;
  return [
    ...ys.ticks.map(
      (value) =>
        `<line class="grid" x1="${margin.left}" x2="${right}" y1="${n(ys.at(value))}" y2="${n(ys.at(value))}"/><text class="tick" text-anchor="end" x="${margin.left - 6}" y="${n(ys.at(value) + 4)}">${escapeMarkup(y.format(value))}</text>`,
    ),
    ...xs.ticks.map(
      (value) =>
        `<line class="grid" y1="${margin.top}" y2="${bottom}" x1="${n(xs.at(value))}" x2="${n(xs.at(value))}"/><text class="tick" text-anchor="middle" x="${n(xs.at(value))}" y="${bottom + 16}">${escapeMarkup(x.format(value))}</text>`,
    ),
    `<text class="axis" text-anchor="middle" x="${(margin.left + right) / 2}" y="${height - 6}">${escapeMarkup(x.name)}</text>`,
    `<text class="axis" text-anchor="middle" transform="translate(12 ${(margin.top + bottom) / 2}) rotate(-90)">${escapeMarkup(y.name)}</text>`,
  ];
}

function seriesShapes(
  { points, band, color, steps, dashed }: Series,
  xs: Scale,
  ys: Scale,
): string[] {
  const shapes: string[] = [];
  if (band && band.length > 0) {
    const upper = band.map(({ x, high }) => `${n(xs.at(x))},${n(ys.at(high))}`);
    const lower = band.map(({ x, low }) => `${n(xs.at(x))},${n(ys.at(low))}`).reverse();
    shapes.push(`<polygon class="band ${color}" points="${[...upper, ...lower].join(' ')}"/>`);
  }
  const path = points.map(({ x, y }, i) => {
    const [px, py] = [n(xs.at(x)), n(ys.at(y))];
    if (i === 0) return `M${px} ${py}`;
    return steps ? `H${px}V${py}` : `L${px} ${py}`;
  });
  if (path.length > 1) {
    shapes.push(`<path class="line ${color}${dashed ? ' dashed' : ''}" d="${path.join('')}"/>`);
  }
  if (points.length <= 60) {
    shapes.push(
      ...points.map(
        ({ x, y }) =>
          `<circle class="dot ${color}" cx="${n(xs.at(x))}" cy="${n(ys.at(y))}" r="2.5"/>`,
      ),
    );
  }
  return shapes;
}

export interface BarPart {
  readonly name: string;
  readonly color: string;
  readonly value: number;
  readonly text: string;
}

/** One bar, made of parts side by side. */
export function partsBar(title: string, parts: readonly BarPart[]): string {
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  let at = 0;
  const shapes = parts.map(({ name, color, value, text }) => {
    const x = at;
    const share = total > 0 ? (value / total) * width : 0;
    at += share;
    return `<rect class="part ${color}" x="${n(x)}" y="0" width="${n(share)}" height="36"><title>${escapeMarkup(`${name}: ${text}`)}</title></rect>`;
  });
  return `<figure><figcaption>${escapeMarkup(title)}</figcaption><svg viewBox="0 0 ${width} 36" role="img" aria-label="${escapeMarkup(title)}">${shapes.join('')}</svg></figure>`;
}

/** Rows of cells, darker where the value is higher; rows from top to bottom. */
export function heatPlot(
  title: string,
  rows: readonly (readonly number[])[],
  xName: string,
  yName: string,
): string {
  const most = rows.reduce((max, row) => row.reduce((a, b) => Math.max(a, b), max), 0);
  const columns = rows[0]?.length ?? 0;
  const cell = {
    width: (width - margin.left) / Math.max(1, columns),
    height: Math.max(2, 220 / Math.max(1, rows.length)),
  };
  const shapes = rows.flatMap((row, r) => heatRow(row, r, most, cell));
  const bottom = cell.height * rows.length;
  return [
    `<figure><figcaption>${escapeMarkup(title)}</figcaption>`,
    `<svg viewBox="0 0 ${width} ${n(bottom + 24)}" role="img" aria-label="${escapeMarkup(title)}" shape-rendering="crispEdges">`,
    `<rect class="frame" x="${margin.left}" y="0" width="${width - margin.left}" height="${n(bottom)}"/>`,
    ...shapes,
    `<text class="axis" text-anchor="middle" x="${(margin.left + width) / 2}" y="${n(bottom + 18)}">${escapeMarkup(xName)}</text>`,
    `<text class="axis" text-anchor="middle" transform="translate(40 ${n(bottom / 2)}) rotate(-90)">${escapeMarkup(yName)}</text>`,
    '</svg></figure>',
  ].join('\n');
}

const shades = 8;

/** Neighbours of one shade are one rectangle. */
function heatRow(
  row: readonly number[],
  r: number,
  most: number,
  cell: { readonly width: number; readonly height: number },
): string[] {
  const shapes: string[] = [];
  const shadeAt = (c: number): number => {
    const value = row[c] ?? 0;
    // The root shows what is little beside what is much.
    return most === 0 || value === 0
      ? 0
      : Math.max(1, Math.round(shades * Math.sqrt(value / most)));
  };
  for (let from = 0; from < row.length;) {
    const shade = shadeAt(from);
    let to = from + 1;
    while (to < row.length && shadeAt(to) === shade) to += 1;
    if (shade > 0) {
      shapes.push(
        `<rect class="heat" fill-opacity="${(shade / shades).toFixed(3)}" x="${n(margin.left + from * cell.width)}" y="${n(r * cell.height)}" width="${n((to - from) * cell.width)}" height="${n(cell.height)}"/>`,
      );
    }
    from = to;
  }
  return shapes;
}

function scale(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  return axis.log
    ? logScale(values, from, to)
    : linearScale(values, from, to, axis.binary ? 1024 : 1000);
}

function linearScale(values: readonly number[], from: number, to: number, base: number): Scale {
  const top = values.reduce((a, b) => Math.max(a, b), 0);
  const max = top > 0 ? top : 1;
  const unit = base ** Math.floor(Math.log(max) / Math.log(base));
  const rough = max / unit / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power * unit;
  const ticks = Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
  return { min: 0, max, ticks, at: (value) => from + (value / max) * (to - from) };
}

function logScale(values: readonly number[], from: number, to: number): Scale {
  const positive = values.filter((value) => value > 0);
  const min =
    10 ** Math.floor(Math.log10(positive.reduce((a, b) => Math.min(a, b), positive[0] ?? 1)));
  const max = Math.max(
    10 * min,
    10 ** Math.ceil(Math.log10(positive.reduce((a, b) => Math.max(a, b), 1))),
  );
  const decades = Math.round(Math.log10(max / min));
  const ticks = Array.from({ length: decades + 1 }, (_, i) => min * 10 ** i);
  const at = (value: number): number =>
    from + (Math.log10(Math.max(value, min) / min) / decades) * (to - from);
  return { min, max, ticks, at };
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
