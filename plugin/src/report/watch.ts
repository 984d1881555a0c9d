/** What is watched as text: a line a sample, or a screen that is drawn anew. */
import type { WatchedForecast, WatchRecord, WatchSample } from '../watch/records.js';
import { sparkline } from './blocks.js';
import { formatBytes, formatMs, formatRate } from './format.js';
import { table } from './table.js';
import { verdicts } from './verdict.js';

const togetherName = 'together';
/** One record as one line, for what is no terminal. */
export function watchLine(record: WatchRecord): string {
  const time = clockTime(record.atMs);
  switch (record.type) {
    case 'sample': {
      const rates = record.sources.map(
        ({ name, pagesPerSecond }) => `${name} ${pagesPerSecond.toFixed(0)} pages/s`,
      );
      return `${time}  ${rates.join(', ')}; ${forecastText(record.forecast)}`;
    }
    case 'migration':
      return `${time}  migration ${record.status}${migrationText(record)}`;
    case 'notice':
      return `${time}  note: ${record.text}`;
  }
}

function clockTime(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}

function migrationText(record: Extract<WatchRecord, { type: 'migration' }>): string {
  const { passes, remainingBytes, bandwidthBytesPerSecond, dirtyBytesPerSecond } = record;
  if (passes === null || remainingBytes === null) return '';
  return `: pass ${passes}, ${formatBytes(remainingBytes)} remaining, ${formatRate(bandwidthBytesPerSecond ?? 0)} sent, ${formatRate(dirtyBytesPerSecond ?? 0)} dirtied`;
}

function forecastText(forecast: WatchedForecast | null): string {
  if (forecast === null) return 'no forecast yet';
  const { converges, downtimeMs, totalMs, passes } = forecast;
  const verdict = verdicts[converges];
  if (downtimeMs === null || totalMs === null || passes === null) return `forecast: ${verdict}`;
  return `forecast: ${verdict}, downtime ${formatMs(downtimeMs.p50)}, ${Math.round(passes.p50)} passes, ${formatMs(totalMs.p50)} in all`;
}

/** Samples that a sparkline can show, at most. */
const remembered = 512;
const notices = 3;
const leastSparkline = 8;
const mostSparkline = 60;

/** Keeps what a screen shows: the latest sample, and how it came there. */
export class WatchScreen {
  readonly #title: string;
  readonly #rates = new Map<string, number[]>();
  readonly #downtimesMs: number[] = [];
  readonly #notices: string[] = [];
  #last: WatchRecord | undefined;

  /** @param title what is watched */
  constructor(title: string) {
    this.#title = title;
  }

  add(record: WatchRecord): void {
    if (record.type === 'notice') {
      this.#notices.push(watchLine(record));
      if (this.#notices.length > notices) this.#notices.shift();
      return;
    }
    this.#last = record;
    if (record.type !== 'sample') return;
    for (const { name, pagesPerSecond } of [
      ...record.sources,
      { name: togetherName, ...record.together },
    ]) {
      const history = this.#rates.get(name) ?? [];
      this.#rates.set(name, history);
      remember(history, pagesPerSecond);
    }
    // What does not converge has no downtime: a gap.
    if (record.forecast) remember(this.#downtimesMs, record.forecast.downtimeMs?.p50 ?? NaN);
  }

  /** @param width of the terminal, characters */
  lines(width: number): string[] {
    const record = this.#last;
    return [
      this.#title,
      ...(record === undefined ? ['looking at the guest ...'] : []),
      ...(record?.type === 'sample' ? this.#sampleLines(record, width) : []),
      ...(record?.type === 'migration' ? [watchLine(record)] : []),
      ...this.#notices,
    ];
  }

  #sampleLines(sample: WatchSample, width: number): string[] {
    const { sources, together, forecast, overheadShare, harvests, windowMs } = sample;
    const rows = [...sources, ...(sources.length > 1 ? [{ name: togetherName, ...together }] : [])];
    const downtime = forecast?.downtimeMs == null ? '-' : formatMs(forecast.downtimeMs.p50);
    const lines = table([
      ['dirtied by', 'pages/s', 'rate'],
      ...rows.map(({ name, pagesPerSecond, bytesPerSecond }) => [
        name,
        pagesPerSecond.toFixed(0),
        formatRate(bytesPerSecond),
      ]),
      ['forecast downtime', downtime, ''],
    ]);
    const left = Math.max(...lines.map((line) => line.length));
    const room = Math.min(mostSparkline, width - left - 3);
    const histories = [
      undefined,
      ...rows.map(({ name }) => this.#rates.get(name)),
      this.#downtimesMs,
    ];
    return [
      ...lines.map((line, i) => {
        const history = histories[i];
        if (history === undefined || room < leastSparkline) return line;
        return `${line.padEnd(left)}  ${sparkline(history, room)}`;
      }),
      forecastText(forecast),
      `${harvests} harvests in ${formatMs(windowMs)}; precopy takes ${(100 * overheadShare).toFixed(1)} % of one core`,
    ];
  }
}

function remember(history: number[], value: number): void {
  history.push(value);
  if (history.length > remembered) history.shift();
}
