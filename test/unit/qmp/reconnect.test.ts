import assert from 'node:assert/strict';
import { QmpClient, QmpListener, type ConnectionGap } from 'qemu-qmp-client-ts';
import { FakeQemu, NO_REPLY } from 'qemu-qmp-client-ts/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('reconnecting', () => {
  it('says what was lost, keeps the subscriptions and counts the gap in them', async () => {
    await using qemu = await FakeQemu.listen();
    qemu.on('migrate', () => NO_REPLY);
    const gaps: ConnectionGap[] = [];
    await using client = await QmpClient.connect(qemu.address, {
      reconnect: { initialDelayMs: 1, onGap: (gap) => gaps.push(gap) },
    });
    using passes = client.events.subscribe('MIGRATION_PASS');
    const migrate = assert.rejects(client.execute('migrate', { uri: 'x' }), {
      code: 'QMP_DISCONNECTED',
      message: /Whether migrate was executed is not known/,
    });
    qemu.disconnect();
    await migrate;
    await assert.rejects(client.execute('query-name'), { code: 'QMP_STATE' });
    await client.ready();
    qemu.emit('MIGRATION_PASS', { pass: 7 });
    assert.equal((await passes.next()).data.pass, 7);
    assert.equal(passes.gaps, 1);
    assert.deepEqual(
      gaps.map(({ unanswered, attempts }) => ({ unanswered, attempts })),
      [{ unanswered: ['migrate'], attempts: 1 }],
    );
    assert.match(gaps[0]?.message ?? '', /Events of that time are lost/);
  });

  it('gives up after maxAttempts and closes with the reason', async () => {
    const qemu = await FakeQemu.listen();
    const client = await QmpClient.connect(qemu.address, {
      reconnect: { initialDelayMs: 1, maxAttempts: 2 },
    });
    const stop = client.events.waitFor('STOP');
    await qemu.close();
    await assert.rejects(stop, { code: 'QMP_DISCONNECTED', message: /failed 2 times/ });
    await assert.rejects(client.ready(), { code: 'QMP_STATE', state: 'closed' });
  });

  it('is not tried with a peer that does not speak QMP', async () => {
    await using qemu = await FakeQemu.listen();
    const client = await QmpClient.connect(qemu.address, { reconnect: { initialDelayMs: 1 } });
    qemu.sendRaw('garbage\r\n');
    assert.equal((await client.closed)?.code, 'QMP_PROTOCOL');
  });

  it('ends with close()', async () => {
    const qemu = await FakeQemu.listen();
    const client = await QmpClient.connect(qemu.address, { reconnect: { initialDelayMs: 10_000 } });
    const ready = client.events.waitFor('STOP');
    await qemu.close();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(client.state, 'reconnecting');
    await client.close();
    await assert.rejects(ready, { code: 'QMP_STATE' });
    assert.equal(await client.closed, undefined);
  });
});

describe('listening', () => {
  it('accepts QEMUs that connect, before or after accept() is called', async () => {
    await using listener = await QmpListener.listen('tcp:127.0.0.1:0');
    const port = Number(listener.address.split(':').at(-1));
    const fake = new FakeQemu();
    const bridge = (): void => {
      const socket = connect(port, '127.0.0.1');
      const stream = fake.stream();
      socket.pipe(stream).pipe(socket);
    };
    bridge();
    await using early = await listener.accept();
    assert.equal(early.state, 'ready');
    await early.close();
    const next = listener.accept({ timeoutMs: 5000 });
    bridge();
    await using late = await next;
    assert.equal(late.versionText, '10.0.0');
  });

  it('gives up by time, by signal and by close', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'qmp-test-'));
    const listener = await QmpListener.listen(`unix:${join(folder, 'qmp')}`);
    await assert.rejects(listener.accept({ timeoutMs: 1 }), { code: 'QMP_TIMEOUT' });
    await assert.rejects(listener.accept({ signal: AbortSignal.abort() }), { code: 'QMP_ABORTED' });
    const waiting = assert.rejects(listener.accept(), { code: 'QMP_STATE' });
    await listener.close();
    await waiting;
    await rm(folder, { recursive: true });
  });

  it('says when the address is taken', async () => {
    await using qemu = await FakeQemu.listen();
    await assert.rejects(QmpListener.listen(qemu.address), { code: 'QMP_CONNECT_FAILED' });
  });
});
