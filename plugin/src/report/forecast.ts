/** A rehearsal as text: the verdict first, then what it is made of. */
import type { Range, Remedy } from '../forecast/forecast.js';
import type { Rehearsal, RehearsedSource } from '../harvest/rehearsal.js';
import { count, formatBytes, formatMs, formatRate } from './format.js';

const verdicts = {
  yes: 'converges',
  perhaps: 'may not converge',
  no: 'does not converge',
} as const;

export function rehearsalLines(rehearsal: Rehearsal): string[] {
  const { forecast, remedies, caveats } = rehearsal;
  return [
    `forecast: ${verdicts[forecast.converges]}${share(rehearsal)}`,
    `  ${forecast.why}`,
    ...floorLines(rehearsal),
    ...(remedies.length > 0
      ? ['what would make it converge, each alone:', ...remedies.map(remedyLine)]
      : []),
    '',
    `guest: ${rehearsal.guestStatus}, ${formatBytes(rehearsal.ramBytes)} of RAM, of which some ${formatBytes(rehearsal.zeroBytes)} zero`,
    `link: ${formatRate(rehearsal.bandwidthBytesPerSecond)} (${rehearsal.bandwidthFrom === 'option' ? 'as given' : "QEMU's max-bandwidth"}), downtime limit ${formatMs(rehearsal.parameters.downtimeLimitMs)}`,
    ...watchedLines(rehearsal),
    '',
    ...sourceLines(rehearsal),
    '',
    ...outcomeLines(rehearsal),
    ...[...forecast.warnings, ...caveats].map((text) => `note: ${text}`),
  ];
}

function share({ forecast }: Rehearsal): string {
  return forecast.converges === 'perhaps'
    ? ` (in ${Math.round(100 * forecast.convergedShare)} % of ${forecast.samples} simulated migrations)`
    : '';
}

function floorLines({ downtimeFloorMs }: Rehearsal): string[] {
  if (downtimeFloorMs === null) return [];
  return [
    `  Every page is dirty in every pass: the downtime can't be less than ${formatMs(downtimeFloorMs)}, which all RAM that is not zero takes at this bandwidth.`,
  ];
}

function watchedLines({ watched }: Rehearsal): string[] {
  if (watched === null) return [];
  return [
    `watched: ${formatMs(watched.ms)} in ${count(watched.harvests, 'harvest')}, one every ${formatMs(watched.intervalMs)}; that took ${(100 * watched.overheadShare).toFixed(1)} % of one core`,
  ];
}

function sourceLines({ sources, pageBytes }: Rehearsal): string[] {
  const rows = sources.map((source) => [source.name, ...sourceCells(source, pageBytes)]);
  return table([['dirtied by', 'distinct pages in 1 s', 'rate', 'working set'], ...rows]);
}

function sourceCells(source: RehearsedSource, pageBytes: number): string[] {
  const set = formatBytes(source.workingSetPages * pageBytes);
  if (source.everything) return ['all of them', '-', set];
  return [
    source.pagesPerSecond.toFixed(0),
    formatRate(source.pagesPerSecond * pageBytes),
    `${set} in ${formatMs(source.workingSetMs)}`,
  ];
}

const ledgerNames = {
  ramMs: 'RAM',
  deviceStateMs: 'device state',
  transitionsMs: 'transitions',
  destinationLoadMs: 'destination load',
  waitingMs: 'waiting',
} as const;

function outcomeLines({ forecast }: Rehearsal): string[] {
  const { passes, totalMs, sentBytes, downtimeMs, downtime, qemuExpectedDowntimeMs } = forecast;
  if (!passes || !totalMs || !sentBytes || !downtimeMs || !downtime) {
    return [`No simulated migration converged within ${formatMs(forecast.horizonMs)}.`];
  }
  const row = (name: string, range: Range, format: (value: number) => string): string[] => [
    name,
    format(range.p50),
    `${format(range.p10)} - ${format(range.p90)}`,
  ];
  return table([
    ['', 'median', 'p10 - p90'],
    row('passes', passes, (value) => String(Math.round(value))),
    row('total time', totalMs, formatMs),
    row('sent', sentBytes, formatBytes),
    row('downtime', downtimeMs, formatMs),
    ...Object.entries(ledgerNames).map(([term, name]) =>
      row(`  ${name}`, downtime[term as keyof typeof ledgerNames], formatMs),
    ),
    ...(qemuExpectedDowntimeMs
      ? [row("QEMU's expected-downtime", qemuExpectedDowntimeMs, formatMs)]
      : []),
  ]);
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

/** Columns as wide as their widest cell; the first one to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
