/** A migration as text, from its journal records: a row a pass while it runs, then the result. */
import { verifyPageBytes, type VerifyResult } from '../audit/verify.js';
import type { JournalRecord, MeasuredDowntime, MigrationResult } from '../journal/records.js';
import { count, formatBytes, formatHex, formatMs, formatRate } from './format.js';

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
] as const;

function row(cells: readonly string[]): string {
  const padded = columns.map(([name, width], index) => {
    const cell = cells[index] ?? '';
    return name === 'kind' ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join('  ').trimEnd();
}

const heading = row(columns.map(([name]) => name));

/**
 * The lines that a record adds to the text of a migration. `first` is true for the first pass, which
 * gets the table's heading.
 */
export function migrationLines(record: JournalRecord, first: boolean): string[] {
  switch (record.type) {
    case 'pass': {
      const { sample, kind, late } = record;
      // QEMU hardly ever answers within the blackout; what it says then is of the end of it.
      const during = (text: string): string => (late || kind === 'blackout' ? '-' : text);
      const cells = [
        record.first === record.pass ? String(record.pass) : `${record.first}-${record.pass}`,
        kind,
        during(formatBytes(sample.remainingBytes)),
        formatBytes(sample.transferredBytes),
        during(formatRate(sample.bandwidthBytesPerSecond)),
        during(formatRate(sample.dirtyBytesPerSecond)),
        sample.vfioBytes === undefined ? '-' : formatBytes(sample.vfioBytes),
      ];
      return first ? [heading, row(cells)] : [row(cells)];
    }
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
function formatLedgerMs(ms: number): string {
  return ms < 99.95 ? `${ms.toFixed(1)} ms` : formatMs(ms);
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
