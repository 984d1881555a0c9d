import assert from 'node:assert/strict';
import {
  formatTraceEntry,
  parseRecording,
  QmpClient,
  recorder,
  redact,
  type TraceEntry,
} from 'qemu-qmp-client-ts';
import { FakeQemu, replay } from 'qemu-qmp-client-ts/testing';

describe('redaction', () => {
  const cases: [name: string, message: object][] = [
    ['a password', { execute: 'set_password', arguments: { protocol: 'vnc', password: 'S3CRET' } }],
    ['a secret in depth', { a: [{ b: { 'luks-secret': 'S3CRET' } }] }],
    [
      'the data of a secret object',
      { execute: 'object-add', arguments: { 'qom-type': 'secret', id: 's', data: 'S3CRET' } },
    ],
    ['an HMP line', { arguments: { 'command-line': 'change vnc password S3CRET' } }],
  ];
  for (const [name, message] of cases) {
    it(`hides ${name}`, () => {
      assert.doesNotMatch(JSON.stringify(redact(message as never)), /S3CRET/);
    });
  }

  it('leaves other data alone', () => {
    const message = { execute: 'object-add', arguments: { 'qom-type': 'iothread', data: 1 } };
    assert.deepEqual(redact(message), message);
  });
});

describe('the trace', () => {
  async function traced(exclude: string[] = []): Promise<TraceEntry[]> {
    const entries: TraceEntry[] = [];
    const qemu = new FakeQemu();
    qemu.on('query-migrate', () => ({ status: 'active' }));
    qemu.on('set_password', () => undefined);
    await using client = await QmpClient.connect(qemu.stream(), {
      trace: { sink: (entry) => entries.push(entry), exclude },
    });
    await client.execute('query-migrate');
    await client.execute('set_password', { protocol: 'vnc', password: 'S3CRET' });
    return entries;
  }

  it('shows everything sent and received, without secrets', async () => {
    const text = (await traced()).map(formatTraceEntry).join('\n');
    assert.match(text, /-> .*"qmp_capabilities"/);
    assert.match(text, /<- .*"status":"active"/);
    assert.doesNotMatch(text, /S3CRET/);
  });

  it('leaves excluded commands and their replies out', async () => {
    const text = (await traced(['query-migrate'])).map(formatTraceEntry).join('\n');
    assert.doesNotMatch(text, /query-migrate|active/);
  });

  it('ends with a warning when its sink fails, and the connection goes on', async () => {
    const warning = new Promise<Error>((resolve) => process.once('warning', resolve));
    const qemu = new FakeQemu();
    await using client = await QmpClient.connect(qemu.stream(), {
      trace: {
        sink: () => {
          throw new Error('disk full');
        },
      },
    });
    assert.equal(client.state, 'ready');
    assert.match((await warning).message, /disk full/);
  });
});

describe('a recording', () => {
  it('plays back as a QEMU that answers and tells events as the first did', async () => {
    let recording = '';
    const qemu = new FakeQemu({ version: { major: 7, minor: 2, micro: 5 } });
    let state = 'running';
    qemu.on('query-status', () => ({ status: state, size: 2n ** 60n }));
    qemu.on('stop', () => {
      state = 'paused';
      qemu.emit('STOP');
    });
    const session = async (client: QmpClient): Promise<unknown[]> => {
      const stopped = client.events.waitFor('STOP');
      const before = await client.execute('query-status');
      await client.execute('stop');
      return [
        client.versionText,
        before,
        (await stopped).name,
        await client.execute('query-status'),
      ];
    };

    const sink = recorder((line) => (recording += line));
    await using real = await QmpClient.connect(qemu.stream(), { trace: { sink } });
    const original = await session(real);

    const fake = replay(parseRecording(recording));
    await using replayed = await QmpClient.connect(fake.stream());
    assert.deepEqual(await session(replayed), original);
    await assert.rejects(replayed.execute('cont'), { message: /no further cont/ });
  });

  it('that is damaged says in which line', () => {
    assert.throws(() => parseRecording('\n{"kind": "sent"}\n'), {
      code: 'QMP_ARGUMENT',
      message: /Line 2/,
    });
  });
});
