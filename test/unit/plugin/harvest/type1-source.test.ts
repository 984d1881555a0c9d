import assert from 'node:assert/strict';
import { BitmapArena, BitmapLayout, HarvestGate, Type1Container } from 'linux-vfio-ts';
import { ModelKernel, Type1Model } from 'linux-vfio-ts/model';
import { Type1Source } from 'precopy';

const page = 4096;
const signal = new AbortController().signal;

function rig(mayBeOn = false) {
  const kernel = new ModelKernel();
  const model = new Type1Model(undefined, { emulatedDevices: true });
  const gate = new HarvestGate();
  const { dirtyPages } = new Type1Container(kernel, kernel.install(model), gate);
  dirtyPages.map({ iova: 0n, bytes: BigInt(128 * page), memory: new Uint8Array(page) });
  let now = 0;
  const nowMs = (): number => (now += 10);
  const source = new Type1Source({ name: 'container', dirtyPages, gate, mayBeOn, nowMs });
  return { model, gate, dirtyPages, source };
}

const layout = new BitmapLayout({
  range: { first: 0n, last: 2n ** 40n - 1n },
  pageSizeBytes: page,
  sections: [{ first: 0n, last: BigInt(128 * page) - 1n }],
});

describe('the source of a type1 container', () => {
  it('harvests what the device wrote, once, in windows that follow each other', async () => {
    const { model, dirtyPages, source } = rig();
    using arena = new BitmapArena();
    using bitmap = arena.create(layout);
    await source.start();
    model.deviceWrites(BigInt(3 * page), BigInt(2 * page));
    const first = await source.harvest(bitmap, signal);
    assert.deepEqual([...bitmap.runs()], [{ firstPage: 3, pages: 2 }]);
    bitmap.clear();
    const second = await source.harvest(bitmap, signal);
    assert.ok(bitmap.isEmpty());
    assert.equal(second.startMs, first.endMs);
    source.stop();
    assert.equal(dirtyPages.askTracking(), false);
  });

  it('does not start where somebody else tracks, and leaves theirs on', async () => {
    const { dirtyPages, source } = rig();
    dirtyPages.start();
    assert.throws(() => void source.start(), { code: 'NOT_SUPPORTED' });
    source.stop();
    assert.equal(dirtyPages.askTracking(), true);
    await Promise.resolve();
  });

  it('starts where QEMU left tracking on after a migration', async () => {
    const { dirtyPages, source } = rig(true);
    dirtyPages.start();
    await source.start();
    source.stop();
    assert.equal(dirtyPages.askTracking(), false);
  });

  it('neither starts nor reads nor stops while QEMU migrates', async () => {
    const { gate, dirtyPages, source } = rig();
    using arena = new BitmapArena();
    using bitmap = arena.create(layout);
    await source.start();
    gate.shut('QEMU is migrating (setup)');
    assert.throws(() => void source.start(), { code: 'VFIO_HARVEST_REFUSED' });
    await assert.rejects(source.harvest(bitmap, signal), { code: 'VFIO_HARVEST_REFUSED' });
    source.stop();
    assert.equal(dirtyPages.askTracking(), true);
  });
});
