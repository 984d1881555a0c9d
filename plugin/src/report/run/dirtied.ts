/** What a rehearsal found before the migration, and what it made of that, for the page. */
import { formatBytes, formatMs, formatRate } from '../format.js';
import { outcomeRows } from '../outcome-rows.js';
import { verdicts } from '../verdict.js';
import { escapeMarkup } from './markup.js';
import { colorOf, heatPlot, linePlot, type Series } from './plot.js';
import type { Run } from './run.js';

/** The forecast beside what came of it. */
export function forecastParts({ goal, result }: Run): string[] {
  const forecast = goal?.expectation?.forecast;
  if (!forecast) return [];
  const was: Record<string, string> = result
    ? {
        passes: String(result.passes),
        'total time': formatMs(result.totalMs),
        sent: formatBytes(result.transferredBytes),
        ...(result.downtime ? { downtime: formatMs(result.downtime.ms) } : {}),
      }
    : {};
  const rows = outcomeRows(forecast);
  return [
    '<section><h2>Forecast</h2>',
    `<p>By the rehearsal it ${verdicts[forecast.converges]} if QEMU is left to itself. ${escapeMarkup(forecast.why)}</p>`,
    ...(rows.length === 0
      ? []
      : [
          '<table><thead><tr><th></th><th class="number">median</th><th class="number">p10 - p90</th><th class="number">was</th></tr></thead><tbody>',
          ...rows.map(
            ({ name, median, range }) =>
              `<tr><td>${name}</td><td class="number">${median}</td><td class="number">${range}</td><td class="number">${was[name] ?? '–'}</td></tr>`,
          ),
          '</tbody></table>',
        ]),
    '</section>',
  ];
}

/** Rates while it was rehearsed, the dirty curve, the heat map. */
export function dirtiedParts(run: Run): string[] {
  const parts = [...ratePlots(run), ...curvePlots(run), ...heatPlots(run)];
  return parts.length === 0 ? [] : ['<section><h2>What was dirtied</h2>', ...parts, '</section>'];
}

function ratePlots({ dirty, curve }: Run): string[] {
  const zeroMs = dirty[0]?.startMs ?? 0;
  const names = [...new Set(dirty.flatMap(({ pages }) => Object.keys(pages)))];
  if (dirty.length < 2) return [];
  const pageBytes = curve?.pageBytes ?? 4096;
  const series = names.map((name, i): Series => ({
    name,
    color: colorOf(i),
    points: dirty.flatMap(({ startMs, endMs, pages }) => {
      const dirtied = pages[name];
      if (dirtied === undefined || endMs <= startMs) return [];
      return [{ x: endMs - zeroMs, y: (dirtied * pageBytes * 1000) / (endMs - startMs) }];
    }),
  }));
  return [
    linePlot(
      'Distinct memory dirtied from one harvest to the next',
      { name: 'since watching began', format: formatMs },
      { name: 'bytes per second', format: formatRate, binary: true },
      series,
    ),
  ];
}

function curvePlots({ curve }: Run): string[] {
  if (!curve) return [];
  const series = Object.entries(curve.curves).map(([name, points], i): Series => ({
    name,
    color: colorOf(i),
    points: points.map(({ windowMs, pages }) => ({ x: windowMs, y: pages * curve.pageBytes })),
    band: points.map(({ windowMs, p10, p90 }) => ({
      x: windowMs,
      low: p10 * curve.pageBytes,
      high: p90 * curve.pageBytes,
    })),
  }));
  return [
    linePlot(
      'Dirty curve: distinct memory dirtied in a window of a length (mean, and where eight of ten windows lie)',
      { name: 'length of the window', format: formatMs, log: true },
      { name: 'dirtied', format: formatBytes, log: true },
      series,
    ),
  ];
}

function heatPlots({ heat }: Run): string[] {
  if (!heat || heat.rows.length === 0) return [];
  return [
    heatPlot(
      'Dirty pages by address and time',
      heat.rows.map(({ pages, harvests }) => pages.map((n) => n / Math.max(1, harvests))),
      'guest memory, ascending address',
      `time, ${formatMs((heat.rows.at(-1)?.endMs ?? 0) - (heat.rows[0]?.startMs ?? 0))} downwards`,
    ),
  ];
}
