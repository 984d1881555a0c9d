/** Rehearsals of a QEMU of this machine, without VFIO: only its CPUs dirty memory. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepsSoftDirtyBits, uniformCurve, type Rehearsal } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import { Guest } from '#scripts/lab/guest.js';
import { precopy, startPrecopy } from '../../support/precopy.js';

describe('precopy rehearse of a QEMU without VFIO', () => {
  const workload = { baseAddress: 0x400_0000, pages: 16_384, pagesPerSecond: 12_000 };
  let guest: Guest;
  before(async () => {
    guest = await Guest.start({ memoryMiB: 256, workload });
    await guest.workloadRuns();
  });
  after(async () => {
    await guest[Symbol.asyncDispose]();
  });

  /** Waits until precopy has QEMU measure, or at least has switched MIGRATION events on. */
  const measuring = async (monitor: QmpClient): Promise<void> => {
    for (;;) {
      const capabilities = await monitor.execute('query-migrate-capabilities');
      if (capabilities.some(({ capability, state }) => capability === 'events' && state)) break;
      await sleep(20);
    }
    // The window that tells which mode QEMU takes.
    await sleep(1500);
  };

  const rehearse = async (...more: string[]): Promise<Rehearsal> => {
    const { exitCode, stdout, stderr } = await precopy(
      ...['rehearse', '--qmp', guest.qmp, '--overhead', '100', '--json', ...more],
    );
    assert.equal(exitCode, 0, stderr + stdout);
    return JSON.parse(stdout) as Rehearsal;
  };

  it('measures what the CPUs dirty, by soft-dirty bits or, without them, by calc-dirty-rate', async () => {
    const { sources, caveats, forecast, bandwidthFrom } = await rehearse('--duration', '10s');
    assert.deepEqual(
      sources.map(({ kind }) => kind),
      ['cpu'],
    );
    const points = sources[0]?.points ?? [];
    assert.ok(points.length >= 3, `${points.length} lengths of windows`);
    for (const { windowMs, pages } of points.filter((point) => point.windowMs >= 500)) {
      const truth = uniformCurve(workload.pages, workload.pagesPerSecond).pagesIn(windowMs);
      const off = 100 * (pages / truth - 1);
      const what = `${pages.toFixed(0)} pages in ${windowMs.toFixed(0)} ms, in truth ${truth.toFixed(0)} (${off.toFixed(1)} %)`;
      console.log(`      ${what}`);
      assert.ok(Math.abs(off) <= 15, what);
    }
    const saysHow = caveats.some((text) => text.includes('calc-dirty-rate (page-sampling)'));
    assert.equal(saysHow, !(await keepsSoftDirtyBits()), caveats.join('\n'));
    assert.equal(bandwidthFrom, 'max-bandwidth');
    assert.notEqual(forecast.converges, 'perhaps');
  });

  it('predicts what that means for a migration', async () => {
    const forecastAt = async (bandwidth: string, limit: string): Promise<Rehearsal['forecast']> =>
      (await rehearse('--duration', '5s', '--bandwidth', bandwidth, '--downtime-limit', limit))
        .forecast;
    // 24 MiB of 64 are dirty again within the first second.
    assert.equal((await forecastAt('1G', '300ms')).converges, 'yes');
    assert.equal((await forecastAt('10M', '300ms')).converges, 'no');
  });

  it('warns where passes take far longer than what it measured', async function () {
    if (await keepsSoftDirtyBits()) {
      console.log('    skipped: soft-dirty bits give windows as long as all that was watched');
      this.skip();
    }
    const warningsAt = async (bandwidth: string): Promise<string> =>
      (await rehearse('--duration', '2s', '--bandwidth', bandwidth)).forecast.warnings.join(' ');
    assert.match(await warningsAt('10M'), /extrapolated\. Rehearse longer \(--duration\)/);
    assert.equal(await warningsAt('1G'), '');
  });

  it('leaves a guest that migrates alone', async () => {
    await using other = await QmpClient.connect(guest.secondQmp);
    await other.execute('migrate-set-parameters', { 'max-bandwidth': 1 << 20 });
    await other.execute('migrate', { uri: 'exec:cat > /dev/null' });
    const { exitCode, stderr } = await precopy('rehearse', '--qmp', guest.qmp);
    assert.equal(exitCode, 3, stderr);
    assert.match(stderr, /QEMU is migrating/);
    await other.execute('migrate_cancel');
  });

  it('keeps a second rehearsal out, and a watch, and is not disturbed by them', async () => {
    const first = startPrecopy(['rehearse', '--qmp', guest.qmp, '--duration', '8s']);
    await using other = await QmpClient.connect(guest.secondQmp);
    await measuring(other);
    await other.close();
    for (const command of ['rehearse', 'watch']) {
      const second = await precopy(command, '--qmp', guest.secondQmp);
      assert.equal(second.exitCode, 3, second.stderr);
      assert.match(second.stderr, new RegExp(`Another precopy \\(pid ${first.process.pid}\\)`));
    }
    const { exitCode, stderr } = await first.finished;
    assert.equal(exitCode, 0, stderr);
    await rehearse('--duration', '2s');
  });

  it('ends with what happened where a migration begins meanwhile', async () => {
    const running = startPrecopy(['rehearse', '--qmp', guest.qmp, '--duration', '25s']);
    await using other = await QmpClient.connect(guest.secondQmp);
    await measuring(other);
    await other.execute('migrate-set-parameters', { 'max-bandwidth': 1 << 20 });
    await other.execute('migrate', { uri: 'exec:cat > /dev/null' });
    const { exitCode, stderr } = await running.finished;
    await other.execute('migrate_cancel');
    assert.equal(exitCode, 3, stderr);
    assert.match(
      stderr,
      /QEMU is migrating \(\w+\).* Rehearse again when that migration has ended/,
    );
    if (!(await keepsSoftDirtyBits())) assert.doesNotMatch(stderr, /bitmap/);
  });

  it('refuses to forecast from nothing', async () => {
    const { exitCode, stdout } = await precopy(
      ...['rehearse', '--qmp', guest.qmp, '--no-cpu', '--json'],
    );
    assert.equal(exitCode, 2);
    assert.deepEqual((JSON.parse(stdout) as { error: { code: string } }).error.code, 'USAGE');
  });
});

describe('precopy rehearse of a QEMU that ends', () => {
  it('says that it is gone', async function () {
    if (await keepsSoftDirtyBits()) {
      console.log('    skipped: where soft-dirty bits are read, /proc may tell of it first');
      this.skip();
    }
    await using guest = await Guest.start({});
    const running = startPrecopy(['rehearse', '--qmp', guest.qmp]);
    await sleep(3000);
    guest.process.kill('SIGKILL');
    const { exitCode, stderr } = await running.finished;
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /^precopy rehearse: The monitor unix:\S+ is gone: its QEMU has ended/);
  });
});
