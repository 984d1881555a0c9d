/** Migrations between two real QEMUs of this machine, without VFIO. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import { loadJournal, noteLines, type JournalRecord } from 'precopy';
import { startPair, type Guest } from '#scripts/lab/guest.js';
import { precopy, startPrecopy } from '../../support/precopy.js';

async function ask(guest: Guest, command: string): Promise<unknown> {
  await using client = await QmpClient.connect(guest.secondQmp);
  return await client.execute(command);
}

describe('precopy migrate between two QEMUs', () => {
  let pair: Awaited<ReturnType<typeof startPair>>;
  let folder: string;
  beforeEach(async () => {
    pair = await startPair({ memoryMiB: 128 });
    folder = mkdtempSync(join(tmpdir(), 'precopy-test-'));
  });
  afterEach(async () => {
    await pair[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const migrate = async (...more: string[]): ReturnType<typeof precopy> =>
    await precopy(
      ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp, ...more],
    );

  it('moves the guest, with a row per pass and the measured downtime', async () => {
    const { exitCode, stdout, stderr } = await migrate();
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stdout,
      /^ pass +kind +remaining +transferred +bandwidth +dirty rate +VFIO +not switched over because$/m,
    );
    assert.match(stdout, /^ +1 +round .*- +first round$/m);
    assert.match(stdout, /^ +\d+ +blackout /m);
    assert.match(stdout, /^downtime: \d+ ms measured/m);
    assert.equal(await ask(pair.source, 'query-status').then(pickStatus), 'postmigrate');
    assert.equal(await ask(pair.destination, 'query-status').then(pickStatus), 'running');
  });

  it('verifies the whole RAM and says so in its last line', async () => {
    const { exitCode, stdout, stderr } = await migrate('--verify');
    assert.equal(exitCode, 0, stderr);
    assert.equal(stdout.trimEnd().split('\n').at(-1), 'verify: 0 pages differ');
    const compared = Number(/^verify: compared (\d+) MiB/m.exec(stdout)?.[1]);
    assert.ok(compared >= 128, stdout);
    assert.equal(await ask(pair.destination, 'query-status').then(pickStatus), 'running');
  });

  it('leaves a guest that was never started as it is, at the destination', async () => {
    await using unstarted = await startPair({ memoryMiB: 64, sourceArgs: ['-S'] });
    assert.equal(await ask(unstarted.source, 'query-status').then(pickStatus), 'prelaunch');
    const { exitCode, stderr } = await precopy(
      ...['migrate', '--qmp', unstarted.source.qmp, '--to-qmp', unstarted.destination.qmp],
    );
    assert.equal(exitCode, 0, stderr);
    assert.equal(await ask(unstarted.destination, 'query-status').then(pickStatus), 'prelaunch');
    await ask(unstarted.destination, 'cont');
    assert.equal(await ask(unstarted.destination, 'query-status').then(pickStatus), 'running');
  });

  it('leaves nothing in the temporary folder when the source dies, or precopy', async () => {
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    const args = ['--bandwidth', '1M', '--downtime-limit', '1ms', '--no-history', '--json'];
    const running = startPrecopy(
      ['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp, ...args],
      { env: { TMPDIR: temporary } },
    );
    await running.printed('"type":"pass"');
    assert.equal(readdirSync(temporary).length, 1, 'the channel');
    pair.source.process.kill('SIGKILL');
    assert.equal((await running.finished).exitCode, 1);
    assert.deepEqual(readdirSync(temporary), []);

    await using another = await startPair({ memoryMiB: 64 });
    const killed = startPrecopy(
      ['migrate', '--qmp', another.source.qmp, '--to-qmp', another.destination.qmp, ...args].concat(
        ['--timeout', '2s', '--on-timeout', 'release'],
      ),
      { env: { TMPDIR: temporary } },
    );
    await killed.printed('"type":"pass"');
    killed.process.kill('SIGKILL');
    // Its guardian goes on.
    while (readdirSync(temporary).length > 0) await sleep(100);
    assert.equal(await ask(another.destination, 'query-status').then(pickStatus), 'running');
  });

  it('keeps a paused guest paused', async () => {
    await ask(pair.source, 'stop');
    const { exitCode, stdout, stderr } = await migrate('--verify');
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /verify: 0 pages differ/);
    assert.equal(await ask(pair.destination, 'query-status').then(pickStatus), 'paused');
  });

  it('journals every step, a record a line, and prints the same as --json', async () => {
    const file = join(folder, 'journal');
    const { exitCode, stdout } = await migrate('--journal', file, '--json');
    assert.equal(exitCode, 0);
    assert.equal(readFileSync(file, 'utf8'), stdout);
    assert.deepEqual(noteLines((await loadJournal(file)).notes), []);
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JournalRecord);
    const phases = records.flatMap((record) => (record.type === 'phase' ? [record.phase] : []));
    assert.deepEqual(phases, ['setup', 'precopy', 'switchover', 'completed']);
    assert.equal(records[0]?.type, 'start');
    const result = records.find((record) => record.type === 'result');
    assert.equal(result?.result.outcome, 'completed');
  });

  it('is reported from its journal, and at its end, in each form', async () => {
    const file = (name: string): string => join(folder, name);
    const orders = ['html', 'junit', 'tap', 'json'].flatMap((form) => [
      '--report',
      `${form}:${file(form)}`,
    ]);
    const migrated = await migrate('--journal', file('journal'), ...orders);
    assert.equal(migrated.exitCode, 0, migrated.stderr);
    assert.match(readFileSync(file('html'), 'utf8'), /passed<\/span>/);
    assert.match(readFileSync(file('junit'), 'utf8'), /<testsuites .* failures="0"/);
    assert.match(readFileSync(file('tap'), 'utf8'), /^ok 1 - the migration completed$/m);
    const kept = await precopy('report', file('journal'), '--max-downtime', '1h');
    assert.equal(kept.exitCode, 0, kept.stderr);
    const exceeded = await precopy('report', file('journal'), '--max-total', '1ms');
    assert.equal(exceeded.exitCode, 1);
    assert.match(exceeded.stdout, /^FAILED: the whole migration takes at most 1 ms/m);
  });

  it('is reported at its end as one that ended in order, also without a journal', async () => {
    const report = join(folder, 'report');
    const { exitCode, stderr } = await migrate('--report', `text:${report}`);
    assert.equal(exitCode, 0, stderr);
    const text = readFileSync(report, 'utf8');
    assert.match(text, /^ok: the migration completed/m);
    assert.doesNotMatch(text, /no end/);
  });

  it('refuses a report that can not be written, before anything is moved', async () => {
    const { exitCode, stderr } = await migrate('--report', `html:${folder}/none/page.html`);
    assert.equal(exitCode, 2, stderr);
    assert.match(
      stderr,
      /The report .*page\.html can't be written: ENOENT.*Name a file in a folder/s,
    );
    assert.equal(await ask(pair.source, 'query-status').then(pickStatus), 'running');
    assert.equal(await ask(pair.destination, 'query-status').then(pickStatus), 'inmigrate');
  });

  it('says that the guest has moved where its report can not be written afterwards', async () => {
    // It can be opened, but has no room.
    const { exitCode, stderr } = await migrate('--report', 'text:/dev/full');
    assert.equal(exitCode, 1, stderr);
    assert.match(
      stderr,
      /The migration completed, but the report \/dev\/full can't be written: ENOSPC/,
    );
    assert.doesNotMatch(stderr, /from the journal/);
    assert.equal(await ask(pair.destination, 'query-status').then(pickStatus), 'running');
  });

  it('names the journal from which a report can be made that could not be written', async () => {
    const journal = join(folder, 'journal');
    const { exitCode, stderr } = await migrate('--report', 'tap:/dev/full', '--journal', journal);
    assert.equal(exitCode, 1, stderr);
    const [, args = ''] = /precopy (report \S+ --format tap) --output FILE/.exec(stderr) ?? [];
    const again = await precopy(...args.split(' '));
    assert.match(again.stdout, /^ok 1 - the migration completed$/m);
  });

  it('brings a migration to its end although nobody reads its output any more', async () => {
    const running = startPrecopy([
      ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp, '--verify'],
    ]);
    running.process.stdout?.destroy();
    const { exitCode, stderr } = await running.finished;
    assert.equal(exitCode, 0, stderr);
    assert.equal(await ask(pair.destination, 'query-status').then(pickStatus), 'running');
  });

  it('uses the channel that it is given', async () => {
    const uri = `unix:${folder}/channel`;
    const { exitCode, stdout } = await migrate('--uri', uri, '--json');
    assert.equal(exitCode, 0);
    assert.match(stdout, new RegExp(`"command":"migrate","arguments":{"uri":"${uri}"}`));
  });

  it('takes a destination that listens already', async () => {
    const uri = `unix:${folder}/channel`;
    await using client = await QmpClient.connect(pair.destination.secondQmp);
    await client.execute('migrate-incoming', { uri });
    const { exitCode, stderr } = await migrate('--verify');
    assert.equal(exitCode, 0, stderr);
  });
});

describe('precopy probe of a QEMU without VFIO devices', () => {
  it('says so, and that the guest is migratable', async () => {
    await using pair = await startPair({ memoryMiB: 64 });
    const { exitCode, stdout } = await precopy('probe', '--qmp', pair.source.qmp);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^verdict: migratable\n/);
    assert.match(stdout, /No VFIO device/);
  });
});

function pickStatus(reply: unknown): string {
  return (reply as { status: string }).status;
}
