/** Forecasts beside what was measured, as rows and in summary. Pure. */
import type { ModelResult } from 'precopy';
import { median, rounded } from '../measure.js';
import type { BenchRow } from '../row.js';
import type { Actual } from './run.js';

type Foretold = Pick<
  ModelResult,
  'converged' | 'passCount' | 'totalMs' | 'downtimeMs' | 'expectedDowntimeMs'
>;
type Measured = Pick<
  Actual,
  'completed' | 'passes' | 'totalMs' | 'downtimeMs' | 'expectedDowntimeMs'
>;

/** A scenario's migrations, and a forecast of each from what was known when it began. Plain JSON. */
export interface Compared {
  readonly name: string;
  readonly forecasts: readonly Foretold[];
  readonly actuals: readonly Measured[];
}

/** Without what was recorded of each migration. */
export function comparedOf(
  name: string,
  forecasts: readonly Foretold[],
  actuals: readonly Measured[],
): Compared {
  return {
    name,
    forecasts: forecasts.map(
      ({ converged, passCount, totalMs, downtimeMs, expectedDowntimeMs }) => ({
        ...{ converged, passCount, totalMs, downtimeMs, expectedDowntimeMs },
      }),
    ),
    actuals: actuals.map(({ completed, passes, totalMs, downtimeMs, expectedDowntimeMs }) => ({
      ...{ completed, passes, totalMs, downtimeMs, expectedDowntimeMs },
    })),
  };
}

const figures = {
  passes: { unit: 'passes', of: (f: Foretold) => f.passCount, was: (a: Measured) => a.passes },
  total: { unit: 'ms', of: (f: Foretold) => f.totalMs, was: (a: Measured) => a.totalMs },
  downtime: {
    unit: 'ms',
    of: (f: Foretold) => f.downtimeMs ?? NaN,
    was: (a: Measured) => a.downtimeMs ?? NaN,
  },
  'expected-downtime': {
    unit: 'ms',
    of: (f: Foretold) => f.expectedDowntimeMs,
    was: (a: Measured) => a.expectedDowntimeMs ?? NaN,
  },
} as const;
type Figure = keyof typeof figures;

const finite = (values: readonly number[]): number[] => values.filter(Number.isFinite);
const measured = ({ actuals }: Compared, figure: Figure): number[] =>
  finite(actuals.map(figures[figure].was));

/** Medians of a figure: forecast and measured. NaN where there is none. */
function both(compared: Compared, figure: Figure): readonly [number, number] {
  const foretold = finite(compared.forecasts.map(figures[figure].of));
  return [median(foretold), median(measured(compared, figure))];
}

/** Most runs ended within the time that was given. */
const most = (list: readonly boolean[]): boolean => list.filter(Boolean).length * 2 > list.length;
const ended = ({ actuals }: Compared): boolean => most(actuals.map((a) => a.completed));
const foreseen = ({ forecasts }: Compared): boolean => most(forecasts.map((f) => f.converged));
export const calledRight = (compared: Compared): boolean => foreseen(compared) === ended(compared);

const orNull = (value: number): number | null => (Number.isFinite(value) ? rounded(value) : null);

export function* scenarioRows(compared: Compared): Generator<BenchRow> {
  const { name } = compared;
  const row = (what: string, unit: string, ours: number, was: string, peer: number): BenchRow => ({
    ...{ bench: 'forecast', case: `${name}: ${what}`, unit, ours: orNull(ours) },
    ...{ peerName: was, peer: orNull(peer), ratio: orNull(ours / peer), goal: null, met: null },
  });
  yield {
    ...row('converges', '', Number(foreseen(compared)), 'measured', Number(ended(compared))),
    ...{ ratio: null, goal: 'called right', met: calledRight(compared) },
  };
  const shown: readonly Figure[] = ended(compared) ? ['passes', 'total', 'downtime'] : ['passes'];
  for (const figure of shown) {
    const [ours, peer] = both(compared, figure);
    const values = measured(compared, figure);
    const range = `measured ${rounded(Math.min(...values))}-${rounded(Math.max(...values))}`;
    yield row(figure, figures[figure].unit, ours, range, peer);
  }
  if (!ended(compared)) return;
  const [downtimeMs] = both(compared, 'downtime');
  const [, expectedMs] = both(compared, 'expected-downtime');
  if (!Number.isFinite(expectedMs)) return;
  yield row('downtime', 'ms', downtimeMs, "QEMU's expected-downtime", expectedMs);
}

/** @param part what the scenarios have in common */
export function* summaryRows(part: string, all: readonly Compared[]): Generator<BenchRow> {
  const over = all.filter((compared) => ended(compared) && calledRight(compared));
  const relative = (figure: Figure): number =>
    median(
      over.map((compared) => {
        const [ours, peer] = both(compared, figure);
        return (100 * Math.abs(ours - peer)) / peer;
      }),
    );
  const passes = median(
    all.map((compared) => {
      const [ours, peer] = both(compared, 'passes');
      return Math.abs(ours - peer);
    }),
  );
  const qemus = finite(
    over.map((compared) => {
      const [, expected] = both(compared, 'expected-downtime');
      const [, was] = both(compared, 'downtime');
      return (100 * Math.abs(expected - was)) / was;
    }),
  );
  const wrong = all.filter((compared) => !calledRight(compared)).length;
  const row = (
    what: string,
    unit: string,
    ours: number,
    goal: string | null = null,
    met: boolean | null = null,
  ): BenchRow => ({
    ...{ bench: 'forecast', case: `${part}: ${what}`, unit, ours: orNull(ours) },
    ...{ peerName: null, peer: null, ratio: null, goal, met },
  });
  const [total, downtime] = [relative('total'), relative('downtime')];
  yield row('convergence called wrong', `of ${all.length}`, wrong, 'none', wrong === 0);
  yield row('median error of passes', 'passes', passes, 'at most 1', passes <= 1);
  yield row('median error of total time', '%', total, 'at most 10 %', total <= 10);
  yield {
    ...row('median error of downtime', '%', downtime, 'at most 20 %', downtime <= 20),
    peerName: `QEMU's expected-downtime (where it had one: ${qemus.length})`,
    peer: orNull(median(qemus)),
    ratio: orNull(downtime / median(qemus)),
  };
  // No forecast can be nearer than migrations of one scenario are to each other.
  const spreads = over.map((compared) => {
    const values = measured(compared, 'downtime');
    return (100 * (Math.max(...values) - Math.min(...values))) / median(values);
  });
  yield row('median spread of measured downtimes', '%', median(spreads));
}

/** A scenario in a line: forecast and measured, with every run's own figures. */
export function asLine(compared: Compared): string {
  const { name, forecasts, actuals } = compared;
  const list = (values: readonly number[]): string =>
    values.map((value) => (Number.isFinite(value) ? value.toFixed(0) : '-')).join('/');
  const cell = (figure: Figure): string => {
    const { of, was } = figures[figure];
    return `${figure} ${list(forecasts.map(of))} : ${list(actuals.map(was))}`.padEnd(40);
  };
  const verdict = calledRight(compared) ? '' : 'WRONG ';
  const cells = (['passes', 'total', 'downtime', 'expected-downtime'] as const).map(cell);
  return `${name.padEnd(28)} ${verdict}${cells.join(' ')}`.trimEnd();
}
