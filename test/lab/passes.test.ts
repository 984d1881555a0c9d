/** What a migration of real VFIO devices tells of its passes and of its downtime. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadJournal, type JournalRecord } from 'precopy';
import { startVfioGuest, startVfioPair, type VfioGuestOptions } from '#scripts/lab/vfio-guest.js';
import { precopy } from '../support/precopy.js';

const shape: VfioGuestOptions = {
  memoryMiB: 128,
  deviceProperties: 'migration-events=on',
  dirty: { rangeIova: 0x100_0000n, rangePages: 1024, rate: 500, pattern: 'uniform' },
};
const GiB = 2 ** 30;

describe('the passes of a guest with a VFIO device', () => {
  let folder: string;
  let journal: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-passes-'));
    journal = join(folder, 'journal');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('tell the stop-copy trap: a device too big for the downtime limit holds the guest; in the flood no pass is lost', async () => {
    await using pair = await startVfioPair({
      ...shape,
      dirty: { ...shape.dirty, reportedBytes: GiB },
    });
    const { source, destination } = pair;
    const { exitCode, stdout } = await precopy(
      ...['migrate', '--qmp', source.guest.qmp, '--to-qmp', destination.guest.qmp],
      ...['--timeout', '8s', '--journal', journal],
    );
    assert.equal(exitCode, 5, stdout);
    assert.match(stdout, /RAM \+ devices 1\.\d\d GiB >= .* \(no pass helps\)/);
    const { records } = await loadJournal(journal);
    const passes = records.filter((record) => record.type === 'pass');
    let next = 1;
    for (const { first, pass, gapsUs = [] } of passes) {
      assert.equal(first, next);
      assert.equal(gapsUs.length, pass - first);
      next = pass + 1;
    }
    // Ten a second are sampled after the first twenty, however many QEMU announces.
    const seconds = ((passes.at(-1)?.monotonicMs ?? 0) - (passes[0]?.monotonicMs ?? 0)) / 1000;
    assert.ok(passes.length <= 22 + 10 * seconds, `${passes.length} records in ${seconds} s`);
    assert.ok(passes.length <= next - 1);
    const trapped = passes.filter(({ why }) => why?.stopCopyTrap);
    assert.ok(trapped.length > 0);
    for (const { why } of trapped) {
      assert.equal(why?.term, 'device-state');
      assert.deepEqual(why.devices, { kind: 'known', bytes: GiB });
      assert.ok(why.thresholdBytes <= GiB);
    }
    assert.deepEqual(Object.values(passes.at(-1)?.devices ?? {}), ['pre-copy']);
  });

  it("split the downtime into RAM, device and machine state, load and start, by QEMU's traces", async () => {
    const log = (name: string): string => {
      const file = join(folder, `${name}.log`);
      writeFileSync(file, '');
      return file;
    };
    const logged = (file: string): VfioGuestOptions => ({
      ...shape,
      args: ['-D', file, '-trace', 'vmstate_downtime_*', '-msg', 'timestamp=on'],
    });
    const [sourceLog, destinationLog] = [log('source'), log('destination')];
    await using source = await startVfioGuest(logged(sourceLog));
    await using destination = await startVfioGuest({ ...logged(destinationLog), incoming: true });
    const { exitCode, stdout, stderr } = await precopy(
      ...['migrate', '--qmp', source.guest.qmp, '--to-qmp', destination.guest.qmp],
      ...['--source-log', sourceLog, '--destination-log', destinationLog],
      ...['--verify', '--journal', journal],
    );
    assert.equal(exitCode, 0, stdout + stderr);
    const { downtime } = resultOf((await loadJournal(journal)).records);
    assert.ok(downtime);
    const terms = downtime.parts.map(({ term }) => term);
    for (const term of ['ram', 'device-state', 'machine-state', 'destination-load', 'start']) {
      assert.ok(terms.includes(term as (typeof terms)[number]), `${term}: ${stdout}`);
    }
    assert.deepEqual(downtime.unknown, []);
    const sum = downtime.parts.reduce((total, { ms }) => total + ms, 0);
    assert.ok(Math.abs(sum - downtime.ms) < 0.001);
    assert.ok((downtime.outside.beforeStopMs ?? 0) > 0);
    assert.ok((downtime.outside.afterResumeMs ?? 0) > 0);
  });
});

function resultOf(
  records: readonly JournalRecord[],
): Extract<JournalRecord, { type: 'result' }>['result'] {
  const record = records.find((one) => one.type === 'result');
  assert.ok(record);
  return record.result;
}
