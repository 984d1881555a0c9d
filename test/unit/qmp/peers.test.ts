import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { QmpClient } from 'qemu-qmp-client-ts';
import { FakeCommandError, FakeQemu, NO_REPLY } from 'qemu-qmp-client-ts/testing';
import { GREETING, serve } from '../../support/qmp-peers.js';

describe('a peer that is no good QMP server', () => {
  const openers: [name: string, bytes: string | Buffer | undefined, code: string][] = [
    ['closes at once', undefined, 'QMP_CONNECT_FAILED'],
    ['sends garbage', 'SSH-2.0-OpenSSH_9.2p1\r\n', 'QMP_PROTOCOL'],
    ['sends JSON that is no message', '{"hello": "world"}\r\n', 'QMP_PROTOCOL'],
    ['sends a list', '[]\r\n', 'QMP_PROTOCOL'],
    ['sends a greeting without version', '{"QMP": {}}\r\n', 'QMP_PROTOCOL'],
    ['sends half a UTF-8 character', Buffer.from('{"QMP": "\xc3"}\r\n', 'latin1'), 'QMP_PROTOCOL'],
    ['sends a line without end', 'x'.repeat(3000), 'QMP_LIMIT'],
    ['nests too deep', `{"QMP": ${'['.repeat(90)}${']'.repeat(90)}}\n`, 'QMP_LIMIT'],
  ];
  for (const [name, bytes, code] of openers) {
    it(`and ${name} fails the connection with ${code}`, async () => {
      await using server = await serve((socket) => {
        if (bytes === undefined) socket.destroy();
        else socket.write(bytes);
      });
      const limits = { maxMessageBytes: 2000, maxNesting: 32 };
      await assert.rejects(QmpClient.connect(server.address, { limits }), { code });
    });
  }

  it('and refuses the negotiation fails the connection with QMP_NEGOTIATION', async () => {
    const qemu = new FakeQemu();
    qemu.on('qmp_capabilities', () => {
      throw new FakeCommandError('not today');
    });
    await assert.rejects(QmpClient.connect(qemu.stream()), {
      code: 'QMP_NEGOTIATION',
      message: /not today/,
    });
  });

  const later: [name: string, act: (qemu: FakeQemu) => void, code: string][] = [
    [
      'garbage',
      (qemu) => {
        qemu.sendRaw('}{\r\n');
      },
      'QMP_PROTOCOL',
    ],
    [
      'an error without class',
      (qemu) => {
        qemu.sendRaw('{"error": {}, "id": 2}\n');
      },
      'QMP_PROTOCOL',
    ],
    [
      'the end',
      (qemu) => {
        qemu.disconnect();
      },
      'QMP_DISCONNECTED',
    ],
    [
      'half a reply and the end',
      (qemu) => {
        qemu.sendRaw('{"return": ');
        setImmediate(() => {
          qemu.disconnect();
        });
      },
      'QMP_DISCONNECTED',
    ],
  ];
  for (const [name, act, code] of later) {
    it(`that sends ${name} fails everything that waits with ${code}`, async () => {
      await using qemu = await FakeQemu.listen();
      qemu.on('query-name', () => {
        act(qemu);
        return NO_REPLY;
      });
      const client = await QmpClient.connect(qemu.address);
      const event = client.events.waitFor('STOP');
      await assert.rejects(client.execute('query-name'), { code });
      await assert.rejects(event, { code });
      assert.equal((await client.closed)?.code, code);
      assert.equal(client.state, 'closed');
    });
  }

  it('that sends one byte at a time is understood', async () => {
    await using qemu = await FakeQemu.listen({ chunkBytes: 1 });
    qemu.on('query-name', () => ({ name: 'größe 😀', n: 2n ** 63n - 1n }));
    await using client = await QmpClient.connect(qemu.address);
    assert.deepEqual(await client.execute('query-name'), { name: 'größe 😀', n: 2n ** 63n - 1n });
  });

  it('that does not read holds the sender back, and loses nothing', async () => {
    let peer: Socket | undefined;
    await using server = await serve((socket) => {
      peer = socket;
      socket.write(GREETING);
      socket.once('data', () => {
        socket.pause();
        socket.write('{"return": {}, "id": 1}\r\n');
      });
    });
    await using client = await QmpClient.connect(server.address, { oob: false });
    const megabyte = 'x'.repeat(1024 * 1024);
    const calls = Array.from({ length: 30 }, () => client.execute('fill', { megabyte }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    // What is buffered here stays far below the 30 MB asked for: the rest waits as commands.
    assert.ok((client.stream?.writableLength ?? 0) < 3 * 1024 * 1024);
    let id = 1;
    let text = '';
    peer?.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (let i = 0; i < lines.length; i++) peer?.write(`{"return": ${++id}, "id": ${id}}\r\n`);
    });
    peer?.resume();
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, n) => n + 2),
    );
  });

  it('that sends 100,000 events in a burst leaves a bounded queue and a count of what was lost', async () => {
    await using qemu = await FakeQemu.listen();
    qemu.on('query-name', () => {
      const line =
        '{"event": "MIGRATION_PASS", "data": {"pass": 1}, "timestamp": {"seconds": 1, "microseconds": 2}}\r\n';
      for (let i = 0; i < 100; i++) qemu.sendRaw(line.repeat(1000));
    });
    await using client = await QmpClient.connect(qemu.address);
    using passes = client.events.subscribe('MIGRATION_PASS', { limit: 500 });
    await client.execute('query-name');
    assert.equal(passes.unread, 500);
    assert.equal(passes.dropped, 99_500);
    assert.equal((await passes.next()).qemuTimeUs, 1_000_002);
  });
});
