/** precopy watch of a QEMU of this machine, without VFIO: only its CPUs dirty memory. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepsSoftDirtyBits, type WatchRecord } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import { median } from '#scripts/bench/measure.js';
import { Guest } from '#scripts/lab/guest.js';
import { repositoryRoot } from '#scripts/repository.js';
import { precopy, startPrecopy } from '../../support/precopy.js';
import { spawnOnTerminal } from '../../support/terminal.js';

const [hideCursor, showCursor] = ['\x1b[?25l', '\x1b[?25h'];

describe('precopy watch on a terminal', () => {
  it('gives the cursor back at Ctrl-C, and calls that an ordinary end', async () => {
    await using guest = await Guest.start({});
    // A monitor serves one client: watch waits for its greeting.
    await using holder = await QmpClient.connect(guest.qmp);
    const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');
    const terminal = spawnOnTerminal(process.execPath, [main, 'watch', '--qmp', guest.qmp], {
      columns: 100,
      rows: 30,
    });
    while (!terminal.output().includes('looking at the guest')) await sleep(20);
    terminal.process.kill('SIGINT');
    const output = await terminal.finished;
    assert.deepEqual([terminal.process.exitCode, terminal.process.signalCode], [0, null], output);
    assert.ok(output.includes(hideCursor));
    assert.ok(output.endsWith(showCursor), JSON.stringify(output));
    assert.equal((await holder.execute('query-status')).status, 'running');
  });
});

describe('precopy watch of a QEMU without VFIO', () => {
  const workload = { baseAddress: 0x400_0000, pages: 16_384, pagesPerSecond: 6000 };
  let guest: Guest;
  const folder = mkdtempSync(join(tmpdir(), 'precopy-test-'));
  before(async () => {
    guest = await Guest.start({ memoryMiB: 256, workload });
    await guest.workloadRuns();
  });
  after(async () => {
    await guest[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it('shows what the CPUs dirty, by soft-dirty bits or, without them, by calc-dirty-rate', async () => {
    const journal = join(folder, 'journal');
    const running = startPrecopy([
      ...['watch', '--qmp', guest.qmp, '--bandwidth', '1G', '--overhead', '100'],
      ...['--duration', '15s', '--json', '--journal', journal, '--journal-limit', '1G'],
    ]);
    await running.printed('"sample"');
    const following = startPrecopy(['report', journal, '--follow']);
    const { exitCode, stdout, stderr } = await running.finished;
    assert.equal(exitCode, 0, stderr);
    const followed = await following.finished;
    assert.equal(followed.exitCode, 0, followed.stderr);
    assert.match(followed.stdout, /^[\d:]{8} {2}CPUs and emulated devices \d+ pages\/s$/m);
    const report = await precopy('report', journal);
    assert.equal(report.exitCode, 0, report.stderr);
    assert.match(report.stdout, /^watch of /);
    assert.doesNotMatch(report.stdout, /FAILED/);
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as WatchRecord);
    const samples = records.filter((record) => record.type === 'sample');
    const shown = median(samples.map(({ sources }) => sources[0]?.pagesPerSecond ?? NaN));
    console.log(`      ${shown.toFixed(0)} pages/s shown, ${workload.pagesPerSecond} set`);
    assert.ok(shown > 0.6 * workload.pagesPerSecond && shown < 1.2 * workload.pagesPerSecond);
    assert.equal(samples.at(-1)?.forecast?.converges, 'yes');
    const notices = records.flatMap((record) => (record.type === 'notice' ? [record.text] : []));
    const byRates = notices.some((text) => text.includes('calc-dirty-rate'));
    assert.equal(byRates, !(await keepsSoftDirtyBits()), notices.join('\n'));
  });

  it('follows a migration that somebody starts, and goes on when it was cancelled', async () => {
    const running = startPrecopy([
      ...['watch', '--qmp', guest.qmp, '--bandwidth', '1G', '--overhead', '100'],
    ]);
    await running.printed('pages/s');
    await using other = await QmpClient.connect(guest.secondQmp);
    await other.execute('migrate-set-parameters', { 'max-bandwidth': 1 << 20 });
    await other.execute('migrate', { uri: 'exec:cat > /dev/null' });
    await running.printed('migration active');
    await other.execute('migrate_cancel');
    await running.printed('watching again');
    running.process.kill('SIGINT');
    const { exitCode, stderr } = await running.finished;
    assert.equal(exitCode, 0, stderr);
  });
});

describe('precopy watch of a QEMU that ends', () => {
  it('says that it is gone', async () => {
    await using guest = await Guest.start({});
    const running = startPrecopy(['watch', '--qmp', guest.qmp, '--overhead', '100']);
    await running.printed('pages/s');
    guest.process.kill('SIGKILL');
    const { exitCode, stderr } = await running.finished;
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /^precopy watch: The monitor unix:\S+ is gone: its QEMU has ended/);
  });
});
