import assert from 'node:assert/strict';
import { constants as constantsOfBuffers } from 'node:buffer';
import { spawn, spawnSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KernelError, LibcKernel } from 'linux-vfio-ts';
import { asyncIoctls } from '#vfio/kernel/libc.js';

/** Bytes waiting in a pipe: an ioctl that needs no device. */
const FIONREAD = { name: 'FIONREAD', request: 0x541b };

describe('the machine kernel', () => {
  const kernel = new LibcKernel();
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'vfio-kernel-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** A pipe that holds `text`. */
  function filledPipe(name: string, text: string): number {
    const path = join(folder, name);
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    writeFileSync(fd, text);
    return fd;
  }

  it('says which call failed, on what, and why', () => {
    assert.throws(() => kernel.open('/nonexistent/vfio', constants.O_RDWR), {
      name: 'KernelError',
      code: 'KERNEL_ENOENT',
      call: 'open',
      errnoName: 'ENOENT',
      message: 'open of /nonexistent/vfio failed with ENOENT.',
    });
  });

  it('passes a structure to an ioctl and gives back what the kernel wrote', () => {
    const fd = filledPipe('sync', 'five!');
    const argument = new Uint8Array(4);
    kernel.ioctl(fd, { ...FIONREAD, argument });
    assert.equal(new DataView(argument.buffer).getInt32(0, true), 5);
    kernel.close(fd);
  });

  it('honours the byte offset of a view into a larger buffer', () => {
    const fd = filledPipe('offset', 'five!');
    const whole = new Uint8Array(4096);
    kernel.ioctl(fd, { ...FIONREAD, argument: whole.subarray(1000, 1004) });
    assert.equal(whole[1000], 5);
    assert.equal(whole.filter((byte) => byte !== 0).length, 1);
    kernel.close(fd);
  });

  it('writes where an argument is that is given again and again, and nowhere once that was handed on', () => {
    const fd = filledPipe('repeated', 'five!');
    const [argument, other] = [new Uint8Array(8), new Uint8Array(8)];
    const waiting = (memory: Uint8Array): number => {
      memory.fill(0xff);
      kernel.ioctl(fd, { ...FIONREAD, argument: memory });
      return new DataView(memory.buffer, memory.byteOffset).getInt32(0, true);
    };
    for (let bytes = 5; bytes < 10; bytes += 1) {
      assert.equal(waiting(argument), bytes);
      assert.equal(waiting(argument), bytes);
      assert.equal(waiting(other), bytes);
      writeFileSync(fd, '.');
    }
    waiting(argument);
    waiting(argument);
    const elsewhere = structuredClone(argument, { transfer: [argument.buffer] }).fill(0xff);
    assert.throws(() => kernel.ioctl(fd, { ...FIONREAD, argument }), { code: 'KERNEL_EFAULT' });
    assert.ok(elsewhere.every((byte) => byte === 0xff));
    kernel.close(fd);
  });

  it('makes the same ioctl away from the event loop', async () => {
    const fd = filledPipe('async', 'twelve bytes');
    const argument = new Uint8Array(4);
    await kernel.ioctlAsync(fd, { ...FIONREAD, argument });
    assert.equal(argument[0], 12);
    kernel.close(fd);
  });

  for (const way of ['sync', 'async'] as const) {
    it(`keeps the errno of a failed ${way} ioctl`, async () => {
      const fd = openSync('/dev/null', 'r');
      const call = { name: 'VFIO_GET_API_VERSION', request: 0x3b64 };
      await assert.rejects(
        async () => (way === 'sync' ? kernel.ioctl(fd, call) : await kernel.ioctlAsync(fd, call)),
        { code: 'KERNEL_ENOTTY', call: 'VFIO_GET_API_VERSION', fd },
      );
      kernel.close(fd);
    });
  }

  it('keeps hundreds of async ioctls and their buffers apart', async () => {
    const fd = filledPipe('many', 'x');
    const buffers = await Promise.all(
      Array.from({ length: 600 }, async () => {
        const argument = new Uint8Array(4);
        await kernel.ioctlAsync(fd, { ...FIONREAD, argument });
        return argument;
      }),
    );
    assert.deepEqual(new Set(buffers.map((buffer) => buffer[0])), new Set([1]));
    kernel.close(fd);
  });

  for (const [poolSize, width] of [
    [undefined, 2],
    ['1', 1],
    ['2', 1],
    ['3', 2],
    ['128', 2],
    ['0', 1],
    ['-1', 2],
    ['', 1],
    ['many', 1],
  ] as const) {
    it(`makes ${width} at a time away from the event loop with UV_THREADPOOL_SIZE ${poolSize ?? 'unset'}`, () => {
      assert.equal(asyncIoctls(poolSize), width);
    });
  }

  it('does not begin an ioctl whose signal is aborted', async () => {
    const signal = AbortSignal.abort(new Error('not any more'));
    await assert.rejects(kernel.ioctlAsync(0, FIONREAD, signal), { message: 'not any more' });
  });

  it('duplicates the file of another process and tells when that process ends', async () => {
    const path = join(folder, 'shared');
    writeFileSync(path, 'what the child has open');
    const child = spawn('sleep', ['60'], { stdio: [openSync(path, 'r'), 'ignore', 'ignore'] });
    await once(child, 'spawn');
    assert.ok(child.pid);
    const pidfd = kernel.pidfdOpen(child.pid);
    const copy = kernel.pidfdGetfd(pidfd, 0);
    assert.equal(readFileSync(copy, 'utf8'), 'what the child has open');

    let exits = 0;
    using watch = kernel.watchExit(pidfd, () => {
      exits += 1;
    });
    assert.ok(watch);
    child.kill('SIGKILL');
    await once(child, 'exit');
    while (exits === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(exits, 1);
    assert.throws(() => kernel.pidfdGetfd(pidfd, 0), { code: 'KERNEL_ESRCH' });
    kernel.close(copy);
    kernel.close(pidfd);
  });

  it('maps a file for writing and unmaps it once', () => {
    const path = join(folder, 'mapped');
    writeFileSync(path, new Uint8Array(8192));
    const fd = kernel.open(path, constants.O_RDWR);
    {
      using mapping = kernel.mmap({ bytes: 4096, fd, offset: 4096n, writable: true });
      mapping.memory.set([1, 2, 3], 5);
      mapping[Symbol.dispose]();
    }
    assert.deepEqual([...readFileSync(path).subarray(4096 + 5, 4096 + 8)], [1, 2, 3]);
    const memory = new Uint8Array(3);
    assert.equal(kernel.pread(fd, memory, 4101n), 3);
    assert.deepEqual([...memory], [1, 2, 3]);
    kernel.close(fd);
  });

  it('maps a terabyte that nobody touches, and shows as much of it as fits', () => {
    const bytes = 2 ** 40;
    using mapping = kernel.mmap({ bytes, viewBytes: 2 ** 30, writable: true, noReserve: true });
    mapping.memory[2 ** 30 - 1] = 7;
    assert.equal(mapping.memory[2 ** 30 - 1], 7);
    // What fits differs between versions of Node; asked for more, koffi would end the process.
    const tooMuch = Math.min(constantsOfBuffers.MAX_LENGTH, bytes) + 1;
    assert.throws(() => kernel.mmap({ bytes, viewBytes: tooMuch, noReserve: true }), RangeError);
  });

  it('reads the memory of another process', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    assert.ok(child.pid);
    const maps = readFileSync(`/proc/${child.pid}/maps`, 'utf8');
    const start = /^([0-9a-f]+)-/.exec(maps)?.[1];
    const memory = new Uint8Array(4);
    assert.equal(kernel.readProcessMemory(child.pid, BigInt(`0x${start ?? ''}`), memory), 4);
    assert.equal(Buffer.from(memory).toString('latin1'), '\x7fELF');
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('names the process that listens on a unix socket', async () => {
    const path = join(folder, 'socket');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const socket = connect(path);
    await once(socket, 'connect');
    const credentials = kernel.peerCredentials(fdOf(socket));
    assert.deepEqual(credentials, {
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
    socket.destroy();
    server.close();
  });

  it('says so when peer credentials are asked of something that is no socket', () => {
    const fd = openSync('/dev/null', 'r');
    assert.throws(
      () => kernel.peerCredentials(fd),
      (error: unknown) => {
        assert.ok(error instanceof KernelError);
        return error.errnoName === 'ENOTSOCK';
      },
    );
    kernel.close(fd);
  });
});

function fdOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
  return handle.fd;
}
