/**
 * `npm run bench NAME [-- --json]`: runs one bench and prints a table, or with --json a row a line
 * as each is measured. Ends with 0 when everything could be measured, whether goals were met or not:
 * that is what the rows say.
 */
import { forecastRows } from './forecast.js';
import { hookRows } from './hook.js';
import { labRows } from './lab.js';
import { migrateRows } from './migrate.js';
import { qmpRows } from './qmp.js';
import { rehearseRows } from './rehearse.js';
import { rowsAsTable, type BenchRow } from './row.js';
import { switchoverRows } from './switchover.js';
import { bitmapRows } from './vfio-bitmap.js';
import { ioctlRows } from './vfio-ioctl.js';
import { pauseRows } from './vfio-pauses.js';

interface Bench {
  readonly about: string;
  rows(signal: AbortSignal, onError: (error: unknown) => void): AsyncIterable<BenchRow>;
}

/** Every bench, by name: a file each. */
const benches: Readonly<Record<string, Bench>> = {
  lab: { about: "set-up check, the lab's boot, the demo", rows: labRows },
  qmp: { about: "the QMP client beside a bare socket loop and Python's qemu.qmp", rows: qmpRows },
  forecast: {
    about: 'forecasts beside real migrations, and what QEMU expected',
    rows: forecastRows,
  },
  hook: { about: "the libvirt hook's own work beside the start of a bare Node", rows: hookRows },
  migrate: {
    about: 'the adaptive policy beside QEMU alone and the schedules of its managers',
    rows: migrateRows,
  },
  switchover: {
    about: "from the pass that shows that the goal can be met to the source's STOP",
    rows: switchoverRows,
  },
  rehearse: { about: "a guest's work with and without rehearsal", rows: rehearseRows },
  vfio: {
    about: 'dirty bitmaps beside C, fastbitset and plain JS; ioctls beside C; pauses, in the lab',
    async *rows(signal, onError) {
      yield* bitmapRows();
      yield* ioctlRows(signal, onError);
      yield* pauseRows(signal);
    },
  },
};

function usage(): string {
  const names = Object.entries(benches).map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`);
  return `usage: npm run bench NAME [-- --json]\n\n${names.join('\n')}`;
}

const [name, ...options] = process.argv
  .slice(2)
  .sort((a, b) => +(a === '--json') - +(b === '--json'));
const bench = name === undefined ? undefined : benches[name];
if (bench === undefined || options.some((option) => option !== '--json')) {
  console.error(usage());
  process.exit(2);
}
const json = options.includes('--json');
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupt.abort(new Error(`Ended by ${signal}.`));
  });
}
const rows: BenchRow[] = [];
const onError = (error: unknown): void => {
  console.error(error instanceof Error ? error.message : error);
};
try {
  for await (const row of bench.rows(interrupt.signal, onError)) {
    rows.push(row);
    if (json) console.log(JSON.stringify(row));
    else console.error(`measured: ${row.case}`);
  }
} catch (error) {
  onError(error);
  process.exitCode = 1;
}
if (!json) console.log(`\n${rowsAsTable(rows)}`);
if (rows.some(({ ours }) => ours === null)) process.exitCode = 1;
