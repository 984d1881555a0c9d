import assert from 'node:assert/strict';
import { QmpDisconnectedError, QmpEvents, type QmpEvent } from 'qemu-qmp-client-ts';

function event(name: string, n = 0): QmpEvent {
  return { name, data: { n }, qemuTimeUs: undefined, arrivedAtMs: 0 };
}

describe('events', () => {
  it('are kept from the moment of the subscription until they are read', async () => {
    const events = new QmpEvents();
    events.deliver(event('BEFORE'));
    using subscription = events.subscribe();
    events.deliver(event('A'));
    events.deliver(event('B'));
    assert.equal((await subscription.next()).name, 'A');
    assert.equal((await subscription.next()).name, 'B');
  });

  it('waitFor listens from the moment of the call', async () => {
    const events = new QmpEvents();
    const second = events.waitFor('PASS', { predicate: ({ data }) => data['n'] === 2 });
    for (const n of [1, 2, 3]) events.deliver(event('PASS', n));
    assert.equal((await second).data['n'], 2);
  });

  const policies = [
    ['drop-oldest', [2, 3]],
    ['drop-newest', [1, 2]],
  ] as const;
  for (const [overflow, kept] of policies) {
    it(`${overflow}: a full subscription keeps ${kept.join(', ')} of 1, 2, 3 and counts the loss`, async () => {
      const events = new QmpEvents();
      using subscription = events.subscribe('PASS', { limit: 2, overflow });
      for (const n of [1, 2, 3]) events.deliver(event('PASS', n));
      assert.equal(subscription.dropped, 1);
      for (const n of kept) assert.equal((await subscription.next()).data['n'], n);
    });
  }

  it('error: a full subscription fails once its unread events are read', async () => {
    const events = new QmpEvents();
    using subscription = events.subscribe('PASS', { limit: 1, overflow: 'error' });
    for (const n of [1, 2]) events.deliver(event('PASS', n));
    assert.equal((await subscription.next()).data['n'], 1);
    await assert.rejects(subscription.next(), { code: 'QMP_EVENT_OVERFLOW' });
  });

  it('a lost connection ends the loop with the reason, a closed one ends it quietly', async () => {
    const events = new QmpEvents();
    using lost = events.subscribe();
    using closed = events.subscribe();
    closed.close();
    for await (const { name } of closed) assert.fail(`${name} was never sent`);
    events.finish(new QmpDisconnectedError('gone'));
    await assert.rejects(lost.next(), { code: 'QMP_DISCONNECTED' });
    await assert.rejects(events.waitFor('STOP'), { code: 'QMP_DISCONNECTED' });
  });

  it('waitFor gives up by time and by signal', async () => {
    const events = new QmpEvents();
    await assert.rejects(events.waitFor('STOP', { timeoutMs: 1 }), { code: 'QMP_TIMEOUT' });
    await assert.rejects(events.waitFor('STOP', { signal: AbortSignal.abort() }), {
      code: 'QMP_ABORTED',
    });
  });
});
