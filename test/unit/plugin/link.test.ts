import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { listenAndDiscard, measureLink, PrecopyError, type Discarded } from 'precopy';
import { precopy } from '../../support/precopy.js';

const never = new AbortController().signal;

/** An address of this host where nothing listens. */
async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `tcp:127.0.0.1:${port}`;
}

async function fails(code: string, pattern: RegExp, run: Promise<unknown>): Promise<void> {
  await assert.rejects(run, (error: unknown) => {
    assert.ok(error instanceof PrecopyError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  });
}

describe('measuring the link', () => {
  it('says what a stream brings through, and the other end got no less', async () => {
    const address = await freeAddress();
    const ended: Discarded[] = [];
    const sink = await listenAndDiscard(address, (what) => ended.push(what));
    assert.equal(`tcp:${sink.host}:${sink.port}`, address);
    const { bytesPerSecond, measuredMs } = await measureLink(address, {
      durationMs: 2000,
      signal: never,
    });
    assert.ok(measuredMs >= 990, String(measuredMs));
    await sink[Symbol.asyncDispose]();
    const [{ bytes } = { bytes: 0 }] = ended;
    assert.ok(bytes >= (bytesPerSecond * measuredMs) / 1000, `${bytes} bytes came`);
  });

  it('is right of a link that is slower than this host', async () => {
    // A reader that takes 64 KiB each 4 ms: 16 MiB/s, less the timer's lateness.
    const address = await freeAddress();
    const port = Number(address.split(':')[2]);
    let taken = 0;
    const times: number[] = [];
    const server = createServer({ highWaterMark: 2 ** 16 }, (socket) => {
      const timer = setInterval(() => {
        const chunk = socket.read(2 ** 16) as Buffer | null;
        if (chunk) taken += chunk.length;
        times.push(performance.now());
      }, 4);
      socket
        .on('error', () => undefined)
        .once('close', () => {
          clearInterval(timer);
        });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { bytesPerSecond } = await measureLink(address, { durationMs: 3000, signal: never });
      const [first = 0, last = 0] = [times[0], times.at(-1)];
      const truth = (taken * 1000) / (last - first);
      const off = Math.abs(bytesPerSecond / truth - 1);
      assert.ok(off < 0.25, `${bytesPerSecond.toFixed(0)} for ${truth.toFixed(0)} bytes/s`);
    } finally {
      server.close();
    }
  });

  it('says what to start where nobody listens', async () => {
    const address = await freeAddress();
    const run = measureLink(address, { signal: never });
    await fails(
      'LINK',
      /^No connection to tcp:127\.0\.0\.1:\d+ to measure the link: .*ECONNREFUSED/,
      run,
    );
  });

  it('says so when the other end breaks off', async () => {
    const address = await freeAddress();
    const server = createServer((socket) => void socket.once('data', () => socket.destroy()));
    server.listen(Number(address.split(':')[2]), '127.0.0.1');
    await once(server, 'listening');
    try {
      const run = measureLink(address, { durationMs: 2000, signal: never });
      await fails('LINK', /^The connection to .* broke while the link was measured/, run);
    } finally {
      server.close();
    }
  });

  it('refuses what is no TCP address, and too short a time', async () => {
    await fails('USAGE', /is no TCP address/, measureLink('unix:/tmp/x', { signal: never }));
    const short = measureLink('tcp:127.0.0.1:1', { durationMs: 500, signal: never });
    await fails('USAGE', /too short/, short);
  });

  it('ends when it is interrupted', async () => {
    const address = await freeAddress();
    await using sink = await listenAndDiscard(address, () => undefined);
    assert.ok(sink.port > 0);
    const interrupt = new AbortController();
    const run = measureLink(address, { signal: interrupt.signal });
    setTimeout(() => {
      interrupt.abort(new Error('enough'));
    }, 200);
    await assert.rejects(run, /enough/);
  });

  it('has a command for each end', async () => {
    const address = await freeAddress();
    await using sink = await listenAndDiscard(address, () => undefined);
    assert.ok(sink.port > 0);
    const { exitCode, stdout } = await precopy('link', '--to', address, '--duration', '2s');
    assert.equal(exitCode, 0);
    assert.match(stdout, /^[\d.]+ [KMG]iB\/s to tcp:127\.0\.0\.1:\d+ in one stream/);
    const neither = await precopy('link');
    assert.equal(neither.exitCode, 2);
  });
});
