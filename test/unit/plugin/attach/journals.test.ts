/** Which journal a controller goes on with, whose predecessor was ended in the midst of a migration. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journalUnderWay, openJournal } from '#plugin/attach/journals.js';

const uuid = '4dea22b3-1d52-d8f3-2516-782e98ab3fa0';
const pid = 4711;

describe('the journal of a migration that is under way', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-journals-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Writes a journal of a migration that begins now. @returns its file */
  function write({ of = uuid, ended = false } = {}): string {
    const { journal, file } = openJournal({ folder, keep: 10 }, of, Date.now());
    journal.start('attach', { domain: of, name: 'guest', pid });
    journal.append({ type: 'warning', message: 'the second record' });
    if (ended) {
      const counts = { totalMs: 1, passes: 1, transferredBytes: 1, downtime: undefined };
      const unknown = { qemuDowntimeMs: undefined, expectedDowntimeMs: undefined };
      const result = {
        outcome: 'failed',
        ...counts,
        ...unknown,
        blackoutRamBytes: undefined,
      } as const;
      journal.append({ type: 'result', result });
    }
    journal[Symbol.dispose]();
    return file;
  }

  const found = async (
    qemu = pid,
    beganAtMs = Date.now(),
    where = folder,
  ): Promise<string | undefined> =>
    (await journalUnderWay({ folder: where, keep: 10 }, uuid, qemu, beganAtMs))?.file;

  it('is the last of the domain, of the same QEMU, with all of its records', async () => {
    const file = write();
    assert.equal(await found(), file);
    const journal = await journalUnderWay({ folder, keep: 10 }, uuid, pid, Date.now());
    assert.deepEqual(
      journal?.records.map(({ type }) => type),
      ['start', 'warning', 'end'],
    );
  });

  it('is none that has a result, of another QEMU, or of an earlier migration', async () => {
    write();
    assert.equal(await found(pid + 1), undefined);
    assert.equal(await found(pid, Date.now() + 60_000), undefined);
    await new Promise((resolve) => setTimeout(resolve, 2));
    write({ ended: true });
    assert.equal(await found(), undefined);
  });

  it('is none where there is none, or only one of another domain', async () => {
    assert.equal(await found(), undefined);
    write({ of: '00000000-0000-0000-0000-000000000000' });
    assert.equal(await found(), undefined);
    assert.equal(await found(pid, Date.now(), join(folder, 'none')), undefined);
  });
});
