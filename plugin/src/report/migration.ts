/** A migration as text, from its journal records: a row a pass while it runs, then the result. */
import { verifyPageBytes, type VerifyResult } from '../audit/verify.js';
import type {
  JournalRecord,
  MeasuredDowntime,
  MigrationResult,
  RecordOf,
} from '../journal/records.js';
import type { WhyNot } from '../sequence/why-not.js';
import { count, formatBytes, formatHex, formatMs, formatRate } from './format.js';
import { outcomeRows } from './outcome-rows.js';
import { verdicts } from './verdict.js';

/** How many differing ranges are listed before the rest is only counted. */
const listedRanges = 16;

const columns = [
  ['pass', 5],
  ['kind', 14],
  ['remaining', 11],
  ['transferred', 12],
  ['bandwidth', 13],
  ['dirty rate', 13],
  ['VFIO', 10],
  ['not switched over because', 0],
] as const;

const leftAligned: ReadonlySet<string> = new Set(['kind', 'not switched over because']);

function row(cells: readonly string[]): string {
  const padded = columns.map(([name, width], index) => {
    const cell = cells[index] ?? '';
    return leftAligned.has(name) ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join('  ').trimEnd();
}

const heading = row(columns.map(([name]) => name));

/** In a flood of passes a row comes this often. */
const rowEveryMs = 1000;

/** The text of a migration, a record after the other. */
export class MigrationText {
  #hasHeading = false;
  /** The pass records that no row shows yet, and when the last row was. */
  #unshown: RecordOf<'pass'>[] = [];
  #lastRow: RecordOf<'pass'> | undefined;

  /** The lines that a record adds. */
  lines(record: JournalRecord): string[] {
    if (record.type === 'pass') return this.#pass(record);
    const lines = recordLines(record);
    return lines.length === 0 ? [] : [...this.#rest(), ...lines];
  }

  #pass(record: RecordOf<'pass'>): string[] {
    const before = this.#unshown.at(-1) ?? this.#lastRow;
    const isSame =
      before?.kind === 'exact-retry' &&
      record.kind === 'exact-retry' &&
      !record.late &&
      !before.late;
    if (!isSame) {
      const rest = this.#rest();
      this.#lastRow = record;
      return [...rest, ...this.#row(record, record.first)];
    }
    this.#unshown.push(record);
    if (record.monotonicMs - (this.#lastRow?.monotonicMs ?? 0) < rowEveryMs) return [];
    return this.#rest();
  }

  /** One row for what was not shown yet; the last of it has the figures. */
  #rest(): string[] {
    const last = this.#unshown.at(-1);
    if (!last) return [];
    const first = this.#unshown[0]?.first ?? last.first;
    this.#unshown = [];
    this.#lastRow = last;
    return this.#row(last, first);
  }

  #row(record: RecordOf<'pass'>, first: number): string[] {
    const text = passRow(record, first);
    if (this.#hasHeading) return [text];
    this.#hasHeading = true;
    return [heading, text];
  }
}

function passRow({ pass, kind, sample, late, why }: RecordOf<'pass'>, first: number): string {
  // QEMU hardly ever answers within the blackout; what it says then is of the end of it.
  const during = (text: string): string => (late || kind === 'blackout' ? '-' : text);
  return row([
    first === pass ? String(pass) : `${first}-${pass}`,
    kind,
    during(formatBytes(sample.remainingBytes)),
    formatBytes(sample.transferredBytes),
    during(formatRate(sample.bandwidthBytesPerSecond)),
    during(formatRate(sample.dirtyBytesPerSecond)),
    sample.vfioBytes === undefined ? '-' : formatBytes(sample.vfioBytes),
    why === undefined ? '' : shortWhy(why),
  ]);
}

/** Why QEMU has not switched over, as short as a column is. */
export function shortWhy(why: WhyNot): string {
  const { term, devices, comparison } = why;
  const threshold = formatBytes(why.thresholdBytes);
  const opposite = comparison === '<' ? '>=' : '>';
  switch (term) {
    case 'first-round':
      return 'first round';
    case 'unsent-ram':
      return 'RAM not sent yet';
    case 'ram':
      return `RAM ${formatBytes(why.ramBytes)} ${opposite} ${threshold}`;
    case 'device-state': {
      const bytes = devices.kind === 'unknown' ? '?' : formatBytes(devices.bytes + why.ramBytes);
      return `RAM + devices ${bytes} ${opposite} ${threshold}${why.stopCopyTrap ? ' (no pass helps)' : ''}`;
    }
    case 'switchover-ack':
      return 'no switchover-ack yet';
    case 'nothing':
      return `fits into ${threshold}`;
  }
}

function recordLines(record: JournalRecord): string[] {
  switch (record.type) {
    case 'goal':
      return forecastLines(record);
    case 'decision':
      return [`       ${record.action.kind}: ${record.reason}`];
    case 'warning':
      return [`warning: ${record.message}`];
    case 'result':
      return resultLines(record.result);
    case 'verify':
      return verifyLines(record.result, record.ms);
    default:
      return [];
  }
}

/** What the rehearsal says, in a line. */
function forecastLines({ expectation }: RecordOf<'goal'>): string[] {
  if (!expectation) return [];
  const { forecast } = expectation;
  const figures = outcomeRows(forecast).map(
    ({ name, median, range }) => `, ${name} ${median} (${range})`,
  );
  return [`forecast for QEMU alone: ${verdicts[forecast.converges]}${figures.join('')}`];
}

function resultLines(result: MigrationResult): string[] {
  const lines = [
    `${result.outcome}: ${formatMs(result.totalMs)} in all, ${count(result.passes, 'pass')}, ${formatBytes(result.transferredBytes)} sent`,
  ];
  lines.push(...downtimeLines(result.downtime));
  const qemu = [
    result.qemuDowntimeMs === undefined ? [] : [`downtime ${formatMs(result.qemuDowntimeMs)}`],
    result.expectedDowntimeMs === undefined
      ? []
      : [`last expected-downtime ${formatMs(result.expectedDowntimeMs)}`],
  ].flat();
  if (qemu.length > 0) lines.push(`QEMU's own figures: ${qemu.join(', ')}`);
  return lines;
}

function downtimeLines(downtime: MeasuredDowntime | undefined): string[] {
  if (!downtime) return [];
  const { ms, heldMs, parts, unknown, outside } = downtime;
  const lines = [
    `downtime: ${formatMs(ms)} measured (STOP on the source to RESUME on the destination)`,
    ...parts.map((part) => `  ${formatLedgerMs(part.ms).padStart(9)}  ${part.name}`),
    ...unknown.map((what) => `             unknown: ${what}`),
  ];
  if (heldMs > 0) {
    lines.push(
      `          not counted: the guest stood still ${formatMs(heldMs)} longer, held for verify`,
    );
  }
  const around = [
    ...(outside.beforeStopMs === undefined
      ? []
      : [`at least ${formatLedgerMs(outside.beforeStopMs)} before STOP`]),
    ...(outside.afterResumeMs === undefined
      ? []
      : [`${formatLedgerMs(outside.afterResumeMs)} after RESUME`]),
  ];
  if (around.length > 0) {
    lines.push(
      `          not counted: transitions of VFIO devices, ${around.join(', ')}, when QEMU has not sent STOP yet or has sent RESUME already`,
    );
  }
  return lines;
}

/** Parts of a downtime are often below a millisecond. */
export function formatLedgerMs(ms: number): string {
  if (ms >= 99.95) return formatMs(ms);
  return `${ms.toFixed(ms < 0.95 ? 2 : 1)} ms`;
}

function verifyLines(result: VerifyResult, ms: number): string[] {
  const lines: string[] = [];
  const shown = result.differences.slice(0, listedRanges);
  for (const range of shown) {
    const pages = Math.ceil(range.bytes / verifyPageBytes);
    const place =
      range.iova === undefined
        ? 'not mapped, no IOVA'
        : `IOVA ${formatHex(range.iova)}-${formatHex(range.iova + BigInt(range.bytes) - 1n)}`;
    lines.push(
      `  differs: ${place} (${count(pages, 'page')}; ${range.block} + ${formatHex(range.offset)})`,
    );
  }
  const more = result.differences.length - shown.length;
  if (more > 0) lines.push(`  ... and ${count(more, 'more range')}`);
  for (const { block, bytes } of result.notCompared) {
    lines.push(
      `  not compared: ${block} (${formatBytes(bytes)}): this QEMU does not say where it is`,
    );
  }
  lines.push(`verify: compared ${formatBytes(result.comparedBytes)} in ${formatMs(ms)}`);
  return lines;
}

/** The last line of a verified migration; of one form, for scripts to look for. */
export function verdictLine(result: VerifyResult): string {
  return `verify: ${result.differingPages} pages differ`;
}
