/** A replay as text: what was and what would have been, side by side, then the reasons and the limits. */
import type { Replay, Replayed } from '../sequence/replay.js';
import { count, formatBytes, formatMs } from './format.js';

/** Of a policy's decisions; the rest is only counted. */
const listed = 20;

export function replayLines(replay: Replay): string[] {
  const { recorded, again, other, caveats } = replay;
  const { result } = recorded;
  const columns: string[][] = [
    ['', 'outcome', 'total time', 'passes', 'sent', 'downtime'],
    [
      `recorded: ${recorded.policy}`,
      result?.outcome ?? 'did not complete',
      result ? formatMs(result.totalMs) : '-',
      result ? String(result.passes) : '-',
      result ? formatBytes(result.transferredBytes) : '-',
      result?.downtime ? formatMs(result.downtime.ms) : '-',
    ],
    ...(again ? [modelled('in the model', again)] : []),
    modelled('in the model', other),
  ];
  const widths = columns.map((column) => Math.max(...column.map(({ length }) => length)));
  const rows = columns[0]?.map((_, row) =>
    columns
      .map((column, i) => (column[row] ?? '').padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    ...(rows ?? []),
    '',
    ...decisionLines(other),
    '',
    ...(again
      ? [
          'The model under the recorded policy, beside what was recorded, shows how far the model is off.',
        ]
      : []),
    ...caveats.map((caveat) => `note: ${caveat}`),
  ];
}

function modelled(where: string, { policy, result }: Replayed): string[] {
  const cancelled = result.steps.find(({ cancel }) => cancel !== undefined)?.cancel;
  const outcome = result.converged
    ? 'completed'
    : cancelled === undefined
      ? 'does not converge'
      : 'cancelled';
  return [
    `${where}: ${policy}`,
    outcome,
    result.converged || cancelled !== undefined ? formatMs(result.totalMs) : '-',
    String(result.passCount),
    formatBytes(result.sentBytes),
    result.downtimeMs === undefined ? '-' : formatMs(result.downtimeMs),
  ];
}

function decisionLines({ policy, decisions }: Replayed): string[] {
  const shown = decisions.slice(0, listed);
  const more = decisions.length - shown.length;
  return [
    `what ${policy} would have done:`,
    ...shown.map(
      ({ atMs, what, reason }) => `  ${formatMs(atMs).padStart(10)}  ${what}: ${reason}`,
    ),
    ...(more > 0 ? [`  ... and ${count(more, 'more decision')}`] : []),
  ];
}
