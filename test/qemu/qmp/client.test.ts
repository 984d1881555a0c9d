import assert from 'node:assert/strict';
import { QmpClient } from 'qemu-qmp-client-ts';
import { startBareQemu } from '../../support/qmp-peers.js';

describe('the client and a real QEMU', () => {
  it('negotiate, and execute a command', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    assert.match(client.versionText, /^\d+\.\d+\.\d+/);
    assert.equal(client.oob, true);
    const kvm = await client.execute('query-kvm');
    assert.deepEqual(Object.keys(kvm as object).sort(), ['enabled', 'present']);
  });

  it('exchange integers beyond 2^53 exactly', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    await client.execute('migrate-set-parameters', { 'max-bandwidth': 2n ** 63n - 1n });
    const parameters = await client.execute('query-migrate-parameters');
    assert.equal((parameters as Record<string, unknown>)['max-bandwidth'], 2n ** 63n - 1n);
  });

  it('an event that a command causes is caught by waiting before it', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    const stopped = client.events.waitFor('STOP', { timeoutMs: 5000 });
    await client.execute('stop');
    const event = await stopped;
    assert.ok(Math.abs((event.qemuTimeUs ?? 0) / 1000 - event.arrivedAtMs) < 60_000);
  });

  it("a refused command carries QEMU's class and description", async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    await assert.rejects(client.execute('query-nothing', { a: 1 }), {
      code: 'QMP_COMMAND_FAILED',
      errorClass: 'CommandNotFound',
      command: 'query-nothing',
    });
  });

  it('a second client learns that the monitor is in use', async () => {
    await using qemu = await startBareQemu();
    await using first = await QmpClient.connect(qemu.address);
    await assert.rejects(QmpClient.connect(qemu.address, { connectTimeoutMs: 200 }), {
      code: 'QMP_NO_GREETING',
    });
    assert.equal(first.state, 'ready');
  });
});
