/** How the end of a migration is told that was cancelled: QEMU itself may call it `failed`. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { QemuSide } from 'precopy';
import { MigrationEvents } from '#plugin/sequence/migration-events.js';

/** The events of a source, as a test says them. */
function source(): { events: MigrationEvents; say: (status: string) => void } {
  const said = new PassThrough({ objectMode: true });
  const subscription = Object.assign(said, { close: () => said.end() });
  const side = {
    role: 'source',
    isLocal: true,
    client: { events: { subscribe: () => subscription } },
    journalEvent: () => undefined,
  };
  const events = new MigrationEvents(side as unknown as QemuSide, undefined);
  const say = (status: string): void => {
    said.write({ name: 'MIGRATION', data: { status }, arrivedAtMs: Date.now() });
  };
  return { events, say };
}

describe('a migration whose QEMU says that it failed', () => {
  it('was cancelled, where QEMU had taken our cancel, though it says so before it answers', async () => {
    const { events, say } = source();
    await events.cancelling(async () => {
      say('cancelling');
      say('failed');
      await events.until(({ sourceStatus }) => (sourceStatus === 'failed' ? true : undefined));
    });
    assert.equal(events.overOnSource, 'cancelled');
  });

  it('failed, where QEMU had refused to cancel', async () => {
    const { events, say } = source();
    await assert.rejects(events.cancelling(() => Promise.reject(new Error('refused'))));
    say('failed');
    assert.equal(await events.until(() => events.overOnSource), 'failed');
  });

  it('failed, where nobody cancelled', async () => {
    const { events, say } = source();
    say('failed');
    assert.equal(await events.until(() => events.overOnSource), 'failed');
  });

  it('completed, where the cancel came too late', async () => {
    const { events, say } = source();
    await events.cancelling(() => Promise.resolve());
    say('completed');
    assert.equal(await events.until(() => events.overOnSource), 'completed');
  });
});
