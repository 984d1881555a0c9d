/** Small graphs of block characters: bars, sparklines, shades. */

const eighths = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const shades = [' ', '░', '▒', '▓', '█'] as const;

/** One character for each of the last `width` values, scaled to the largest; a blank for NaN. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(0, ...shown.filter((value) => !Number.isNaN(value)));
  return shown
    .map((value) => (Number.isNaN(value) ? ' ' : eighths[level(value, most, eighths.length)]))
    .join('');
}

/** A bar of `width` characters for 1, of one at least. */
export function bar(part: number, width: number): string {
  return '█'.repeat(Math.max(1, Math.round(Math.min(1, part) * width)));
}

/** A shade for 0 to `most`: a blank for nothing at all. */
export function shade(value: number, most: number): string {
  return value <= 0 ? shades[0] : (shades[1 + level(value, most, shades.length - 1)] ?? shades[4]);
}

/** Which of `levels` equal steps from 0 to `most` a value lies in. */
function level(value: number, most: number, levels: number): number {
  if (!(most > 0)) return 0;
  return Math.max(0, Math.min(levels - 1, Math.ceil((value / most) * levels) - 1));
}
