import assert from 'node:assert/strict';
import {
  HarvestGate,
  readOverlaps,
  Type1Container,
  type BitmapReadTimes,
  type IoctlCall,
} from 'linux-vfio-ts';
import { Lane } from '#vfio/kernel/lane.js';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { Type1Model } from '#vfio/model/type1-model.js';

const request = () => ({ iova: 0n, bytes: 4096n, pageBytes: 4096, bitmap: new Uint8Array(8) });

/** A kernel whose asynchronous ioctls wait until they are let go, one at a time. */
class SlowKernel extends ModelKernel {
  readonly #lane = new Lane(1);
  readonly begun: string[] = [];
  #release: () => void = () => undefined;

  override ioctlAsync(fd: number, call: IoctlCall, signal?: AbortSignal): Promise<number> {
    return this.#lane.run(async () => {
      this.begun.push(call.name);
      await new Promise<void>((resolve) => {
        this.#release = resolve;
      });
      return this.ioctl(fd, call);
    }, signal);
  }

  release(): void {
    this.#release();
  }
}

function tracked(kernel: ModelKernel, gate: HarvestGate): Type1Container {
  const container = new Type1Container(kernel, kernel.install(new Type1Model()), gate);
  container.dirtyPages.start();
  return container;
}

/** A container that tracks in a slow kernel, and the reads that its gate reports. */
function listenedTo() {
  const kernel = new SlowKernel();
  const gate = new HarvestGate();
  const reads: BitmapReadTimes[] = [];
  gate.onRead((times) => reads.push(times));
  return { kernel, gate, reads, dirtyPages: tracked(kernel, gate).dirtyPages };
}

describe('the harvest gate', () => {
  it('refuses everything that touches tracking while it is shut, and says why', async () => {
    const gate = new HarvestGate();
    const { dirtyPages } = tracked(new ModelKernel(), gate);
    gate.shut('QEMU migrates');
    const refused = { code: 'VFIO_HARVEST_REFUSED', reason: 'QEMU migrates' };
    await assert.rejects(dirtyPages.getBitmap(request()), refused);
    assert.throws(() => {
      dirtyPages.start();
    }, refused);
    assert.throws(() => {
      dirtyPages.stop();
    }, refused);
    const dirty = { pageBytes: 4096, bitmap: new Uint8Array(8) };
    assert.throws(() => dirtyPages.unmap({ iova: 0n, bytes: 4096n }, dirty), refused);
  });

  it('leaves the buffer of a refused read alone', async () => {
    const gate = new HarvestGate();
    const { dirtyPages } = tracked(new ModelKernel(), gate);
    gate.shut('QEMU migrates');
    const bitmap = new Uint8Array(8).fill(0xaa);
    await assert.rejects(dirtyPages.getBitmap({ ...request(), bitmap }));
    assert.ok(bitmap.every((byte) => byte === 0xaa));
  });

  it('stops a read whose large buffer is still being zeroed, which lets the event loop go on', async () => {
    const kernel = new SlowKernel();
    const gate = new HarvestGate();
    const { dirtyPages } = tracked(kernel, gate);
    const large = { iova: 0n, bytes: 1n << 40n, pageBytes: 4096, bitmap: new Uint8Array(2 ** 25) };
    const read = dirtyPages.getBitmap(large);
    setImmediate(() => {
      gate.shut('QEMU migrates');
    });
    await assert.rejects(read, { code: 'VFIO_HARVEST_REFUSED' });
    assert.deepEqual(kernel.begun, []);
  });

  it('stops reads that wait for their turn, and reports the one that is in the kernel', async () => {
    const { kernel, gate, dirtyPages, reads } = listenedTo();
    const inKernel = dirtyPages.getBitmap(request());
    const waiting = dirtyPages.getBitmap(request());
    assert.equal(gate.reading, 2, 'one in the kernel, one that waits');
    const shutAtMs = Date.now();
    gate.shut('QEMU migrates');
    await assert.rejects(waiting, { code: 'VFIO_HARVEST_REFUSED' });
    kernel.release();
    await inKernel;
    assert.equal(kernel.begun.length, 1);
    assert.equal(gate.reading, 0);
    assert.equal(reads.length, 1);
    assert.ok(reads[0] && readOverlaps(reads[0], shutAtMs));
  });

  it('does not report a read whose caller called it off before its turn: it took no bit', async () => {
    const { kernel, gate, dirtyPages, reads } = listenedTo();
    const caller = new AbortController();
    const inKernel = dirtyPages.getBitmap({ ...request(), signal: caller.signal });
    const waiting = dirtyPages.getBitmap({ ...request(), signal: caller.signal });
    caller.abort(new Error('the user has seen enough'));
    await assert.rejects(waiting, { message: 'the user has seen enough' });
    assert.deepEqual([reads.length, gate.reading], [0, 1]);
    kernel.release();
    await inKernel;
    assert.deepEqual([reads.length, gate.reading], [1, 0]);
  });

  it('reports a read that failed in the kernel, which may have taken bits before', async () => {
    const { kernel, dirtyPages, reads } = listenedTo();
    dirtyPages.stop();
    const caller = new AbortController();
    const failing = dirtyPages.getBitmap({ ...request(), signal: caller.signal });
    caller.abort(new Error('too late'));
    kernel.release();
    await assert.rejects(failing, { code: 'VFIO_EINVAL_NOT_TRACKING' });
    assert.equal(reads.length, 1);
  });

  it('keeps the first reason, and works again when it was reopened', async () => {
    const gate = new HarvestGate();
    const { dirtyPages } = tracked(new ModelKernel(), gate);
    gate.shut('first');
    gate.shut('second');
    assert.equal(gate.shutReason, 'first');
    gate.reopen();
    assert.equal(gate.shutReason, undefined);
    await dirtyPages.getBitmap(request());
  });

  const overlaps: readonly [string, number, number, boolean][] = [
    ['ended well before', 1000, 1010, false],
    ['ended in the same millisecond', 1000, 1000.4, true],
    ['ended after', 1001, 1000.4, true],
  ];
  for (const [name, endedAtMs, beganAtMs, expected] of overlaps) {
    it(`${expected ? 'suspects' : 'clears'} a read that ${name}`, () => {
      assert.equal(readOverlaps({ startedAtMs: 900, endedAtMs }, beganAtMs), expected);
    });
  }
});
