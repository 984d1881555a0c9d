/** How the end of a migration is told that was cancelled: QEMU itself may call it `failed`. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { MigrationControl, PrecopyError, QemuSide } from 'precopy';
import { notCompleted } from '#plugin/sequence/migrate/errors.js';
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

  it('was cancelled, where a second cancel is refused: there was nothing left to cancel', async () => {
    const { events, say } = source();
    await events.cancelling(() => Promise.resolve());
    await assert.rejects(events.cancelling(() => Promise.reject(new Error('refused'))));
    say('failed');
    assert.equal(await events.until(() => events.overOnSource), 'cancelled');
  });

  it('failed, where it had switched to postcopy: there is no way back', async () => {
    const { events, say } = source();
    await events.cancelling(() => Promise.resolve());
    say('postcopy-active');
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

describe('a migration that did not complete', () => {
  const deadLink = 'Nothing has moved over the link for 30 s';

  /** What is said of it. */
  async function said(
    status: 'failed' | 'cancelled',
    { cancelling = false, link }: { cancelling?: boolean; link?: string } = {},
  ): Promise<PrecopyError> {
    const control = {
      events: { state: { cancelling } },
      info: () => Promise.resolve({ 'error-desc': 'its reason' }),
    } as unknown as MigrationControl;
    const signal = new AbortController().signal;
    return await notCompleted(status, { control, signal, cancelReason: undefined, deadLink: link });
  }

  it('was cancelled, or failed for the reason that QEMU has', async () => {
    assert.equal((await said('cancelled')).code, 'CANCELLED');
    const failed = await said('failed');
    assert.equal(failed.code, 'MIGRATION_FAILED');
    assert.match(failed.message, /its reason/);
  });

  it('failed for its dead link, also where libvirt broke that off by its only way, a cancel', async () => {
    for (const status of ['failed', 'cancelled'] as const) {
      const { code, message } = await said(status, { link: deadLink });
      assert.equal(code, 'MIGRATION_FAILED');
      assert.match(message, /Nothing has moved/);
    }
  });

  it('was cancelled by us, though its link was dead as well', async () => {
    const { code } = await said('cancelled', { link: deadLink, cancelling: true });
    assert.equal(code, 'CANCELLED');
  });
});
