/** Migrations that know beforehand what their guest dirties, between two QEMUs of this machine. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadJournal, type JournalRecord } from 'precopy';
import { startPair } from '#scripts/lab/guest.js';
import { precopy, startPrecopy } from '../../support/precopy.js';
import { runState } from '../../support/run-state.js';

describe('precopy migrate with a rehearsal', () => {
  // 16 MiB/s to 32 MiB.
  const workload = { baseAddress: 0x400_0000, pages: 8192, pagesPerSecond: 4000 };
  let folder: string;
  let pair: Awaited<ReturnType<typeof startPair>>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-foresight-'));
    // calc-dirty-rate looks at blocks of at least 128 MiB.
    pair = await startPair({ memoryMiB: 128, workload });
    await pair.source.workloadRuns();
  });
  afterEach(async () => {
    await pair[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const file = (name: string): string => join(folder, name);
  const migrate = async (...more: string[]): ReturnType<typeof precopy> =>
    await precopy(
      ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
      ...['--bandwidth', '64M', '--journal', file('journal'), ...more],
    );
  const ofType = async <T extends JournalRecord['type']>(
    type: T,
  ): Promise<Extract<JournalRecord, { type: T }>[]> => {
    const { records } = await loadJournal(file('journal'));
    return records.filter((record) => record.type === type) as Extract<
      JournalRecord,
      { type: T }
    >[];
  };

  it('rehearses before it changes anything, decides by that, and shows both in its report', async () => {
    const { exitCode, stdout, stderr } = await migrate(
      ...['--rehearse', '4s', '--report', `html:${file('page.html')}`],
    );
    assert.equal(exitCode, 0, stdout + stderr);
    assert.match(
      stdout,
      /^forecast for QEMU alone: converges, passes \d+ \(\d+ - \d+\), total time/m,
    );
    const { records } = await loadJournal(file('journal'));
    const types = records.map(({ type }) => type);
    const changes = types.indexOf('before');
    assert.ok(types.indexOf('dirty') > 0 && types.lastIndexOf('dirty') < changes);
    assert.ok(types.indexOf('curve') > 0 && types.indexOf('curve') < changes);
    const curve = (await ofType('goal'))[0]?.expectation?.curve ?? [];
    const second = curve.findLast(({ windowMs }) => windowMs <= 1280)?.bytes ?? 0;
    assert.ok(second > 8 << 20 && second < 32 << 20, `${second} bytes in 1.28 s`);
    const page = readFileSync(file('page.html'), 'utf8');
    for (const title of ['Forecast', 'Dirty curve', 'from one harvest to the next']) {
      assert.ok(page.includes(title), title);
    }
  });

  it('says in its report that it was cancelled while it rehearsed, and that nothing had started', async () => {
    const running = startPrecopy([
      ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp, '--json'],
      ...['--rehearse', '1min', '--journal', file('cancelled')],
    ]);
    await running.printed('"type":"dirty"');
    running.process.kill('SIGINT');
    const { exitCode, stdout } = await running.finished;
    assert.equal(exitCode, 5, stdout);
    assert.equal(await runState(pair.destination), 'inmigrate');
    const report = await precopy('report', file('cancelled'));
    assert.match(
      report.stdout,
      /^FAILED: the migration completed \(cancelled: before it started: .*interrupted by SIGINT/m,
    );
    assert.doesNotMatch(report.stdout, /killed/);
  });

  it('takes a forecast that was made before', async () => {
    const rehearsed = await precopy(
      ...['rehearse', '--qmp', pair.source.qmp, '--duration', '4s', '--bandwidth', '64M', '--json'],
    );
    assert.equal(rehearsed.exitCode, 0, rehearsed.stderr);
    writeFileSync(file('forecast'), rehearsed.stdout);
    const { exitCode, stdout, stderr } = await migrate('--forecast', file('forecast'));
    assert.equal(exitCode, 0, stdout + stderr);
    assert.match(stdout, /^forecast for QEMU alone: converges/m);
    assert.equal((await ofType('curve')).length, 1);
    assert.ok((await ofType('goal'))[0]?.expectation);
  });

  it('refuses a forecast that is none, or of another guest, before anything is changed', async () => {
    writeFileSync(file('none'), '{"version":2}');
    const none = await migrate('--forecast', file('none'));
    assert.equal(none.exitCode, 2, none.stderr);
    assert.match(none.stderr, /The forecast can't be taken from .*Name a file with what/s);
    const both = await precopy(
      ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
      ...['--rehearse', '--forecast', file('none')],
    );
    assert.equal(both.exitCode, 2, both.stderr);
    assert.equal(await runState(pair.source), 'running');
    assert.equal(await runState(pair.destination), 'inmigrate');
  });
});
