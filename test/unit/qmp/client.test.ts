import assert from 'node:assert/strict';
import { QmpClient, type QmpCommandError } from 'qemu-qmp-client-ts';
import { FakeQemu, NO_REPLY } from 'qemu-qmp-client-ts/testing';
import { inspect } from 'node:util';

describe('execute', () => {
  it('gives what the command returns', async () => {
    await using qemu = await FakeQemu.listen();
    qemu.on('query-name', () => ({ name: 'guest' }));
    await using client = await QmpClient.connect(qemu.address);
    assert.deepEqual(await client.execute('query-name'), { name: 'guest' });
  });

  it('keeps many commands apart that are in flight together', async () => {
    const qemu = new FakeQemu();
    qemu.otherwise((args) => args);
    await using client = await QmpClient.connect(qemu.stream());
    const replies = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => client.execute('echo', { n })),
    );
    assert.deepEqual(
      replies,
      replies.map((_, n) => ({ n })),
    );
  });

  it('does not match a late reply with a later command', async () => {
    const qemu = new FakeQemu();
    qemu.on('slow', () => NO_REPLY);
    qemu.on('query-name', (_, { id }) => {
      qemu.send({ return: 'late', id: Number(id) - 1 });
      return 'right';
    });
    await using client = await QmpClient.connect(qemu.stream());
    await assert.rejects(client.execute('slow', {}, { timeoutMs: 20 }), { code: 'QMP_TIMEOUT' });
    assert.equal(await client.execute('query-name'), 'right');
    assert.equal(client.droppedReplies, 1);
  });

  it('drops a duplicate reply and one to an unknown id', async () => {
    const qemu = new FakeQemu();
    qemu.on('query-name', (_, { id }) => {
      for (const odd of [id ?? 0, 'x', { a: 1 }, 4711]) qemu.send({ return: 'first', id: odd });
      return 'second';
    });
    await using client = await QmpClient.connect(qemu.stream());
    assert.equal(await client.execute('query-name'), 'first');
    await assert.rejects(client.execute('nothing'), { code: 'QMP_COMMAND_FAILED' });
    assert.equal(client.droppedReplies, 4);
  });

  it('takes an error without id as the answer to the oldest command', async () => {
    const qemu = new FakeQemu();
    const error = { class: 'GenericError', desc: 'JSON parse error, expecting value' };
    qemu.on('first', () => {
      // QEMU may go on parsing in the middle of what it refused, and complain again.
      for (let i = 0; i < 3; i++) qemu.send({ error });
      return NO_REPLY;
    });
    qemu.on('second', () => NO_REPLY);
    qemu.on('third', () => 3);
    await using client = await QmpClient.connect(qemu.stream());
    const refused = ['first', 'second'].map((command) =>
      assert.rejects(client.execute(command), { command, description: error.desc }),
    );
    // QEMU answers in order: once this is answered, the two before it will not be.
    assert.equal(await client.execute('third'), 3);
    await Promise.all(refused);
  });

  it('fails with the reason of the signal of the caller', async () => {
    const qemu = new FakeQemu();
    qemu.otherwise(() => NO_REPLY);
    await using client = await QmpClient.connect(qemu.stream());
    const abort = new AbortController();
    const waiting = client.execute('query-name', {}, { signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(waiting, { code: 'QMP_ABORTED', cause: reason });
  });

  it('sends nothing when the signal is aborted already', async () => {
    const qemu = new FakeQemu();
    await using client = await QmpClient.connect(qemu.stream());
    const signal = AbortSignal.abort();
    await assert.rejects(client.execute('quit', {}, { signal }), { code: 'QMP_ABORTED' });
    assert.deepEqual(
      qemu.received.map(({ command }) => command),
      ['qmp_capabilities'],
    );
  });

  it('says where it was called from', async () => {
    const qemu = new FakeQemu();
    await using client = await QmpClient.connect(qemu.stream());
    async function theCaller(): Promise<void> {
      await client.execute('nothing');
    }
    await assert.rejects(theCaller(), ({ stack }: Error) => stack?.includes('theCaller') === true);
  });

  it('does not print the arguments of a failed command when the error is logged', async () => {
    const qemu = new FakeQemu();
    await using client = await QmpClient.connect(qemu.stream());
    const failure: unknown = await client
      .execute('set_password', { protocol: 'vnc', password: 'hunter2' })
      .catch((error: unknown) => error);
    assert.doesNotMatch(inspect(failure), /hunter2/);
    assert.deepEqual((failure as QmpCommandError).arguments, {
      protocol: 'vnc',
      password: 'hunter2',
    });
  });

  it('refuses more commands than maxPending, at once', async () => {
    const qemu = new FakeQemu();
    qemu.otherwise(() => NO_REPLY);
    await using client = await QmpClient.connect(qemu.stream(), { limits: { maxPending: 3 } });
    const lost = [1, 2, 3].map((n) =>
      assert.rejects(client.execute(`c${n}`), { code: 'QMP_DISCONNECTED' }),
    );
    await assert.rejects(client.execute('c4'), { code: 'QMP_LIMIT' });
    await client.close();
    await Promise.all(lost);
  });
});

describe('out of band', () => {
  it('overtakes in-band commands, of which no more than 7 are sent at once', async () => {
    const qemu = new FakeQemu();
    let release: (() => void) | undefined;
    qemu.on('blocked', () => new Promise<void>((resolve) => (release = resolve)));
    qemu.on('query-yank', () => []);
    await using client = await QmpClient.connect(qemu.stream());
    const blocked = client.execute('blocked');
    const others = Array.from({ length: 20 }, () => client.execute('blocked').catch(() => 'lost'));
    assert.deepEqual(await client.execute('query-yank', {}, { oob: true }), []);
    release?.();
    await blocked;
    await client.close();
    assert.deepEqual(new Set(await Promise.all(others)), new Set(['lost']));
  });

  it('is refused where it was not negotiated', async () => {
    const qemu = new FakeQemu({ capabilities: [] });
    await using client = await QmpClient.connect(qemu.stream());
    await assert.rejects(client.execute('query-yank', {}, { oob: true }), {
      code: 'QMP_UNSUPPORTED',
    });
  });

  it('a command that QEMU does not take in time was not sent, and the error says so', async () => {
    const qemu = new FakeQemu();
    qemu.otherwise(() => NO_REPLY);
    await using client = await QmpClient.connect(qemu.stream());
    const unanswered = Array.from({ length: 7 }, (_, n) =>
      assert.rejects(client.execute(`c${n}`, {}, { timeoutMs: 30 }), { code: 'QMP_TIMEOUT' }),
    );
    await assert.rejects(client.execute('eighth', {}, { timeoutMs: 30 }), {
      code: 'QMP_TIMEOUT',
      message: /was not sent/,
    });
    await Promise.all(unanswered);
    assert.equal(
      qemu.received.some(({ command }) => command === 'eighth'),
      false,
    );
  });
});

describe('the state', () => {
  it('decides whether a command may be executed, and the error names it', async () => {
    const client = new QmpClient();
    await assert.rejects(client.execute('query-name'), { code: 'QMP_STATE', state: 'idle' });
    assert.throws(() => client.greeting, { code: 'QMP_STATE', state: 'idle' });
    await client.open(new FakeQemu().stream());
    assert.equal(client.state, 'ready');
    await assert.rejects(client.open('unix:/x'), { code: 'QMP_STATE', state: 'ready' });
    await client.close();
    await assert.rejects(client.execute('query-name'), { code: 'QMP_STATE', state: 'closed' });
    assert.equal(await client.closed, undefined);
  });

  it('after close what waited has failed, and closing again does nothing', async () => {
    const qemu = new FakeQemu();
    qemu.otherwise(() => NO_REPLY);
    const client = await QmpClient.connect(qemu.stream());
    const waiting = assert.rejects(client.execute('query-name'), {
      code: 'QMP_DISCONNECTED',
      message: /not known/,
    });
    await client.close();
    await client.close();
    await waiting;
  });
});

describe('connecting', () => {
  it('fails with the reason of the signal', async () => {
    await using qemu = await FakeQemu.listen();
    await using first = await QmpClient.connect(qemu.address);
    const signal = AbortSignal.timeout(20);
    await assert.rejects(QmpClient.connect(qemu.address, { signal }), { code: 'QMP_ABORTED' });
    assert.equal(first.state, 'ready');
  });

  it('says that a silent monitor may be in use', async () => {
    await using qemu = await FakeQemu.listen();
    await using first = await QmpClient.connect(qemu.address);
    await assert.rejects(QmpClient.connect(qemu.address, { connectTimeoutMs: 30 }), {
      code: 'QMP_NO_GREETING',
      message: /one client at a time/,
    });
    assert.equal(first.state, 'ready');
  });

  const parseError = { class: 'GenericError', desc: 'JSON parse error, missing : in object pair' };
  for (const [what, answer] of [
    ['a parse error', { error: parseError }],
    ['silence', undefined],
  ] as const) {
    it(`is tried once more where QEMU answers the first command with ${what}`, async () => {
      await using qemu = await FakeQemu.listen();
      let attempts = 0;
      qemu.on('qmp_capabilities', () => {
        if (++attempts > 1) return undefined;
        if (answer !== undefined) qemu.send(answer);
        return NO_REPLY;
      });
      await using client = await QmpClient.connect(qemu.address, { connectTimeoutMs: 1000 });
      assert.equal(client.state, 'ready');
      assert.equal(attempts, 2);
    });
  }

  it('fails where QEMU never understands the first command', async () => {
    await using qemu = await FakeQemu.listen();
    qemu.on('qmp_capabilities', () => {
      qemu.send({ error: parseError });
      return NO_REPLY;
    });
    await assert.rejects(QmpClient.connect(qemu.address), {
      code: 'QMP_NEGOTIATION',
      message: /missing : in object pair/,
    });
    assert.equal(qemu.received.length, 2);
  });

  it('takes events that come before the greeting', async () => {
    const qemu = new FakeQemu({ greeting: { event: 'EARLY' } });
    const client = new QmpClient();
    const early = client.events.waitFor('EARLY');
    const opened = client.open(qemu.stream());
    assert.equal((await early).name, 'EARLY');
    qemu.send({
      QMP: {
        version: { qemu: { major: 9, minor: 1, micro: 2 }, package: 'v9.1.2' },
        capabilities: [],
      },
    });
    await opened;
    assert.equal(client.versionText, '9.1.2 (v9.1.2)');
    await client.close();
  });

  const addresses: [address: string, code: string, message: RegExp][] = [
    ['unix:/no/such/socket', 'QMP_CONNECT_FAILED', /no such socket/],
    ['tcp:127.0.0.1:1', 'QMP_CONNECT_FAILED', /nobody listens/],
    ['unix:', 'QMP_ARGUMENT', /the path is missing/],
    ['tcp:host', 'QMP_ARGUMENT', /expected tcp:HOST:PORT/],
    ['/run/qmp', 'QMP_ARGUMENT', /no known kind of address/],
    ['libvirt:', 'QMP_ARGUMENT', /the domain is missing/],
  ];
  for (const [address, code, message] of addresses) {
    it(`to ${address} fails with ${code}`, async () => {
      await assert.rejects(QmpClient.connect(address), { code, message });
    });
  }
});
