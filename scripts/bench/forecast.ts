/**
 * Forecasts beside real migrations: of plain QEMU pairs on this machine, and of QEMUs with a VFIO device
 * in the lab. The workload's dirty curve is known by arithmetic; the link and the hosts' costs are
 * measured beforehand by migrations that are no scenarios. Takes some 40 minutes, and needs as, ld,
 * objcopy and make for the boot sector.
 *
 *   npm run bench forecast [-- --json]
 *   node scripts/dist/bench/forecast.js [--part host|lab] [--runs N] [--qemu PATH] [--only NAME]
 */
import { parseArgs } from 'node:util';
import { calibrate, hostPlan, labPlan } from './forecast/calibrate.js';
import {
  asLine,
  comparedOf,
  scenarioRows,
  summaryRows,
  type Compared,
} from './forecast/compared.js';
import { predict } from './forecast/predict.js';
import { runScenario, type Actual } from './forecast/run.js';
import { labScenarios, scenarios } from './forecast/scenarios.js';
import { linesFromLab } from './in-lab.js';
import { aheadOfOthers } from './priority.js';
import type { BenchRow } from './row.js';

interface Options {
  /** Migrations of each scenario; medians are compared. */
  readonly runs: number;
  readonly qemu?: string | undefined;
  readonly only?: string | undefined;
  readonly signal: AbortSignal;
}

const parts = {
  host: { name: 'plain QEMU pairs', compare: compareOnHost },
  lab: { name: 'with a VFIO device, in the lab', compare: compareFromLab },
} as const;
type Part = keyof typeof parts;
const isPart = (name: string): name is Part => name in parts;

/** All rows of this bench. */
export async function* forecastRows(signal: AbortSignal): AsyncGenerator<BenchRow> {
  const all: Compared[] = [];
  for (const { name, compare } of Object.values(parts)) {
    const ofPart: Compared[] = [];
    for await (const compared of compare({ runs: 3, signal })) {
      ofPart.push(compared);
      yield* scenarioRows(compared);
    }
    yield* summaryRows(name, ofPart);
    all.push(...ofPart);
  }
  yield* summaryRows('all', all);
}

async function* compareOnHost(options: Options): AsyncGenerator<Compared> {
  const { qemu, signal } = options;
  const context = { qemu, launcher: aheadOfOthers(), signal };
  yield* compareAll(scenarios, hostPlan, context, options);
}

/** Boots the lab and has the scenarios run there. */
async function* compareFromLab({ runs, only, signal }: Options): AsyncGenerator<Compared> {
  const args = ['--part', 'inside', '--runs', String(runs)];
  if (only !== undefined) args.push('--only', only);
  for await (const line of linesFromLab(import.meta.filename, args, signal)) {
    yield JSON.parse(line) as Compared;
  }
}

/** Inside the lab: a line for each scenario. */
async function compareInside(options: Options): Promise<void> {
  const { signal } = options;
  const context = { qemu: undefined, launcher: [], signal };
  for await (const compared of compareAll(labScenarios, labPlan, context, options)) {
    console.log(JSON.stringify(compared));
  }
}

async function* compareAll(
  list: typeof scenarios,
  plan: typeof hostPlan,
  context: Parameters<typeof runScenario>[1],
  { runs, only, signal }: Options,
): AsyncGenerator<Compared> {
  const calibration = await calibrate(plan, context);
  console.error(`calibration: ${JSON.stringify(calibration)}`);
  for (const scenario of list) {
    if (only !== undefined && !scenario.name.includes(only)) continue;
    const actuals: Actual[] = [];
    for (let i = 0; i < runs; i++) {
      signal.throwIfAborted();
      actuals.push(await runScenario(scenario, context));
    }
    const forecasts = actuals.map((actual) => predict(scenario, calibration, actual));
    yield comparedOf(scenario.name, forecasts, actuals);
  }
}

function printSummary(part: string, all: readonly Compared[]): void {
  for (const { case: name, ours, unit, goal, met, peer, peerName } of summaryRows(part, all)) {
    const theirs = peer === null ? '' : ` (${peerName ?? ''}: ${peer} ${unit})`;
    const verdict = goal === null ? '' : ` | ${goal}: ${met === true ? 'met' : 'MISSED'}`;
    console.log(`${name}: ${ours ?? '-'} ${unit}${theirs}${verdict}`);
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      part: { type: 'string' },
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
  const { part, qemu, only } = values;
  const options = { runs: Number(values.runs), qemu, only, signal: interrupt.signal };
  if (part === 'inside') await compareInside(options);
  else {
    const chosen = part !== undefined && isPart(part) ? [part] : (['host', 'lab'] as const);
    const all: Compared[] = [];
    for (const name of chosen) {
      const ofPart: Compared[] = [];
      for await (const compared of parts[name].compare(options)) {
        ofPart.push(compared);
        console.log(asLine(compared));
      }
      printSummary(parts[name].name, ofPart);
      all.push(...ofPart);
    }
    if (chosen.length > 1) printSummary('all', all);
  }
}
