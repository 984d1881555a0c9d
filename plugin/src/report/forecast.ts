/** A rehearsal as text: the verdict first, then what it is made of. */
import type { Forecast, ForecastCell, Remedy } from '../forecast/forecast.js';
import type { GuestCost } from '../harvest/pace.js';
import type {
  DirtyFiguresByBlock,
  Rehearsal,
  RehearsedPhase,
  RehearsedSource,
} from '../harvest/rehearsal.js';
import { bar } from './blocks.js';
import { count, formatBytes, formatMs, formatRate } from './format.js';
import { heatLines, hotRangeLines } from './heat.js';
import { outcomeRow, outcomeRows } from './outcome-rows.js';
import { table } from './table.js';
import { verdicts } from './verdict.js';

/** @param width of the terminal, characters */
export function rehearsalLines(rehearsal: Rehearsal, width = 80): string[] {
  const { forecast, caveats, heat, pageBytes } = rehearsal;
  const blocks = [
    [
      `forecast: ${verdict(forecast)}`,
      `  ${forecast.why}`,
      ...floorLines(rehearsal),
      ...phaseSummary(rehearsal),
      ...remedyLines(rehearsal),
    ],
    [
      `guest: ${rehearsal.guestStatus}, ${formatBytes(rehearsal.ramBytes)} of RAM, of which some ${formatBytes(rehearsal.zeroBytes)} zero`,
      ...linkLines(rehearsal),
      ...watchedLines(rehearsal),
    ],
    sourceLines(rehearsal),
    hotRangeLines(rehearsal.hotRanges),
    heat === null ? [] : heatLines(heat, pageBytes, width),
    phaseLines(rehearsal.phases),
    outcomeLines(rehearsal),
    tableLines(rehearsal, width),
  ].filter((lines) => lines.length > 0);
  return [
    ...blocks.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines])),
    ...[...forecast.warnings, ...caveats].map((text) => `note: ${text}`),
  ];
}

function verdict(forecast: Forecast): string {
  const { converges, convergedShare, samples } = forecast;
  return converges === 'perhaps'
    ? `${verdicts.perhaps} (it converges in ${Math.round(100 * convergedShare)} % of ${samples} simulated migrations)`
    : verdicts[converges];
}

/** That the workload changed, and what it would be in the worst of its phases. */
function phaseSummary({ phases, worstPhase }: Rehearsal): string[] {
  const worst = phases[worstPhase];
  if (phases.length < 2 || worst === undefined) return [];
  const isLast = worstPhase === phases.length - 1;
  return [
    `  The workload changed while it was watched. This is for the last of its ${phases.length} phases${isLast ? ', the worst for a migration.' : '.'}`,
    ...(isLast
      ? []
      : [
          `  In the worst one (${formatMs(worst.startMs)} to ${formatMs(worst.endMs)}), which may come back, it ${verdict(worst.forecast)}.`,
        ]),
  ];
}

function remedyLines({ remedies, phases, worstPhase }: Rehearsal): string[] {
  if (remedies.length === 0) return [];
  const when = worstPhase < phases.length - 1 ? ' in that phase' : '';
  return [`what would make it converge${when}, each alone:`, ...remedies.map(remedyLine)];
}

function phaseLines(phases: readonly RehearsedPhase[]): string[] {
  if (phases.length < 2) return [];
  return table([
    ['phase', 'from', 'to', 'pages/s', 'passes', 'total time', 'downtime', ''],
    ...phases.map(({ startMs, endMs, pagesPerSecond, forecast }, i) => [
      String(i + 1),
      formatMs(startMs),
      formatMs(endMs),
      pagesPerSecond.toFixed(0),
      forecast.passes === null ? '-' : String(Math.round(forecast.passes.p50)),
      forecast.totalMs === null ? '-' : formatMs(forecast.totalMs.p50),
      forecast.downtimeMs === null ? '-' : formatMs(forecast.downtimeMs.p50),
      verdicts[forecast.converges],
    ]),
  ]);
}

function floorLines({ downtimeFloorMs }: Rehearsal): string[] {
  if (downtimeFloorMs === null) return [];
  return [
    `  Every page is dirty in every pass: the downtime can't be less than ${formatMs(downtimeFloorMs)}, which all RAM but its pages of zeros takes in the blackout.`,
  ];
}

const bandwidthNames = {
  option: 'as given',
  'max-bandwidth': "QEMU's max-bandwidth",
  measured: 'measured',
  history: 'from past migrations',
  same: 'the same',
} as const;

function linkLines(rehearsal: Rehearsal): string[] {
  const { bandwidthBytesPerSecond, blackoutBytesPerSecond, parameters, calibration } = rehearsal;
  const named = (rate: number, from: keyof typeof bandwidthNames): string =>
    `${formatRate(rate)} (${bandwidthNames[from]})`;
  return [
    `link: ${named(bandwidthBytesPerSecond, rehearsal.bandwidthFrom)}, in the blackout ${named(blackoutBytesPerSecond, rehearsal.blackoutFrom)}; downtime limit ${formatMs(parameters.downtimeLimitMs)}`,
    calibration === null
      ? 'costs: assumed, as no migration like this is remembered'
      : `costs: from ${count(calibration.migrations, 'migration')} from this host to ${calibration.destination ?? 'an unknown one'}`,
    `pages of zeros: ${zeroPagesText(rehearsal)}`,
    ...accuracyLines(rehearsal),
  ];
}

function zeroPagesText({ zeroPagesPerSecond, zeroPagesFrom, pageBytes }: Rehearsal): string {
  const from = zeroPagesFrom === 'history' ? 'from past migrations' : 'estimated on this host';
  return `${formatRate(zeroPagesPerSecond * pageBytes)} of RAM by one thread (${from})`;
}

function accuracyLines({ accuracy }: Rehearsal): string[] {
  if (accuracy === null) return [];
  const { forecasts, right, totalErrorPercent, downtimeErrorPercent } = accuracy;
  const signed = (percent: number | null): string =>
    percent === null ? 'unknown' : `${percent < 0 ? '' : '+'}${percent.toFixed(0)} %`;
  return [
    `last ${count(forecasts, 'forecast')} on this host: convergence right in ${right}, total ${signed(totalErrorPercent)}, downtime ${signed(downtimeErrorPercent)} (medians)`,
  ];
}

function watchedLines({ watched }: Rehearsal): string[] {
  if (watched === null) return [];
  return [
    `watched: ${formatMs(watched.ms)} in ${count(watched.harvests, 'harvest')}, one every ${formatMs(watched.intervalMs)}; that took ${(100 * watched.overheadShare).toFixed(1)} % of one core${guestCostText(watched.guestCost)}`,
  ];
}

/** Noise can make it negative; what is below its error is not told apart from nothing. */
function guestCostText(cost: GuestCost | null): string {
  if (cost === null) return '';
  const percent = (share: number): string => (100 * Math.max(0, share)).toFixed(1);
  return ` and ${percent(cost.share)} % (± ${percent(cost.error)}) of the vCPUs' running time`;
}

function sourceLines({ sources, together, pageBytes }: Rehearsal): string[] {
  const rows = sources.flatMap((source) => sourceRows(source, pageBytes));
  const all =
    together === null || sources.length < 2 ? [] : figureRows('together', together, pageBytes);
  return [
    ...table([['dirtied by', 'distinct pages in 1 s', 'rate', 'working set'], ...rows, ...all]),
    ...sources.flatMap(({ name, device }) =>
      device === null ? [] : [`${name} has one device, which wrote all of that: ${device}`],
    ),
  ];
}

function sourceRows(source: RehearsedSource, pageBytes: number): string[][] {
  if (!source.everything) return figureRows(source.name, source, pageBytes);
  return [[source.name, 'all of them', '-', formatBytes(source.workingSetPages * pageBytes)]];
}

/** A row for all, and one for each RAM block where there are several. */
function figureRows(name: string, figures: DirtyFiguresByBlock, pageBytes: number): string[][] {
  const { blocks } = figures;
  const parts =
    blocks.length < 2 ? [] : blocks.map((part) => ({ ...part, name: `  ${part.name}` }));
  return [{ ...figures, name }, ...parts].map((part) => [
    part.name,
    part.pagesPerSecond.toFixed(0),
    formatRate(part.pagesPerSecond * pageBytes),
    `${formatBytes(part.workingSetPages * pageBytes)} in ${formatMs(part.workingSetMs)}`,
  ]);
}

const ledgerNames = {
  ramMs: 'RAM',
  deviceStateMs: 'device state',
  transitionsMs: 'transitions',
  destinationLoadMs: 'destination load',
  waitingMs: 'waiting',
} as const;

function outcomeLines({ forecast }: Rehearsal): string[] {
  const { downtime, qemuExpectedDowntimeMs } = forecast;
  const rows = outcomeRows(forecast);
  if (rows.length === 0 || !downtime) {
    return [`No simulated migration converged within ${formatMs(forecast.horizonMs)}.`];
  }
  const all = [
    ...rows,
    ...Object.entries(ledgerNames).map(([term, name]) =>
      outcomeRow(`  ${name}`, downtime[term as keyof typeof ledgerNames], formatMs),
    ),
    ...(qemuExpectedDowntimeMs
      ? [outcomeRow("QEMU's expected-downtime", qemuExpectedDowntimeMs, formatMs)]
      : []),
  ];
  return table([
    ['', 'median', 'p10 - p90'],
    ...all.map(({ name, median, range }) => [name, median, range]),
  ]);
}

function tableLines(
  { table: { cells, smallestLimits }, phases, worstPhase }: Rehearsal,
  width: number,
): string[] {
  const limits = [...new Set(cells.map(({ downtimeLimitMs }) => downtimeLimitMs))];
  const of = phases.length > 1 ? ` in phase ${worstPhase + 1}` : '';
  const rows = table([
    ['bandwidth', ...limits.map(formatMs), 'least limit'],
    ...smallestLimits.map(({ bytesPerSecond, downtimeLimitMs }) => [
      formatRate(bytesPerSecond),
      ...cells.filter((cell) => cell.bytesPerSecond === bytesPerSecond).map(cellText),
      downtimeLimitMs === null ? 'none' : formatMs(downtimeLimitMs),
    ]),
  ]);
  return [
    `downtime by bandwidth and downtime limit${of} (-: does not converge; ?: not always):`,
    ...rows.map(
      (row, i) => `${row}${i === 0 ? '' : limitBar(smallestLimits, i - 1, width - row.length)}`,
    ),
  ];
}

function cellText({ convergedShare, downtimeMs }: ForecastCell): string {
  if (downtimeMs === null) return '-';
  return `${formatMs(downtimeMs)}${convergedShare < 1 ? '?' : ''}`;
}

/** How large the limit must be, on a logarithmic scale, as wide as there is room. */
function limitBar(
  smallestLimits: Rehearsal['table']['smallestLimits'],
  at: number,
  room: number,
): string {
  const limits = smallestLimits.map(({ downtimeLimitMs }) => downtimeLimitMs ?? 0);
  const limit = limits[at] ?? 0;
  const width = Math.min(20, room - 2);
  if (limit === 0 || width < 5) return '';
  return `  ${bar(Math.log1p(limit) / Math.log1p(Math.max(...limits)), width)}`;
}

function remedyLine(remedy: Remedy): string {
  switch (remedy.kind) {
    case 'max-bandwidth':
      return `  max-bandwidth of at least ${formatRate(remedy.bytesPerSecond)}`;
    case 'link':
      return `  a link of at least ${formatRate(remedy.bytesPerSecond)}`;
    case 'downtime-limit':
      return `  a downtime limit of at least ${formatMs(remedy.ms)}`;
    case 'throttle':
      return `  the vCPUs throttled by ${remedy.percent} %`;
    case 'stop-source':
      return `  nothing dirtied by ${remedy.source}`;
    case 'unplug-device':
      return `  ${remedy.device} unplugged`;
  }
}
