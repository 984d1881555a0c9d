/** The shell, fed by a script as a person would type it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadJournal } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import { startPair, type Guest } from '#scripts/lab/guest.js';
import { repositoryRoot } from '#scripts/repository.js';
import { FaultRig } from '../../support/fault-rig.js';
import { startPrecopy } from '../../support/precopy.js';

const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');

async function shell(
  script: readonly string[],
  ...args: string[]
): Promise<{ exitCode: number | null; stdout: string }> {
  const child = spawn(process.execPath, [main, 'shell', ...args]);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stdin.end(script.join('\n'));
  await once(child, 'close');
  return { exitCode: child.exitCode, stdout };
}

/** Of `migrate-set-parameters`. */
type Parameters = Readonly<Record<string, unknown>>;

async function ask(guest: Guest, command: string): Promise<Record<string, unknown>> {
  await using client = await QmpClient.connect(guest.secondQmp);
  return (await client.execute(command)) as Record<string, unknown>;
}

describe('precopy shell with a busy guest', () => {
  it('steps one pass after the other, held in between, and releases', async () => {
    await using rig = await FaultRig.start();
    const { exitCode, stdout } = await shell(
      ['start', 'step', 'status', 'step', 'status', 'step', 'status', 'release', 'wait'],
      ...['--qmp', rig.source.qmp, '--to-qmp', rig.destination.qmp, '--bandwidth', '64M'],
    );
    assert.equal(exitCode, 0, stdout);
    const passes = [...stdout.matchAll(/^pass (\d+), /gm)].map(([, pass]) => Number(pass));
    assert.equal(passes.length, 3, stdout);
    assert.deepEqual(passes, [2, 3, 4], 'each step is one pass');
    assert.equal([...stdout.matchAll(/^held; QEMU says active$/gm)].length, 3, stdout);
    assert.match(stdout, /^RAM left .* >= threshold /m);
    assert.deepEqual(await rig.runners(), ['destination']);
  });
});

describe('precopy shell and what it has released', () => {
  it('holds it again, throttles it, and switches over at once when asked to', async () => {
    await using rig = await FaultRig.start();
    await rig.allWritten();
    const { exitCode, stdout } = await shell(
      ['start', 'throttle 40', 'release', 'hold', 'status', 'switchover', 'wait'],
      ...['--qmp', rig.source.qmp, '--to-qmp', rig.destination.qmp],
      ...['--bandwidth', '10M', '--downtime-limit', '20ms'],
    );
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /^held; QEMU says active$/m);
    assert.match(stdout, /^downtime-limit 1 ms, .*, throttle 40 %$/m);
    // What the guest dirties does not fit into the goal's limit: only a switchover ends it.
    assert.match(stdout, /^completed: /m);
    assert.deepEqual(await rig.runners(), ['destination']);
    await rig.assertRestored();
  });

  it('steers nothing any more once the guest goes on at the destination', async () => {
    await using rig = await FaultRig.start();
    await rig.allWritten();
    rig.link.limit(4 << 20);
    const running = startPrecopy(
      ['shell', '--qmp', rig.source.qmp, '--to-qmp', rig.destination.qmp, '--postcopy'],
      { stdin: 'start\npostcopy\n' },
    );
    await running.printed('postcopy: asked for');
    while ((await rig.look('destination')).status !== 'running') await sleep(20);
    running.process.stdin?.end('cancel\n');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /there is no way back, and nothing to steer/);
    assert.match(stdout, /^completed: /m);
    assert.deepEqual(await rig.runners(), ['destination']);
  });
});

describe('precopy shell and a migration that somebody else started', () => {
  it('holds it, says why by the limits in force, and switches over when asked to', async () => {
    await using rig = await FaultRig.start();
    await rig.startedByAnother();
    const { exitCode, stdout } = await shell(
      [
        ...['hold', 'status', 'step', 'why', 'release'],
        ...['set downtime-limit=77ms', 'step', 'set bandwidth=64M', 'switchover', 'wait'],
      ],
      ...['--qmp', rig.source.qmp],
    );
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /^held; QEMU says active$/m);
    // QEMU's own limit of 20 ms is not in force any more.
    assert.match(stdout, /^RAM left .* >= threshold .* × 1 ms\.$/m);
    assert.match(stdout, /^the migration is over: completed$/m);
    assert.deepEqual(await rig.runners(), ['destination']);
  });
});

describe('precopy shell and a switchover', () => {
  it('has the guest go on at the destination at once, with --postcopy', async () => {
    await using rig = await FaultRig.start();
    const { exitCode, stdout } = await shell(
      ['start', 'postcopy', 'wait'],
      ...['--qmp', rig.source.qmp, '--to-qmp', rig.destination.qmp, '--postcopy'],
    );
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /^completed: /m);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  it('cancels what somebody else has waiting in pre-switchover; the guest goes on at the source', async () => {
    await using rig = await FaultRig.start();
    const capabilities = ['events', 'pause-before-switchover'].map((capability) => ({
      ...{ capability, state: true },
    }));
    await rig.ask('source', 'migrate-set-capabilities', { capabilities });
    await rig.ask('source', 'migrate-set-parameters', { 'downtime-limit': 30_000 });
    const uri = `unix:${rig.folder}/incoming`;
    await rig.ask('destination', 'migrate-incoming', { uri });
    await rig.ask('source', 'migrate', { uri });
    while ((await rig.look('source')).migration !== 'pre-switchover') await sleep(20);
    const { exitCode, stdout } = await shell(['cancel', 'wait'], '--qmp', rig.source.qmp);
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /the migration is over: cancelled/);
    assert.deepEqual(await rig.runners(), ['source']);
  });
});

describe('precopy shell', () => {
  let pair: Awaited<ReturnType<typeof startPair>>;
  beforeEach(async () => {
    pair = await startPair({ memoryMiB: 128 });
  });
  afterEach(() => pair[Symbol.asyncDispose]());

  it('starts a migration held, steps it, says why, and releases it', async () => {
    const { exitCode, stdout } = await shell(
      ['start', 'status', 'why # not yet', 'set downtime-limit=1ms', 'release', 'wait', 'status'],
      ...['--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
    );
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /started, held/);
    assert.match(stdout, /^held; QEMU says active$/m);
    assert.match(stdout, /all of it is to be sent once/);
    assert.match(stdout, /^completed: /m);
    assert.equal((await ask(pair.destination, 'query-status'))['status'], 'running');
    const parameters = await ask(pair.source, 'query-migrate-parameters');
    assert.equal(parameters['downtime-limit'], 300);
    assert.equal(parameters['max-bandwidth'], 128 << 20);
  });

  it('keeps what was set by hand when it is released', async () => {
    const journal = join(mkdtempSync(join(tmpdir(), 'precopy-test-')), 'journal');
    const { exitCode, stdout } = await shell(
      ['start', 'set bandwidth=200M downtime-limit=2s', 'set bandwidth=300M', 'release', 'wait'],
      ...['--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
      ...['--bandwidth', '5M', '--journal', journal],
    );
    assert.equal(exitCode, 0, stdout);
    const { records } = await loadJournal(journal);
    rmSync(dirname(journal), { recursive: true });
    const released = records.findIndex(
      (record) => record.type === 'decision' && record.action.kind === 'release',
    );
    const set = records
      .slice(released)
      .find((record) => record.type === 'effect' && record.command === 'migrate-set-parameters');
    assert.ok(set?.type === 'effect');
    const { 'max-bandwidth': bandwidth, 'downtime-limit': limit } = set.arguments as Parameters;
    assert.deepEqual([bandwidth, limit], [300 << 20, 2000]);
  });

  it('steers a migration that somebody else started', async () => {
    await using source = await QmpClient.connect(pair.source.secondQmp);
    await using destination = await QmpClient.connect(pair.destination.secondQmp);
    const capabilities = [{ capability: 'events' as const, state: true }];
    await source.execute('migrate-set-capabilities', { capabilities });
    await source.execute('migrate-set-parameters', { 'max-bandwidth': 4096 });
    const uri = `unix:${pair.source.qmp.slice('unix:'.length)}-channel`;
    await destination.execute('migrate-incoming', { uri });
    await source.execute('migrate', { uri });
    const { exitCode, stdout } = await shell(
      ['set bandwidth=1G', 'wait'],
      ...['--qmp', pair.source.qmp],
    );
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /the migration is over: completed/);
    const parameters = await source.execute('query-migrate-parameters');
    assert.equal((parameters as Record<string, unknown>)['max-bandwidth'], 4096);
  });

  it('cancels, and leaves the guest where it is', async () => {
    const { exitCode, stdout } = await shell(
      ['start', 'cancel', 'wait'],
      ...['--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
    );
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /was cancelled: Asked for by hand.*guest is on the source: running/);
    assert.equal((await ask(pair.source, 'query-status'))['status'], 'running');
  });

  it('says what is wrong with a command, goes on, and fails at the end', async () => {
    const { exitCode, stdout } = await shell(
      ['frobnicate', 'hold', 'throttle 200', 'set x=1', 'status'],
      ...['--qmp', pair.source.qmp],
    );
    assert.equal(exitCode, 1);
    assert.match(stdout, /There is no command "frobnicate". "help" lists the commands/);
    assert.match(stdout, /No migration is under way: "start" starts it/);
    assert.match(stdout, /"throttle=200": write the value as 0-99/);
    assert.match(stdout, /"x=1" can't be set/);
    assert.match(stdout, /^not started; QEMU says none$/m);
  });
});
