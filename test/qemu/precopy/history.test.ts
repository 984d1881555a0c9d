/** What is remembered of real migrations, and what a later forecast takes from it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrationFrom, HistoryFile } from 'precopy';
import { startPair } from '#scripts/lab/guest.js';
import { startPrecopy, type Finished } from '../../support/precopy.js';

const MiB = 2 ** 20;

describe('the history of migrations', () => {
  let stateHome: string;
  before(() => {
    stateHome = mkdtempSync(join(tmpdir(), 'precopy-state-'));
  });
  after(() => {
    rmSync(stateHome, { recursive: true });
  });
  const history = (): HistoryFile => new HistoryFile(join(stateHome, 'precopy/history.jsonl'));

  const migrate = async (...more: string[]): Promise<Finished> => {
    await using pair = await startPair({ memoryMiB: 128 });
    const ends = ['--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp];
    const env = { XDG_STATE_HOME: stateHome };
    return await startPrecopy(['migrate', ...ends, ...more], { env }).finished;
  };

  it('is left alone with --no-history', async () => {
    assert.equal((await migrate('--no-history')).exitCode, 0);
    assert.deepEqual(history().read(), []);
  });

  it('remembers what a migration cost, for the next forecast', async () => {
    assert.equal((await migrate()).exitCode, 0);
    assert.equal((await migrate('--verify')).exitCode, 0);
    const entries = history().read();
    assert.equal(entries.length, 2);
    for (const entry of entries) {
      assert.ok(entry.type === 'migration');
      assert.equal(entry.completed, true);
      assert.equal(entry.host, hostname());
      assert.equal(entry.destination, hostname());
      assert.ok(entry.ramBytes >= 128 * MiB && entry.ramBytes < 140 * MiB);
      assert.ok(entry.downtimeMs !== null && entry.downtimeMs > 0);
      assert.ok(entry.setupMs !== null && entry.setupMs >= 0);
      assert.ok(entry.blackoutRamBytes !== null && entry.blackoutRamBytes < 16 * MiB);
      assert.equal(entry.forecast, null);
    }
    const [{ host, qemu } = { host: '', qemu: '' }] = entries;
    const found = calibrationFrom(entries, {
      host,
      qemu,
      ramBytes: 128 * MiB,
      vfio: false,
      sharedRam: false,
    });
    assert.equal(found?.migrations, 2);
    assert.ok(found.costs.saveMs >= 0 && found.costs.saveMs < 5000);
  });

  it('that can not be written warns, and the migration is done all the same', async () => {
    const env = { XDG_STATE_HOME: '/dev/null' };
    await using pair = await startPair({ memoryMiB: 128 });
    const ends = ['--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp];
    const { exitCode, stderr } = await startPrecopy(['migrate', ...ends], { env }).finished;
    assert.equal(exitCode, 0);
    assert.match(stderr, /The history \/dev\/null\/precopy\/history\.jsonl can't be written/);
  });
});
