import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { GuestAgent } from 'qemu-qmp-client-ts';
import { streamPair } from 'qemu-qmp-client-ts/testing';

interface Request {
  execute: string;
  arguments: Record<string, unknown>;
}

/** An agent that, like old ones, returns no ids. */
function agent(answer: (request: Request, stream: Duplex) => unknown, stale = ''): Duplex {
  const [ours, theirs] = streamPair();
  if (stale !== '') ours.write(stale);
  let text = '';
  ours.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = text.slice(text.lastIndexOf('\xff', end) + 1, end);
      text = text.slice(end + 1);
      const request = JSON.parse(line) as Request;
      if (request.execute === 'guest-sync-delimited') {
        const reply = `{"return": ${String(request.arguments['id'])}}\n`;
        ours.write(Buffer.concat([Buffer.from([0xff]), Buffer.from(reply)]));
        continue;
      }
      const value = answer(request, ours);
      if (value !== undefined) ours.write(`${JSON.stringify(value)}\n`);
    }
  });
  return theirs;
}

describe('the guest agent', () => {
  it('answers, although it returns no ids and left a reply behind', async () => {
    const stream = agent(({ execute }) => ({ return: execute }), '{"return": "stale"}\n{"ret');
    await using client = await GuestAgent.connect(stream);
    assert.equal(await client.execute('guest-ping'), 'guest-ping');
    assert.deepEqual(await Promise.all([client.execute('a'), client.execute('b')]), ['a', 'b']);
  });

  it('is synchronized anew after a command that was given up', async () => {
    let first = true;
    const stream = agent(({ execute }, ours) => {
      if (execute !== 'guest-exec') return { return: execute };
      if (first) setTimeout(() => ours.write('{"return": "late"}\n'), 20);
      first = false;
      return undefined;
    });
    await using client = await GuestAgent.connect(stream);
    await assert.rejects(client.execute('guest-exec', {}, { timeoutMs: 10 }), {
      code: 'QMP_TIMEOUT',
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(await client.execute('guest-info'), 'guest-info');
  });

  it('that is not there is an error that says so', async () => {
    const [, theirs] = streamPair();
    await assert.rejects(GuestAgent.connect(theirs, { connectTimeoutMs: 20 }), {
      code: 'QMP_NEGOTIATION',
      message: /not running in the guest/,
    });
  });

  it('need not answer a shutdown', async () => {
    await using client = await GuestAgent.connect(agent(() => undefined));
    assert.deepEqual(await client.execute('guest-shutdown', {}, { expectReply: false }), {});
  });

  it("carries the agent's errors", async () => {
    const error = { class: 'CommandNotFound', desc: 'unknown' };
    await using client = await GuestAgent.connect(agent(() => ({ error })));
    await assert.rejects(client.execute('guest-x'), {
      code: 'QMP_COMMAND_FAILED',
      errorClass: 'CommandNotFound',
    });
  });
});
