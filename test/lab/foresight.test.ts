/** A migration that rehearses first, with a VFIO device: the harvest must be over when QEMU tracks. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadJournal } from 'precopy';
import { startVfioPair } from '#scripts/lab/vfio-guest.js';
import { precopy } from '../support/precopy.js';

describe('a guest with a VFIO device that is rehearsed and then migrated', () => {
  it('loses no page, and its report shows the dirty curve and the heat map of both sources', async function () {
    this.timeout(300_000);
    const folder = mkdtempSync(join(tmpdir(), 'precopy-foresight-'));
    await using pair = await startVfioPair({
      memoryMiB: 128,
      workload: { baseAddress: 0x400_0000, pages: 2048, pagesPerSecond: 2000 },
      dirty: { rangeIova: 0x100_0000n, rangePages: 2048, rate: 1000, pattern: 'uniform' },
    });
    const { source, destination } = pair;
    const page = join(folder, 'page.html');
    const journal = join(folder, 'journal');
    const { exitCode, stdout, stderr } = await precopy(
      ...['migrate', '--qmp', source.guest.qmp, '--to-qmp', destination.guest.qmp, '--verify'],
      ...['--bandwidth', '50M', '--rehearse', '10s', '--overhead', '100', '--journal', journal],
      ...['--report', `html:${page}`],
    );
    console.log(stdout);
    assert.equal(exitCode, 0, stdout + stderr);
    assert.equal(stdout.trimEnd().split('\n').at(-1), 'verify: 0 pages differ', stdout);
    const { records } = await loadJournal(journal);
    const curve = records.find((record) => record.type === 'curve');
    assert.deepEqual(
      Object.keys(curve?.curves ?? {}).map((name) => name.replace(/\(fd \d+\)/, '(fd)')),
      ['CPUs and emulated devices', 'VFIO container (fd)', 'together'],
    );
    const heat = records.find((record) => record.type === 'heat')?.heat;
    assert.ok((heat?.rows.length ?? 0) > 0 && (heat?.columns.length ?? 0) > 0);
    const types = records.map(({ type }) => type);
    assert.ok(types.lastIndexOf('dirty') < types.indexOf('before'), 'harvested before the set-up');
    const html = readFileSync(page, 'utf8');
    assert.ok(html.includes('Dirty curve') && html.includes('Dirty pages by address and time'));
    rmSync(folder, { recursive: true });
  });
});
