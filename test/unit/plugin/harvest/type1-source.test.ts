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
  const half = BigInt(64 * page);
  const sections = [
    { iova: 0n, bytes: half },
    { iova: half, bytes: half },
  ];
  const source = new Type1Source({
    ...{ name: 'container', dirtyPages, gate, mayBeOn, sections, nowMs },
  });
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

  it('refuses where IOVAs are not guest-physical addresses, also if they no longer are at the end', async () => {
    const { dirtyPages, source } = rig();
    await source.start();
    await source.check();
    dirtyPages.unmap({ iova: 0n, bytes: BigInt(128 * page) });
    await assert.rejects(source.check(), {
      code: 'NOT_SUPPORTED',
      message: /IOVAs are not the guest's addresses/,
    });
    // As a guest's IOMMU maps: page by page.
    for (let iova = 0; iova < 128 * page; iova += page) {
      dirtyPages.map({ iova: BigInt(iova), bytes: BigInt(page), memory: new Uint8Array(page) });
    }
    await assert.rejects(source.check(), {
      code: 'NOT_SUPPORTED',
      message: /IOVAs are not the guest's addresses/,
    });
    source.stop();
    assert.equal(dirtyPages.askTracking(), false);
  });

  it('says what devices do not reach', async () => {
    const { dirtyPages, source } = rig();
    dirtyPages.unmap({ iova: 0n, bytes: BigInt(128 * page) });
    dirtyPages.map({ iova: 0n, bytes: BigInt(64 * page), memory: new Uint8Array(page) });
    await source.start();
    assert.match(source.caveats().join(), /1 of 2 sections .* not mapped whole/);
    source.stop();
  });

  it('takes no bit from a harvest by looking at the mappings', async () => {
    const { model, source } = rig();
    using arena = new BitmapArena();
    using bitmap = arena.create(layout);
    await source.start();
    model.deviceWrites(0n, BigInt(128 * page));
    await source.check();
    await source.harvest(bitmap, signal);
    assert.equal(bitmap.count(), 128);
    source.stop();
  });

  it('does not start where somebody else tracks, and leaves theirs on', async () => {
    const { dirtyPages, source } = rig();
    dirtyPages.start();
    await assert.rejects(source.start(), { code: 'NOT_SUPPORTED' });
    source.stop();
    assert.equal(dirtyPages.askTracking(), true);
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
    await assert.rejects(source.start(), { code: 'VFIO_HARVEST_REFUSED' });
    await assert.rejects(source.harvest(bitmap, signal), { code: 'VFIO_HARVEST_REFUSED' });
    source.stop();
    assert.equal(dirtyPages.askTracking(), true);
  });
});
