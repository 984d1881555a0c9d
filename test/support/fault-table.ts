/**
 * What happens when something dies in the midst of a migration: one row a state and fault. The tests of
 * test/qemu/precopy/faults.test.ts run the rows, and docs/faults.md shows them.
 */
import type { Role } from './fault-rig.js';

export const states = [
  'setup',
  'precopy',
  'held',
  'switchover',
  'postcopy',
  'recover',
  'verify',
  'completed',
] as const;
export type State = (typeof states)[number];

export const faults = {
  'destination killed': 'SIGKILL of the destination QEMU',
  'source killed': 'SIGKILL of the source QEMU',
  'link stalled': 'nothing gets through any more, no connection ends (`--stall-timeout 2s`)',
  'precopy killed': 'SIGKILL of precopy; its guardian goes on',
  'precopy and guardian killed': 'SIGKILL of both; then `precopy migrate --resume JOURNAL`',
  'source monitor closed': "precopy's connection to the source's QMP socket is shut down",
  'destination monitor closed': "the same with the destination's",
  'journal disk full': 'the file system of `--journal` has no room left',
  'clock set': "precopy's wall clock jumps ahead by an hour",
} as const;
export type Fault = keyof typeof faults;

/** Where the guest runs in the end; `lost`: nowhere, as its memory is gone. */
export type Outcome = Role | 'lost';

export interface Row {
  readonly state: State;
  readonly fault: Fault;
  readonly guest: Outcome;
  readonly exitCode: number | 'killed';
  readonly note: string;
  /** Runs in each CI run; the others with PRECOPY_FAULTS=all. */
  readonly always?: true;
}

const toSource = 'the source goes on';
const goesOn = 'the migration goes on, and ends as it was to';
const noCopy = 'QEMU has no second copy: the guest ends with its source';

export const rows: readonly Row[] = [
  row('setup', 'destination killed', 'source', 1, toSource),
  row('precopy', 'destination killed', 'source', 1, toSource, true),
  row('held', 'destination killed', 'source', 1, toSource),
  row('switchover', 'destination killed', 'source', 1, 'QEMU resumes the source', true),
  row('postcopy', 'destination killed', 'lost', 1, 'the newest pages existed only there', true),
  row('recover', 'destination killed', 'lost', 1, 'the newest pages existed only there'),
  row(
    'verify',
    'destination killed',
    'source',
    1,
    'it had not run: precopy resumes the source',
    true,
  ),

  row('setup', 'source killed', 'lost', 1, noCopy),
  row('precopy', 'source killed', 'lost', 1, noCopy),
  row('held', 'source killed', 'lost', 1, noCopy),
  row('switchover', 'source killed', 'lost', 1, noCopy),
  row('postcopy', 'source killed', 'lost', 1, 'pages that had not been sent yet are gone'),
  row('recover', 'source killed', 'lost', 1, 'pages that had not been sent yet are gone'),
  row(
    'verify',
    'source killed',
    'destination',
    1,
    'it has everything: precopy starts it, unverified',
    true,
  ),

  row('setup', 'link stalled', 'source', 1, 'broken off by yank'),
  row('precopy', 'link stalled', 'source', 1, 'broken off by yank'),
  row('held', 'link stalled', 'source', 1, 'broken off by yank'),
  row(
    'switchover',
    'link stalled',
    'source',
    1,
    'broken off by yank, out of band; QEMU resumes the source',
    true,
  ),
  row(
    'postcopy',
    'link stalled',
    'destination',
    0,
    'broken off, then recovered over a new connection',
  ),
  row('recover', 'link stalled', 'destination', 0, 'tried again until a connection holds'),
  row('verify', 'link stalled', 'destination', 0, 'nothing goes over it any more'),

  row(
    'setup',
    'precopy killed',
    'source',
    'killed',
    'nothing was started; the settings are put back',
  ),
  row('precopy', 'precopy killed', 'destination', 'killed', goesOn, true),
  row('held', 'precopy killed', 'destination', 'killed', 'released', true),
  row('switchover', 'precopy killed', 'destination', 'killed', goesOn),
  row('postcopy', 'precopy killed', 'destination', 'killed', goesOn),
  row('recover', 'precopy killed', 'destination', 'killed', 'recovered by the guardian'),
  row(
    'verify',
    'precopy killed',
    'destination',
    'killed',
    'compared by the guardian, then started',
    true,
  ),
  row('completed', 'precopy killed', 'destination', 'killed', 'the settings are put back'),

  row(
    'setup',
    'precopy and guardian killed',
    'source',
    1,
    'nothing was started; the settings are put back',
  ),
  row('precopy', 'precopy and guardian killed', 'destination', 0, goesOn),
  row('held', 'precopy and guardian killed', 'destination', 0, 'released'),
  row('switchover', 'precopy and guardian killed', 'destination', 0, goesOn),
  row('postcopy', 'precopy and guardian killed', 'destination', 0, goesOn),
  row('recover', 'precopy and guardian killed', 'destination', 0, 'recovered'),
  row(
    'verify',
    'precopy and guardian killed',
    'destination',
    0,
    'stands still until resumed; then compared and started',
    true,
  ),

  row(
    'setup',
    'source monitor closed',
    'source',
    1,
    'nothing was started; the settings are put back',
  ),
  row('precopy', 'source monitor closed', 'destination', 0, 'connected again', true),
  row('held', 'source monitor closed', 'destination', 0, 'connected again'),
  row('switchover', 'source monitor closed', 'destination', 0, 'connected again'),
  row('postcopy', 'source monitor closed', 'destination', 0, 'connected again'),
  row('recover', 'source monitor closed', 'destination', 0, 'connected again', true),
  row('verify', 'source monitor closed', 'destination', 0, 'connected again'),

  row(
    'setup',
    'destination monitor closed',
    'source',
    1,
    'nothing was started; the settings are put back',
  ),
  row('precopy', 'destination monitor closed', 'destination', 0, 'connected again'),
  row('held', 'destination monitor closed', 'destination', 0, 'connected again'),
  row('switchover', 'destination monitor closed', 'destination', 0, 'connected again'),
  row('postcopy', 'destination monitor closed', 'destination', 0, 'connected again'),
  row('recover', 'destination monitor closed', 'destination', 0, 'connected again'),
  row('verify', 'destination monitor closed', 'destination', 0, 'connected again', true),

  row(
    'precopy',
    'journal disk full',
    'destination',
    0,
    'records wait in memory; said on standard error',
    true,
  ),
  row('setup', 'journal disk full', 'destination', 0, 'the same'),
  row('held', 'journal disk full', 'destination', 0, 'the same'),
  row('switchover', 'journal disk full', 'destination', 0, 'the same'),
  row('postcopy', 'journal disk full', 'destination', 0, 'the same'),
  row('recover', 'journal disk full', 'destination', 0, 'the same'),
  row('verify', 'journal disk full', 'destination', 0, 'the same'),

  row('precopy', 'clock set', 'destination', 0, 'time limits go by the monotonic clock', true),
  row('setup', 'clock set', 'destination', 0, 'the same'),
  row('held', 'clock set', 'destination', 0, 'the same'),
  row('switchover', 'clock set', 'destination', 0, 'the same'),
  row('postcopy', 'clock set', 'destination', 0, 'the same'),
  row('recover', 'clock set', 'destination', 0, 'the same'),
  row('verify', 'clock set', 'destination', 0, 'the same'),
];

function row(
  state: State,
  fault: Fault,
  guest: Outcome,
  exitCode: Row['exitCode'],
  note: string,
  always?: true,
): Row {
  return { state, fault, guest, exitCode, note, ...(always ? { always } : {}) };
}

/** The table of docs/faults.md. */
export function faultTable(): string {
  const lines = rows.map(
    ({ state, fault, guest, exitCode, note }) =>
      `| ${fault} | ${state} | ${guest} | ${exitCode === 'killed' ? '-' : exitCode} | ${note} |`,
  );
  return [
    '| Fault | State | Guest runs on | Exit code | How |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}
