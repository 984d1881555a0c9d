/**
 * Forecasts beside real migrations between two plain QEMUs of this machine. The workload's dirty curve
 * is known by arithmetic; the link and the hosts' costs are measured beforehand by migrations that are
 * no scenarios. Takes some 25 minutes, and needs as, ld, objcopy and make for the boot sector.
 *
 *   npm run bench forecast [-- --json]
 *   node scripts/dist/bench/forecast.js [--runs N] [--qemu PATH] [--only NAME]     as a table
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ModelResult } from 'precopy';
import { repositoryRoot } from '../repository.js';
import { calibrate } from './forecast/calibrate.js';
import { predict } from './forecast/predict.js';
import { aheadOfOthers, runScenario, type Actual } from './forecast/run.js';
import { scenarios, type Scenario } from './forecast/scenarios.js';
import { median, rounded } from './measure.js';
import type { BenchRow } from './row.js';

/** A scenario's migrations, and a forecast of each from what was known when it began. */
interface Compared {
  readonly scenario: Scenario;
  readonly forecasts: readonly ModelResult[];
  readonly actuals: readonly Actual[];
}

interface Options {
  readonly runs: number;
  readonly qemu?: string | undefined;
  readonly only?: string | undefined;
  readonly signal: AbortSignal;
}

/** All rows of this bench. Each scenario is migrated three times; medians are compared. */
export async function* forecastRows(signal: AbortSignal): AsyncGenerator<BenchRow> {
  const all: Compared[] = [];
  for await (const compared of compareAll({ runs: 3, signal })) {
    all.push(compared);
    yield* scenarioRows(compared);
  }
  yield* summaryRows(all);
}

async function* compareAll({ runs, qemu, only, signal }: Options): AsyncGenerator<Compared> {
  const options = { sector: buildSector(), qemu, launcher: aheadOfOthers(), signal };
  const calibration = await calibrate(options);
  console.error(`calibration: ${JSON.stringify(calibration)}`);
  for (const scenario of scenarios) {
    if (only !== undefined && !scenario.name.includes(only)) continue;
    const actuals: Actual[] = [];
    for (let i = 0; i < runs; i++) {
      signal.throwIfAborted();
      actuals.push(await runScenario(scenario, options));
    }
    const forecasts = actuals.map((actual) => predict(scenario, calibration, actual));
    yield { scenario, forecasts, actuals };
  }
}

const figures = {
  passes: { unit: 'passes', of: (f: ModelResult) => f.passCount, was: (a: Actual) => a.passes },
  total: { unit: 'ms', of: (f: ModelResult) => f.totalMs, was: (a: Actual) => a.totalMs },
  downtime: {
    unit: 'ms',
    of: (f: ModelResult) => f.downtimeMs ?? NaN,
    was: (a: Actual) => a.downtimeMs ?? NaN,
  },
  'expected-downtime': {
    unit: 'ms',
    of: (f: ModelResult) => f.expectedDowntimeMs,
    was: (a: Actual) => a.expectedDowntimeMs ?? NaN,
  },
} as const;
type Figure = keyof typeof figures;

/** Medians of a figure: forecast and measured. NaN where there is none. */
function both({ forecasts, actuals }: Compared, figure: Figure): readonly [number, number] {
  const { of, was } = figures[figure];
  const finite = (values: readonly number[]): number[] => values.filter(Number.isFinite);
  return [median(finite(forecasts.map(of))), median(finite(actuals.map(was)))];
}

/** Most runs ended within the time that was given. */
const converged = (list: readonly boolean[]): boolean =>
  list.filter(Boolean).length * 2 > list.length;
const calledRight = ({ forecasts, actuals }: Compared): boolean =>
  converged(forecasts.map((f) => f.converged)) === converged(actuals.map((a) => a.completed));
const ended = ({ actuals }: Compared): boolean => converged(actuals.map((a) => a.completed));

const orNull = (value: number): number | null => (Number.isFinite(value) ? rounded(value) : null);

function* scenarioRows(compared: Compared): Generator<BenchRow> {
  const { scenario } = compared;
  const row = (
    name: string,
    unit: string,
    ours: number,
    peerName: string,
    peer: number,
  ): BenchRow => ({
    bench: 'forecast',
    case: `${scenario.name}: ${name}`,
    unit,
    ours: orNull(ours),
    peerName,
    peer: orNull(peer),
    ratio: orNull(ours / peer),
    goal: null,
    met: null,
  });
  const right = calledRight(compared);
  yield {
    ...row('converges', '', 0, 'measured', Number(ended(compared))),
    ours: Number(converged(compared.forecasts.map((f) => f.converged))),
    ratio: null,
    goal: 'called right',
    met: right,
  };
  for (const figure of ended(compared)
    ? (['passes', 'total', 'downtime'] as const)
    : (['passes'] as const)) {
    const [ours, peer] = both(compared, figure);
    yield row(figure, figures[figure].unit, ours, 'measured', peer);
  }
  if (!ended(compared)) return;
  const [downtimeMs] = both(compared, 'downtime');
  const [, shownMs] = both(compared, 'expected-downtime');
  yield row('downtime', 'ms', downtimeMs, "QEMU's expected-downtime", shownMs);
}

function* summaryRows(all: readonly Compared[]): Generator<BenchRow> {
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
  const qemu = median(
    over
      .map((compared) => {
        const [, shown] = both(compared, 'expected-downtime');
        const [, was] = both(compared, 'downtime');
        return (100 * Math.abs(shown - was)) / was;
      })
      .filter(Number.isFinite),
  );
  const wrong = all.filter((compared) => !calledRight(compared)).length;
  const row = (name: string, unit: string, ours: number, goal: string, met: boolean): BenchRow => ({
    bench: 'forecast',
    case: name,
    unit,
    ours: orNull(ours),
    peerName: null,
    peer: null,
    ratio: null,
    goal,
    met,
  });
  yield row('convergence called wrong', `of ${all.length}`, wrong, 'none', wrong === 0);
  yield row('median error of passes', 'passes', passes, 'at most 1', passes <= 1);
  yield row(
    'median error of total time',
    '%',
    relative('total'),
    'at most 10 %',
    relative('total') <= 10,
  );
  yield {
    ...row(
      'median error of downtime',
      '%',
      relative('downtime'),
      'at most 20 %',
      relative('downtime') <= 20,
    ),
    peerName: "QEMU's expected-downtime",
    peer: orNull(qemu),
    ratio: orNull(relative('downtime') / qemu),
  };
}

/** A scenario in a line: forecast and measured, with every run's own figures. */
function asLine(compared: Compared): string {
  const { scenario, forecasts, actuals } = compared;
  const list = (values: readonly number[]): string =>
    values.map((value) => (Number.isFinite(value) ? value.toFixed(0) : '-')).join('/');
  const cell = (figure: Figure): string => {
    const { of, was } = figures[figure];
    return `${figure} ${list(forecasts.map(of))} : ${list(actuals.map(was))}`.padEnd(44);
  };
  const verdict = calledRight(compared) ? '' : 'WRONG ';
  return `${scenario.name.padEnd(24)} ${verdict}${(['passes', 'total', 'downtime', 'expected-downtime'] as const).map(cell).join(' ')}`;
}

/** The boot sector needs only as, ld and objcopy. */
function buildSector(): Uint8Array {
  const out = mkdtempSync(join(tmpdir(), 'precopy-forecast-'));
  try {
    const folder = join(repositoryRoot(), 'scripts/lab/workload');
    execFileSync('make', ['-s', '-C', folder, `OUT=${out}`]);
    return readFileSync(join(out, 'workload.bin'));
  } finally {
    rmSync(out, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      qemu: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      interrupt.abort(new Error(`Ended by ${name}.`));
    });
  }
  const all: Compared[] = [];
  const { qemu, only } = values;
  const options = { runs: Number(values.runs), qemu, only, signal: interrupt.signal };
  for await (const compared of compareAll(options)) {
    all.push(compared);
    console.log(asLine(compared));
  }
  for (const { case: name, ours, unit, goal, met, peer } of summaryRows(all)) {
    const qemus = peer === null ? '' : ` (QEMU's expected-downtime: ${peer} ${unit})`;
    console.log(
      `${name}: ${ours ?? '-'} ${unit}${qemus} | ${goal ?? ''}: ${met === true ? 'met' : 'MISSED'}`,
    );
  }
}
