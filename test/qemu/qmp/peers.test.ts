import assert from 'node:assert/strict';
import { LibcKernel } from 'linux-vfio-ts';
import {
  GuestAgent,
  QmpClient,
  QmpListener,
  type ConnectionGap,
  type JsonValue,
} from 'qemu-qmp-client-ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { qemuCommand, startBareQemu, startPeer } from '../../support/qmp-peers.js';

describe('a real QEMU', () => {
  it('that is stopped (SIGSTOP) costs a timeout; its late reply is dropped when it goes on', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    qemu.process.kill('SIGSTOP');
    await assert.rejects(client.execute('query-version', {}, { timeoutMs: 50 }), {
      code: 'QMP_TIMEOUT',
      message: /may still execute/,
    });
    qemu.process.kill('SIGCONT');
    const status = await client.execute('query-status');
    assert.equal(status.status, 'running');
    assert.equal(client.droppedReplies, 1);
  });

  it('that is killed fails what waits, and then refuses to be connected to', async () => {
    await using qemu = await startBareQemu();
    const client = await QmpClient.connect(qemu.address);
    const stopped = client.events.waitFor('STOP');
    qemu.process.kill('SIGKILL');
    await assert.rejects(stopped, { code: 'QMP_DISCONNECTED' });
    assert.equal((await client.closed)?.code, 'QMP_DISCONNECTED');
    await assert.rejects(QmpClient.connect(qemu.address), { code: 'QMP_CONNECT_FAILED' });
  });

  it('that quits ends the subscriptions after its last event', async () => {
    await using qemu = await startBareQemu();
    const client = await QmpClient.connect(qemu.address);
    const shutdown = client.events.waitFor('SHUTDOWN');
    await client.execute('quit');
    assert.equal((await shutdown).data.reason, 'host-qmp-quit');
    assert.equal((await client.closed)?.code, 'QMP_DISCONNECTED');
  });

  it('gives more than 10 MB in one reply', async () => {
    await using qemu = await startPeer('qemu-system-x86_64', (path) => [
      ...['-M', 'q35', '-m', '128', '-S', '-nodefaults', '-display', 'none'],
      ...['-qmp', `unix:${path},server=on,wait=off`],
    ]);
    await using client = await QmpClient.connect(qemu.address);
    const dump = await client.execute('human-monitor-command', {
      'command-line': 'xp /1700000xb 0x100000',
    });
    assert.ok(dump.length > 10e6, `${dump.length} characters`);
    assert.match(dump.trimEnd().slice(-60), /29f098: 0x00/);
  });

  it('executes out of band', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    const yank = await client.execute('query-yank', {}, { oob: true });
    assert.ok(yank.some(({ type }) => type === 'chardev'));
    await assert.rejects(client.execute('query-status', {}, { oob: true }), {
      code: 'QMP_COMMAND_FAILED',
      description: /does not support OOB/,
    });
  });

  it('answers in order when many commands are in flight', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    const names = Array.from({ length: 300 }, (_, n) => `fd${n}`);
    const failures = await Promise.all(
      names.map((fdname) =>
        client.execute('closefd', { fdname }).then(
          () => 'closed',
          (error: unknown) => String(error),
        ),
      ),
    );
    failures.forEach((text, n) => {
      assert.match(text, new RegExp(`'fd${n}'`));
    });
  });

  it('whose monitor prints several lines a message (pretty=on) is understood', async () => {
    await using qemu = await startPeer('qemu-system-x86_64', (path) => [
      ...['-M', 'none', '-nodefaults', '-display', 'none'],
      ...['-chardev', `socket,id=m,path=${path},server=on,wait=off`],
      ...['-mon', 'chardev=m,mode=control,pretty=on'],
    ]);
    await using client = await QmpClient.connect(qemu.address);
    assert.equal((await client.execute('query-status')).running, true);
  });

  it('is never sent what it can not take, for it may die of that', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address, {
      limits: { maxNesting: 5000, maxMessageBytes: 2 ** 30 },
    });
    const nested = (levels: number): unknown =>
      Array.from({ length: levels }).reduce((inner) => [inner], 1);
    const set = (value: unknown): Promise<unknown> =>
      client.execute('qom-set', { path: '/', property: 'x', value: value as JsonValue });
    await assert.rejects(set(nested(1023)), { code: 'QMP_ARGUMENT', message: /nested too deeply/ });
    await assert.rejects(set(Array.from({ length: 2 ** 20 }, () => 1)), {
      code: 'QMP_ARGUMENT',
      message: /JSON tokens/,
    });
    // The deepest that is allowed reaches the command.
    await assert.rejects(set(nested(1022)), { code: 'QMP_COMMAND_FAILED', message: /not found/ });
    assert.equal((await client.execute('query-status')).running, true);
  });

  it('that connects to us is accepted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'qmp-test-'));
    await using listener = await QmpListener.listen(`unix:${join(folder, 'qmp')}`);
    const [command = '', ...first] = await qemuCommand('qemu-system-x86_64');
    const qemu = spawn(
      command,
      [
        ...first,
        ...['-M', 'none', '-nodefaults', '-display', 'none', '-qmp', `unix:${join(folder, 'qmp')}`],
      ],
      { stdio: 'ignore' },
    );
    const ended = once(qemu, 'exit');
    try {
      await using client = await listener.accept({ timeoutMs: 10_000 });
      assert.equal((await client.execute('query-status')).running, true);
    } finally {
      qemu.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    }
  });

  it('that is replaced by another one is noticed when the client reconnects', async () => {
    await using first = await startBareQemu();
    let report: ((gap: ConnectionGap) => void) | undefined;
    const gap = new Promise<ConnectionGap>((resolve) => (report = resolve));
    await using client = await QmpClient.connect(first.address, {
      native: new LibcKernel(),
      reconnect: { initialDelayMs: 10, maxDelayMs: 50, onGap: (found) => report?.(found) },
    });
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    const second = spawn(first.process.spawnfile, first.process.spawnargs.slice(1), {
      stdio: 'ignore',
    });
    const ended = once(second, 'exit');
    try {
      assert.equal((await gap).otherQemu, true);
      assert.equal((await client.execute('query-status')).running, true);
    } finally {
      second.kill('SIGKILL');
      await ended;
    }
  });

  it('through its own WebSocket answers as long as another monitor wakes it', async () => {
    await using qemu = await startPeer('qemu-system-x86_64', (path) => [
      ...['-M', 'none', '-nodefaults', '-display', 'none'],
      ...['-chardev', 'socket,id=w,host=127.0.0.1,port=0,server=on,wait=off,websocket=on'],
      ...['-mon', 'chardev=w,mode=control'],
      ...['-qmp', `unix:${path},server=on,wait=off`],
    ]);
    await using waker = await QmpClient.connect(qemu.address);
    const chardevs = await waker.execute('query-chardev');
    const port = /:(\d+)(?:,|$)/.exec(
      chardevs.find(({ label }) => label === 'w')?.filename ?? '',
    )?.[1];
    const wake = setInterval(() => void waker.execute('query-name').catch(() => undefined), 20);
    try {
      await using client = await QmpClient.connect(`ws://127.0.0.1:${port ?? ''}`);
      const schema = await client.schema();
      assert.ok(schema.commands.size > 150); // some 200 KB, over many frames of at most 8 KiB
    } finally {
      clearInterval(wake);
    }
  });
});

describe('other peers', () => {
  it('qemu-storage-daemon negotiates, executes and tells events', async () => {
    await using daemon = await startPeer('qemu-storage-daemon', (path) => [
      ...['--chardev', `socket,id=m,path=${path},server=on,wait=off`, '--monitor', 'chardev=m'],
    ]);
    await using client = await QmpClient.connect(daemon.address);
    const created = client.events.waitFor('JOB_STATUS_CHANGE', {
      predicate: ({ data }) => data.status === 'concluded',
    });
    const file = join(daemon.folder, 'disk');
    await client.execute('blockdev-create', {
      'job-id': 'j',
      options: { driver: 'file', filename: file, size: 1024 * 1024 },
    });
    assert.equal((await created).data.id, 'j');
    assert.equal(await client.supports({ command: 'query-status' }), false);
  });

  it('qemu-ga answers, with 64-bit integers intact', async function () {
    this.timeout(120_000); // where it is not installed, it is unpacked from Debian's package once
    await using ga = await startPeer('qemu-ga', (path, folder) => [
      ...['-m', 'unix-listen', '-p', path, '-t', folder, '-f', join(folder, 'pid')],
    ]);
    await using agent = await GuestAgent.connect(ga.address);
    assert.deepEqual(await agent.execute('guest-ping'), {});
    assert.equal(await agent.execute('guest-sync', { id: 2n ** 62n + 1n }), 2n ** 62n + 1n);
    await assert.rejects(agent.execute('guest-nothing'), { errorClass: 'CommandNotFound' });
    const info = (await agent.execute('guest-info')) as { version: string };
    assert.match(info.version, /^\d+\./);
  });
});
