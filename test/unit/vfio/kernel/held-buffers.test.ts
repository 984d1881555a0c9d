/** Asynchronous calls in libuv's pool: their buffers outlive whoever made them, and they leave threads free. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import koffi from 'koffi';
import { LibcKernel, type IoctlCall } from 'linux-vfio-ts';

/** linux/sockios.h, as ioctl_tty(2) has it: how many bytes can be read; writes an int. */
const FIONREAD = 0x541b;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Collects until nothing more goes, with new objects in place of the old ones in between. */
async function churn(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const others = Array.from({ length: 100 }, () => new Uint8Array(65_536).fill(0xaa));
    assert.equal(others.length, 100);
    await nextTurn();
    collectGarbage();
  }
}

/** Keeps all threads of libuv's pool waiting until it is released: calls that follow only queue up. */
class BlockedPool implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'held-buffers-'));
  readonly #fifos: string[] = [];
  readonly #opens: Promise<FileHandle>[] = [];

  constructor() {
    const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
    for (let thread = 0; thread < threads; thread++) {
      const fifo = join(this.#folder, String(thread));
      execFileSync('mkfifo', [fifo]);
      this.#fifos.push(fifo);
      // Waits for a writer.
      this.#opens.push(open(fifo, 'r'));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const writers = this.#fifos.map((fifo) => openSync(fifo, constants.O_RDWR));
    for (const handle of await Promise.all(this.#opens)) await handle.close();
    writers.forEach(closeSync);
    rmSync(this.#folder, { recursive: true });
  }
}

interface Buffers {
  readonly argument: WeakRef<Uint8Array>;
  readonly memory: WeakRef<Uint8Array>;
}

/** Makes a call whose buffers nobody but the callee knows afterwards. */
function callWith(make: (argument: Uint8Array, memory: Uint8Array) => void): Buffers {
  const argument = new Uint8Array(65_536);
  const memory = new Uint8Array(65_536);
  make(argument, memory);
  return { argument: new WeakRef(argument), memory: new WeakRef(memory) };
}

function alive({ argument, memory }: Buffers): boolean[] {
  return [argument.deref() !== undefined, memory.deref() !== undefined];
}

describe('the buffers of an ioctl away from the event loop', () => {
  it('live until it has settled, and not longer', async () => {
    const kernel = new LibcKernel();
    const fd = openSync('/proc/self/status', 'r');
    let settled: Promise<unknown> | undefined;
    let buffers: Buffers | undefined;
    {
      await using pool = new BlockedPool();
      assert.ok(pool);
      buffers = callWith((argument, memory) => {
        const call: IoctlCall = {
          name: 'FIONREAD',
          request: FIONREAD,
          argument,
          pointers: [{ offset: 8, memory }],
        };
        settled = kernel.ioctlAsync(fd, call).then(
          () => 'done',
          () => 'failed',
        );
      });
      await churn();
      assert.deepEqual(alive(buffers), [true, true]);
    }
    assert.ok(['done', 'failed'].includes(String(await settled)));
    await churn();
    assert.deepEqual(alive(buffers), [false, false]);
    closeSync(fd);
  });

  it('are let go when koffi refuses the call', async () => {
    const kernel = new LibcKernel();
    let settled: Promise<unknown> | undefined;
    const buffers = callWith((argument, memory) => {
      settled = kernel
        .ioctlAsync(0, {
          name: 'no ioctl',
          request: 'no number' as unknown as number,
          argument,
          pointers: [{ offset: 8, memory }],
        })
        .catch((error: unknown) => (error as { code?: unknown }).code);
    });
    assert.equal(await settled, 'VFIO_CALL_FAILED');
    await churn();
    assert.deepEqual(alive(buffers), [false, false]);
  });

  it('would not, if koffi alone made the call: what the test above rests on', async () => {
    const fd = openSync('/dev/null', 'r');
    let settled: Promise<void> | undefined;
    {
      await using pool = new BlockedPool();
      assert.ok(pool);
      const { argument } = callWith((argument) => {
        settled = ioctlByKoffi(fd, argument);
      });
      await churn();
      assert.equal(argument.deref() === undefined, true);
    }
    await settled;
    closeSync(fd);
  });
});

describe('ioctls away from the event loop', () => {
  it('are two of the process at a time, however many kernels make them', async () => {
    const fd = openSync('/dev/null', 'r');
    const call = { name: 'FIONREAD', request: FIONREAD };
    const enough = new AbortController();
    let begun: Promise<unknown>;
    {
      await using pool = new BlockedPool();
      assert.ok(pool);
      const [first, second, third] = [new LibcKernel(), new LibcKernel(), new LibcKernel()];
      begun = Promise.allSettled([first.ioctlAsync(fd, call), second.ioctlAsync(fd, call)]);
      const waiting = third.ioctlAsync(fd, call, enough.signal);
      enough.abort(new Error('it waited for its turn'));
      await assert.rejects(waiting, { message: 'it waited for its turn' });
    }
    await begun;
    closeSync(fd);
  });
});

const rawIoctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)');

/** Nothing here is captured by what koffi calls back, so that nothing but koffi could hold the buffer. */
function ioctlByKoffi(fd: number, argument: Uint8Array): Promise<void> {
  const { promise, resolve } = outcome();
  rawIoctl.async(fd, FIONREAD, argument, resolve);
  return promise;
}

function outcome(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((resolvePromise) => {
    resolve = () => {
      resolvePromise();
    };
  });
  return { promise, resolve };
}
