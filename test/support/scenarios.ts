/**
 * A table of migrations: guest × device × link × policy × ending. Each that completes is proved by a
 * comparison of the whole RAM; each that does not leaves the guest running where it was.
 */
import assert from 'node:assert/strict';
import { startPair, type Guest, type GuestOptions } from '#scripts/lab/guest.js';
import { startVfioPair } from '#scripts/lab/vfio-guest.js';
import type { WorkloadParameters } from '#scripts/lab/workload.js';
import { precopy } from './precopy.js';
import { runState } from './run-state.js';

const baseAddress = 0x400_0000;
/** What the guest's CPU does. The last works without a pause, so that only a throttle slows it. */
const guests: Readonly<Record<string, WorkloadParameters | undefined>> = {
  idle: undefined,
  moderate: { baseAddress, pages: 2048, pagesPerSecond: 2000 },
  'never converging': { baseAddress, pages: 4096, pagesPerSecond: 0, spin: 2000 },
};
const dirty = { rangeIova: 0x100_0000n, rangePages: 2048, rate: 1000, pattern: 'uniform' } as const;
const policies = ['adaptive', 'qemu', 'schedule:vdsm-minimal-downtime'];

interface Scenario {
  guest: string;
  device: 'none' | 'writing';
  bandwidth: string;
  policy: string;
  ending: 'completes' | 'is cancelled' | 'is released';
  flags?: readonly string[];
}

/** All scenarios of guests with this device. */
function tableOf(device: Scenario['device']): Scenario[] {
  const everyday = ['idle', 'moderate'].flatMap((guest) =>
    ['16M', '100M'].flatMap((bandwidth) =>
      policies.map((policy): Scenario => ({
        ...{ guest, device, bandwidth, policy },
        ending: 'completes',
      })),
    ),
  );
  const common = { guest: 'never converging', device };
  const noThrottle = ['--max-slowdown', '0', '--downtime-limit', '50ms'];
  return [
    ...everyday,
    { ...common, bandwidth: '16M', policy: 'adaptive', ending: 'completes' },
    { ...common, bandwidth: '100M', policy: 'adaptive', ending: 'completes' },
    { ...common, bandwidth: '4M', policy: 'adaptive', ending: 'is released', flags: noThrottle },
    { ...common, bandwidth: '4M', policy: 'adaptive', ending: 'is cancelled', flags: noThrottle },
    { ...common, bandwidth: '4M', policy: 'qemu', ending: 'is released' },
    { ...common, bandwidth: '4M', policy: 'qemu', ending: 'is cancelled' },
  ];
}

/** The table of docs/scenarios.md. */
export function scenarioTable(): string {
  const lines = (['none', 'writing'] as const)
    .flatMap(tableOf)
    .map(
      ({ guest, device, bandwidth, policy, ending }) =>
        `| ${guest} | ${device} | ${bandwidth}/s | ${policy} | ${ending} |`,
    );
  return [
    '| Guest | VFIO device | Bandwidth | Policy | Ending |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

interface Pair extends AsyncDisposable {
  source: Guest;
  destination: Guest;
}

/** The QEMU that runs the guests, where it is not the usual one. */
export type ScenarioQemu = Pick<GuestOptions, 'launcher' | 'qemu' | 'args'>;

async function start({ guest, device }: Scenario, qemu?: ScenarioQemu): Promise<Pair> {
  const workload = guests[guest];
  if (device === 'writing') {
    const pair = await startVfioPair({ memoryMiB: 128, dirty, workload });
    return {
      source: pair.source.guest,
      destination: pair.destination.guest,
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  }
  const pair = await startPair({ memoryMiB: 128, workload, ...qemu });
  if (workload) await pair.source.workloadRuns();
  return pair;
}

const timeouts = {
  completes: ['--timeout', '60s', '--on-timeout', 'release'],
  'is released': ['--timeout', '4s', '--on-timeout', 'release'],
  'is cancelled': ['--timeout', '4s', '--on-timeout', 'cancel'],
};

export const allScenarios = process.env['PRECOPY_SCENARIOS'] === 'all';

/**
 * Registers the scenarios as tests: all of them with PRECOPY_SCENARIOS=all, else a few.
 *
 * @param few indices of those that are tested always
 */
export function describeScenarios(
  device: Scenario['device'],
  few: readonly number[],
  qemu?: () => Promise<ScenarioQemu>,
): void {
  const all = tableOf(device);
  const chosen = allScenarios ? all : few.flatMap((index) => all[index] ?? []);
  describe(`${chosen.length} of ${all.length} scenarios, device ${device}`, () => {
    for (const scenario of chosen) {
      const { guest, bandwidth, policy, ending } = scenario;
      it(`${guest} guest, ${bandwidth}/s, ${policy}: ${ending}`, async function () {
        this.timeout(240_000);
        await check(scenario, await qemu?.());
      });
    }
  });
}

async function check(scenario: Scenario, qemu: ScenarioQemu | undefined): Promise<void> {
  const { bandwidth, policy, ending, flags = [] } = scenario;
  await using pair = await start(scenario, qemu);
  const { source, destination } = pair;
  const { exitCode, stdout, stderr } = await precopy(
    ...['migrate', '--qmp', source.qmp, '--to-qmp', destination.qmp, '--verify'],
    ...['--bandwidth', bandwidth, '--policy', policy, ...timeouts[ending], ...flags],
  );
  if (ending === 'is cancelled') {
    assert.equal(exitCode, 5, stdout + stderr);
    assert.equal(await runState(source), 'running');
    return;
  }
  assert.equal(exitCode, 0, stdout + stderr);
  assert.equal(stdout.trimEnd().split('\n').at(-1), 'verify: 0 pages differ', stdout);
  assert.equal(await runState(destination), 'running');
  assert.equal(await runState(source), 'postmigrate');
}
