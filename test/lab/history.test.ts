/** Rehearse, migrate, rehearse again: with real VFIO, what the second forecast knows of the first. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HistoryFile } from 'precopy';
import { startVfioPair, type VfioPair } from '#scripts/lab/vfio-guest.js';
import { startPrecopy, type Finished } from '../support/precopy.js';

const memoryMiB = 128;

describe('a forecast, its migration, and the next forecast', () => {
  let pair: VfioPair;
  let stateHome: string;
  before(async () => {
    stateHome = mkdtempSync(join(tmpdir(), 'precopy-state-'));
    pair = await startVfioPair({
      memoryMiB,
      workload: { baseAddress: 0x400_0000, pages: 2048, pagesPerSecond: 1000 },
      dirty: { rangeIova: 0x100_0000n, rangePages: 1024, rate: 500 },
      sharedRam: true,
    });
  });
  after(async () => {
    await pair[Symbol.asyncDispose]();
    rmSync(stateHome, { recursive: true });
  });

  const run = async (...args: string[]): Promise<Finished> => {
    const done = await startPrecopy(args, { env: { XDG_STATE_HOME: stateHome } }).finished;
    assert.equal(done.exitCode, 0, done.stdout + done.stderr);
    return done;
  };
  const limits = ['--bandwidth', '16M', '--downtime-limit', '300ms'];
  const rehearse = async (qmp: string, ...more: string[]): Promise<string> => {
    const often = ['--interval', '250ms', '--overhead', '100', '--duration', '6s'];
    return (await run('rehearse', '--qmp', qmp, ...limits, ...often, ...more)).stdout;
  };

  it('prints how far it was off, and takes the costs that it had', async () => {
    const first = await rehearse(pair.source.guest.qmp);
    assert.match(first, /^costs: assumed, as no migration like this is remembered$/m);
    const ends = ['--qmp', pair.source.guest.qmp, '--to-qmp', pair.destination.guest.qmp];
    await run('migrate', ...ends, ...limits, '--policy', 'qemu');

    const entries = new HistoryFile(join(stateHome, 'precopy/history.jsonl')).read();
    const migration = entries.find((entry) => entry.type === 'migration');
    assert.ok(migration?.forecast, 'the forecast was not found again');
    assert.equal(migration.forecast.converges, 'yes');
    assert.equal(migration.vfio, true);
    console.log(
      `      forecast ${JSON.stringify(migration.forecast)}, measured ${migration.passes} passes, ${migration.totalMs} ms, downtime ${migration.downtimeMs ?? '-'} ms`,
    );

    const second = await rehearse(pair.destination.guest.qmp);
    assert.match(second, /^costs: from 1 migration from this host to /m);
    assert.match(
      second,
      /^last 1 forecast on this host: convergence right in 1, total [+-]\d+ %, downtime [+-]\d+ % \(medians\)$/m,
    );
    console.log(second.replace(/^/gm, '      '));
    const without = await rehearse(pair.destination.guest.qmp, '--no-history');
    assert.match(without, /^costs: assumed/m);
    assert.doesNotMatch(without, /^last /m);
  });
});
