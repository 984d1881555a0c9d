/** What a controller keeps of its rehearsals, as text. */
import type { Standing } from '../attach/standing.js';
import type { Range } from '../forecast/forecast.js';
import type { ExpectedPoint } from '../sequence/policy.js';
import { formatBytes, formatMs } from './format.js';
import { table } from './table.js';
import { verdicts } from './verdict.js';

/** Oldest first; the last one's reason below, and why there was none since. @param nowMs since the epoch */
export function standingLines(
  { recent, obstacle }: Pick<Standing, 'recent' | 'obstacle'>,
  nowMs: number,
): string[] {
  const ago = (atMs: number): string => `${formatMs(Math.max(0, nowMs - atMs))} ago`;
  const failed =
    obstacle === undefined
      ? []
      : [`The attempt ${ago(obstacle.atMs)} failed: ${obstacle.why} ${obstacle.next}`.trimEnd()];
  const last = recent.at(-1);
  if (last === undefined) return ['Nothing was rehearsed yet.', ...failed];
  const range = (of: Range | null, format: (value: number) => string): string =>
    of === null ? '-' : `${format(of.p50)} (${format(of.p90)})`;
  return [
    ...table([
      ['rehearsed', 'passes', 'total time', 'downtime', 'dirtied', 'a migration'],
      ...recent.map(({ atMs, expectation: { forecast, curve } }) => [
        ago(atMs),
        range(forecast.passes, (passes) => passes.toFixed(0)),
        range(forecast.totalMs, formatMs),
        range(forecast.downtimeMs, formatMs),
        dirtied(curve.at(-1)),
        verdicts[forecast.converges],
      ]),
    ]),
    'p50 (p90) of the simulated migrations that converged.',
    `The last one: ${last.expectation.forecast.why}`,
    ...failed,
  ];
}

function dirtied(point: ExpectedPoint | undefined): string {
  return point === undefined ? '-' : `${formatBytes(point.bytes)} in ${formatMs(point.windowMs)}`;
}
