/** How a controller that follows libvirt's migrations calls their ends. */
import assert from 'node:assert/strict';
import { Journal, type JournalEntry, type MigrationResult, type QemuSide } from 'precopy';
import { MigrationFollower } from '#plugin/attach/follow.js';

const decided: JournalEntry = {
  ...{ type: 'decision', policy: 'adaptive', reason: 'its time is up' },
  action: { kind: 'cancel' },
};
const abort = { type: 'effect', side: 'source', command: 'virsh domjobabort' } as const;

/** What a migration has come to when QEMU says `status` after these records. */
function outcome(
  status: string,
  ...entries: JournalEntry[]
): MigrationResult['outcome'] | undefined {
  const journal = new Journal();
  const side = { journalEvent: () => undefined } as unknown as QemuSide;
  const follower = new MigrationFollower(side, journal, 0);
  for (const entry of entries) journal.append(entry);
  const event = { name: 'MIGRATION', data: { status }, arrivedAtMs: 0, qemuTimeUs: undefined };
  return follower.take(event);
}

describe('a migration that libvirt runs', () => {
  it('ends as QEMU says, where nobody here ended it', () => {
    for (const end of ['completed', 'cancelled', 'failed']) assert.equal(outcome(end), end);
    assert.equal(outcome('active'), undefined);
  });

  it('was cancelled where its policy had that done, though QEMU calls it failed', () => {
    assert.equal(outcome('failed', decided), 'cancelled');
    assert.equal(outcome('failed', decided, abort), 'cancelled');
    assert.equal(outcome('completed', decided, abort), 'completed');
  });

  it('failed where libvirt had refused to end it', () => {
    assert.equal(outcome('failed', decided, { ...abort, error: 'no job is active' }), 'failed');
  });
});
