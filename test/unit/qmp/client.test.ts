import assert from 'node:assert/strict';
import { QmpClient } from 'qemu-qmp-client-ts';
import { GREETING, serve } from '../../support/qmp-peers.js';

interface Request {
  execute: string;
  id: number;
}

/** A monitor that answers `qmp_capabilities`, and every other command by what `answer` gives. */
function monitor(answer: (request: Request) => string): ReturnType<typeof serve> {
  return serve((socket) => {
    socket.write(GREETING);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const request = JSON.parse(text.slice(0, end)) as Request;
        text = text.slice(end + 1);
        const reply = `{"return": {}, "id": ${request.id}}\r\n`;
        socket.write(request.execute === 'qmp_capabilities' ? reply : answer(request));
      }
    });
  });
}

describe('the client', () => {
  it('does not match a late reply with a later command', async () => {
    let late: Request | undefined;
    await using server = await monitor((request) => {
      if (late === undefined) {
        late = request;
        return '';
      }
      return (
        `{"return": "late", "id": ${late.id}}\r\n` + `{"return": "right", "id": ${request.id}}\r\n`
      );
    });
    await using client = await QmpClient.connect(server.address);
    await assert.rejects(client.execute('slow', {}, { timeoutMs: 20 }), { code: 'QMP_TIMEOUT' });
    assert.equal(await client.execute('query-name'), 'right');
    assert.equal(client.droppedReplies, 1);
  });

  it('takes an error without id as the answer to the oldest command', async () => {
    await using server = await monitor((request) =>
      request.execute === 'second'
        ? '{"error": {"class": "GenericError", "desc": "JSON parse error"}}\r\n'
        : '',
    );
    await using client = await QmpClient.connect(server.address);
    const first = client.execute('first');
    const second = client.execute('second', {}, { timeoutMs: 100 });
    await assert.rejects(first, { code: 'QMP_COMMAND_FAILED', description: 'JSON parse error' });
    await assert.rejects(second, { code: 'QMP_TIMEOUT' });
  });

  it('refuses a command after close and names the state', async () => {
    await using server = await monitor(() => '');
    const client = await QmpClient.connect(server.address);
    const waiting = assert.rejects(client.execute('query-name'), { code: 'QMP_DISCONNECTED' });
    await client.close();
    await waiting;
    await assert.rejects(client.execute('query-name'), { code: 'QMP_STATE', state: 'closed' });
    assert.equal(await client.closed, undefined);
  });

  it('says that a silent monitor may be in use', async () => {
    await using server = await serve(() => undefined);
    await assert.rejects(QmpClient.connect(server.address, { connectTimeoutMs: 30 }), {
      code: 'QMP_NO_GREETING',
      message: /one client at a time/,
    });
  });

  it('fails with the signal of the caller', async () => {
    await using server = await monitor(() => '');
    await using client = await QmpClient.connect(server.address);
    const abort = new AbortController();
    const waiting = client.execute('query-name', {}, { signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(waiting, { code: 'QMP_ABORTED', cause: reason });
  });
});
