/** Rehearsals of a guest whose workload changes meanwhile, with real VFIO. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rehearsal } from 'precopy';
import { startVfioGuest, type VfioGuest } from '#scripts/lab/vfio-guest.js';
import { startPrecopy } from '../support/precopy.js';
import { trackingIsOn } from '#scripts/lab/tracking.js';

const memoryMiB = 128;
const calm = { rangeIova: 0x100_0000n, rangePages: 1024, rate: 300 };
const busy = { rangeIova: 0x200_0000n, rangePages: 4096, rate: 4000 };
const workload = { baseAddress: 0x400_0000, pages: 2048, pagesPerSecond: 500 };
/** TCG inside TCG: a harvest costs more than 2 % of the time. */
const often = ['--interval', '200ms', '--overhead', '100'];

describe('precopy rehearse of a workload that changes', () => {
  let at: VfioGuest;
  before(async () => {
    at = await startVfioGuest({
      memoryMiB,
      workload,
      dirty: { ...calm, pattern: 'uniform' },
      sharedRam: true,
    });
  });
  after(() => at[Symbol.asyncDispose]());

  /** Rehearses; once harvests come, the device is calm, and busy from half of the time on. */
  async function rehearse(...more: string[]): Promise<string> {
    await at.device.set(calm);
    const running = startPrecopy([
      ...['rehearse', '--qmp', at.guest.qmp, ...often, '--duration', '14s'],
      ...['--bandwidth', '10M', '--downtime-limit', '100ms', ...more],
    ]);
    while (!(await trackingIsOn(at.guest.pid))) await sleep(50);
    // Some trial rounds, and the first half of the time.
    await sleep(9000);
    await at.device.set(busy);
    const { exitCode, stdout, stderr } = await running.finished;
    assert.equal(exitCode, 0, stderr + stdout);
    return stdout;
  }

  it('has a forecast for each phase, and knows the RAM block, the device, and where most is dirtied', async () => {
    const rehearsal = JSON.parse(await rehearse('--json')) as Rehearsal;
    const { phases, forecast, worstPhase } = rehearsal;
    assert.equal(phases.length, 2, JSON.stringify(phases));
    assert.deepEqual(phases[1]?.forecast, forecast);
    assert.equal(worstPhase, 1);
    assert.equal(phases[0]?.forecast.converges, 'yes');
    // 4000 pages/s are more than 10 MiB/s takes.
    assert.equal(forecast.converges, 'no');
    assert.ok(rehearsal.remedies.some(({ kind }) => kind === 'link'));
    assert.ok(phases[1].pagesPerSecond > 2 * phases[0].pagesPerSecond);

    const device = rehearsal.sources.find(({ kind }) => kind === 'device');
    assert.equal(device?.device, at.device.uuid);
    assert.deepEqual(
      device.blocks.map(({ name }) => name),
      ['ram'],
    );
    assert.ok(Math.abs((device.blocks[0]?.pagesPerSecond ?? 0) - device.pagesPerSecond) < 1);
    const [hottest] = rehearsal.hotRanges;
    assert.equal(hottest?.block, 'ram');
    const first = Number(hottest.first);
    assert.ok(Math.abs(first - Number(busy.rangeIova)) <= 2 ** 20, hottest.first.toString());
    assert.ok(Math.abs(hottest.bytes - busy.rangePages * 4096) <= 2 ** 21, String(hottest.bytes));
    const { together } = rehearsal;
    assert.ok(together && together.pagesPerSecond > device.pagesPerSecond);
  });

  it('says all of that in text', async () => {
    const text = await rehearse();
    assert.match(text, /^forecast: does not converge$/m);
    assert.match(text, /This is for the last of its 2 phases, the worst for a migration\.$/m);
    assert.match(text, /^hottest ranges +at +size/m);
    assert.match(text, /^ram +0x2000000 /m);
    assert.match(text, /│[ ░▒▓█]+│$/m);
    assert.match(text, /^2 +[\d.]+ m?s +[\d.]+ s +\d+ .*does not converge$/m);
    assert.match(text, /^downtime by bandwidth and downtime limit in phase 2/m);
  });
});
