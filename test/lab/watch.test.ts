/** A guest that is watched while its device and its CPU dirty memory at known rates, with real VFIO. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WatchRecord, WatchSample } from 'precopy';
import { median } from '#scripts/bench/measure.js';
import { startVfioPair, type VfioPair } from '#scripts/lab/vfio-guest.js';
import { precopy, startPrecopy, type Running } from '../support/precopy.js';
import { trackingIsOn } from '#scripts/lab/tracking.js';

const memoryMiB = 128;
// In order, so that no page is written twice in a harvest: what is shown is the rate of writes.
const device = { rangeIova: 0x100_0000n, rangePages: 8192, rate: 1500 };
const workload = {
  baseAddress: 0x400_0000,
  pages: 8192,
  pagesPerSecond: 1500,
  pattern: { kind: 'sequential' },
} as const;
/** TCG inside TCG: a harvest costs more than 2 % of the time. */
const often = ['--interval', '1s', '--overhead', '100', '--bandwidth', '100M'];

function recordsOf(stdout: string): WatchRecord[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as WatchRecord);
}

function samplesOf(records: readonly WatchRecord[]): WatchSample[] {
  return records.filter((record) => record.type === 'sample');
}

describe('precopy watch with VFIO', () => {
  let pair: VfioPair;
  before(async () => {
    pair = await startVfioPair({
      memoryMiB,
      workload,
      dirty: { ...device, pattern: 'sequential' },
      sharedRam: true,
    });
    await pair.source.device.window(0n, memoryMiB << 8);
  });
  after(() => pair[Symbol.asyncDispose]());

  const watch = (...more: string[]): Running =>
    startPrecopy(['watch', '--qmp', pair.source.guest.qmp, ...often, ...more]);

  it('shows the rates that were set, and a forecast', async () => {
    const { written } = await pair.source.device.status();
    const start = performance.now();
    const { exitCode, stdout, stderr } = await watch('--json', '--duration', '25s').finished;
    const seconds = (performance.now() - start) / 1000;
    const reached = Number((await pair.source.device.status()).written - written) / seconds;
    assert.equal(exitCode, 0, stderr);
    const samples = samplesOf(recordsOf(stdout));
    // Soft-dirty bits set between the read and the reset are lost: more of them on a busy machine.
    for (const [kind, rate, tolerance] of [
      ['device', reached, 0.1],
      ['cpu', workload.pagesPerSecond, 0.3],
    ] as const) {
      const shown = median(
        samples.map(
          ({ sources }) => sources.find((source) => source.kind === kind)?.pagesPerSecond ?? NaN,
        ),
      );
      const what = `${kind}: ${shown.toFixed(0)} pages/s shown, ${rate.toFixed(0)} in truth, in ${samples.length} samples`;
      console.log(`      ${what}`);
      assert.ok(Math.abs(shown / rate - 1) <= tolerance, what);
    }
    const { forecast } = samples.at(-1) ?? {};
    assert.equal(forecast?.converges, 'yes', JSON.stringify(samples.at(-1)));
    assert.ok((forecast.downtimeMs?.p50 ?? 0) > 0);
    assert.equal(await trackingIsOn(pair.source.guest.pid), false);
  });

  it('leaves at SIGINT with tracking off', async () => {
    const running = watch();
    await running.printed('pages/s');
    assert.equal(await trackingIsOn(pair.source.guest.pid), true);
    running.process.kill('SIGINT');
    const { exitCode, stdout, stderr } = await running.finished;
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /VFIO container \(fd \d+\) \d+ pages\/s/);
    assert.equal(await trackingIsOn(pair.source.guest.pid), false);
  });

  it('gives the container up for a migration, which verifies, and says that the guest has gone', async () => {
    const running = watch('--json');
    await running.printed('"type":"sample"');
    // Once in a while a harvest is under way when a migration begins; the guard then cancels it.
    for (let attempt = 0; attempt < 5; attempt++) {
      const { exitCode, stdout, stderr } = await precopy(
        'migrate',
        ...['--qmp', pair.source.guest.secondQmp, '--to-qmp', pair.destination.guest.qmp],
        ...['--verify', '--bandwidth', '40M', '--downtime-limit', '5s'],
      );
      if (exitCode === 0) {
        assert.match(stdout, /^verify: 0 pages differ$/m);
        break;
      }
      // QEMU may call failed what the guard has cancelled.
      assert.match(stdout + stderr, /was cancelled|gave the migration up/);
      await sleep(3000);
    }
    const { exitCode, stdout, stderr } = await running.finished;
    assert.equal(exitCode, 0, stderr);
    const records = recordsOf(stdout);
    const of = (type: WatchRecord['type']): number =>
      records.findIndex((record) => record.type === type);
    assert.ok(of('sample') >= 0 && of('sample') < of('notice') && of('notice') < of('migration'));
    const notices = records.flatMap((record) => (record.type === 'notice' ? [record.text] : []));
    assert.match(notices[0] ?? '', /QEMU is migrating/);
    assert.match(notices.at(-1) ?? '', /moved to the destination/);
    const last = records.findLast((record) => record.type === 'migration');
    assert.equal(last?.status, 'completed');
  });
});
