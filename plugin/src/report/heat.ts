/** Where a guest dirties, as a picture and as a list. */
import type { RehearsedHeat, RehearsedHotRange, Rehearsal } from '../harvest/rehearsal.js';
import { shade } from './blocks.js';
import { formatBytes, formatHex, formatMs } from './format.js';
import { table } from './table.js';

const mostRows = 10;
/** Ranges are listed until they make up this part of all that was dirtied, and no more than so many. */
const shareToList = 0.95;
const mostRanges = 8;

/** Address from left to right, time downwards. @param width of the terminal, characters */
export function heatLines(heat: RehearsedHeat, pageBytes: number, width: number): string[] {
  const labelled = coarser(heat.rows, mostRows).map((row) => ({
    label: formatMs(row.startMs),
    row,
  }));
  const labelWidth = Math.max(0, ...labelled.map(({ label }) => label.length));
  const columns = grouped(heat.columns.length, Math.max(8, width - labelWidth - 3));
  const cells = labelled.map(({ label, row }) => ({
    label,
    shares: columns.map(([from, to]) => {
      const bytes = heat.columns
        .slice(from, to)
        .flatMap(({ ranges }) => ranges)
        .reduce((sum, range) => sum + range.bytes, 0);
      const pages = row.pages.slice(from, to).reduce((a, b) => a + b, 0);
      return (pages * pageBytes) / bytes / row.harvests;
    }),
  }));
  const most = Math.max(0, ...cells.flatMap(({ shares }) => shares));
  if (most === 0) return [];
  const [first, last] = [heat.columns[0]?.ranges[0], heat.columns.at(-1)?.ranges.at(-1)];
  const end = last === undefined ? 0n : last.first + BigInt(last.bytes);
  return [
    `dirty pages by address (${formatHex(first?.first ?? 0n)} to ${formatHex(end)}, without holes) and time; █ is ${percent(most)} of the pages in a harvest:`,
    ...cells.map(
      ({ label, shares }) =>
        `${label.padStart(labelWidth)} │${shares.map((share) => shade(share, most)).join('')}│`,
    ),
  ];
}

export function hotRangeLines(ranges: Rehearsal['hotRanges']): string[] {
  const listed: RehearsedHotRange[] = [];
  let share = 0;
  for (const range of ranges) {
    if (share >= shareToList || listed.length === mostRanges) break;
    listed.push(range);
    share += range.share;
  }
  if (listed.length === 0) return [];
  return table([
    ['hottest ranges', 'at', 'size', 'of all dirtied', 'dirty in a harvest'],
    ...listed.map((range) => [
      range.block ?? 'unknown block',
      formatHex(range.first),
      formatBytes(range.bytes),
      percent(range.share),
      percent(range.dirtyShare),
    ]),
  ]);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

type Row = RehearsedHeat['rows'][number];

/** At most so many rows, neighbours joined. */
function coarser(rows: readonly Row[], most: number): Row[] {
  return grouped(rows.length, most).flatMap(([from, to]) => {
    const group = rows.slice(from, to);
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined) return [];
    return [
      {
        startMs: first.startMs,
        endMs: last.endMs,
        harvests: group.reduce((sum, { harvests }) => sum + harvests, 0),
        pages: first.pages.map((_, column) =>
          group.reduce((sum, { pages }) => sum + (pages[column] ?? 0), 0),
        ),
      },
    ];
  });
}

/** Cuts 0 to `length` into at most `most` groups of neighbours, each as large as the others, or almost. */
function grouped(length: number, most: number): [from: number, to: number][] {
  const groups = Math.min(length, most);
  return Array.from({ length: groups }, (_, i) => [
    Math.floor((i * length) / groups),
    Math.floor(((i + 1) * length) / groups),
  ]);
}
