import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QmpClient } from 'qemu-qmp-client-ts';
import { LibcKernel } from 'linux-vfio-ts';
import { FakeQemu } from 'qemu-qmp-client-ts/testing';
import { startBareQemu } from '../../support/qmp-peers.js';

describe('file descriptors', () => {
  const native = new LibcKernel();

  it('reach QEMU under a name (getfd), each under its own, even when passed at once', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address, { native });
    const files = await Promise.all(
      ['a', 'b', 'c'].map((name) => open(join(qemu.folder, name), 'w+')),
    );
    await Promise.all([
      client.execute('query-status'),
      ...files.map((file, n) => client.passFd(`f${n}`, file.fd)),
      client.execute('query-status'),
    ]);
    // QEMU writes a chardev's output to the descriptor that it was given.
    for (const n of [0, 1, 2]) {
      await client.execute('add-fd', {}, { fds: [files[n]?.fd ?? -1] });
      await client.execute('closefd', { fdname: `f${n}` });
    }
    await assert.rejects(client.execute('closefd', { fdname: 'f0' }), {
      code: 'QMP_COMMAND_FAILED',
    });
    await Promise.all(files.map((file) => file.close()));
  });

  it('in a set (add-fd) are opened as /dev/fdset/N: QEMU writes into our file', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address, { native });
    const path = join(qemu.folder, 'log');
    const file = await open(path, 'w');
    const { set } = await client.addFd(file.fd, { opaque: 'test' });
    await file.close();
    await client.execute('chardev-add', {
      id: 'c',
      backend: { type: 'file', data: { out: `/dev/fdset/${set}` } },
    });
    await client.execute('chardev-add', {
      id: 'r',
      backend: { type: 'ringbuf', data: { size: 4096, logfile: join(qemu.folder, 'x') } },
    });
    const sets = await client.execute('query-fdsets');
    assert.equal(sets.find((found) => found['fdset-id'] === set)?.fds[0]?.opaque, 'test');
    assert.equal(await readFile(path, 'utf8'), '');
  });

  it("the peer's credentials are QEMU's process", async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address, { native });
    assert.equal(client.peerCredentials().pid, qemu.process.pid);
  });

  it('need a unix socket and a native binding, and the error says so', async () => {
    await using qemu = await startBareQemu();
    await using without = await QmpClient.connect(qemu.address);
    await assert.rejects(without.passFd('x', 0), { code: 'QMP_UNSUPPORTED', message: /"native"/ });
    await using stream = await QmpClient.connect(new FakeQemu().stream(), { native });
    await assert.rejects(stream.passFd('x', 0), {
      code: 'QMP_UNSUPPORTED',
      message: /unix socket/,
    });
    assert.throws(() => stream.peerCredentials(), { code: 'QMP_UNSUPPORTED' });
  });

  it('that are not open fail the command, which was not sent', async () => {
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address, { native });
    await assert.rejects(client.passFd('x', 987), {
      code: 'QMP_ARGUMENT',
      message: /was not sent/,
    });
    assert.equal((await client.execute('query-status')).running, true);
  });
});
