/** Dirty tracking of hardware page tables, against the kernel's own selftest IOMMU. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { bitmapBytesFor, LibcKernel } from 'linux-vfio-ts';
import { IommufdRig, MOCK_BASE, MOCK_PAGE } from '../support/iommufd-rig.js';
import { bindToVfioPci, iommuBackedDevices } from '../support/raw-container.js';
import { PAGE, pages } from '../support/type1-rig.js';

const MAPPED = 1000;
const all = { iova: MOCK_BASE, bytes: pages(MAPPED) };

interface Tracked extends Disposable {
  readonly rig: IommufdRig;
  readonly hwptId: number;
}

/** 1000 pages mapped behind an IOMMU that tracks them. */
function tracked(): Tracked {
  const rig = new IommufdRig(new LibcKernel());
  rig.map(MOCK_BASE, MAPPED);
  const deviceId = rig.addMockDevice({ tracksDirtyPages: true });
  const hwptId = rig.allocateHwpt(deviceId, { dirtyTracking: true });
  return {
    rig,
    hwptId,
    [Symbol.dispose]: () => {
      rig[Symbol.dispose]();
    },
  };
}

/** Whole bytes, so that no bit past the last page is set. */
function randomPages(): Uint8Array {
  return randomFillSync(new Uint8Array((MAPPED * 2) / 8));
}

async function read(
  { rig, hwptId }: Tracked,
  pageBytes: number,
  keep = false,
): Promise<Uint8Array> {
  const bitmap = new Uint8Array(bitmapBytesFor(all.bytes, pageBytes)).fill(0xff);
  await rig.iommufd.getDirtyBitmap(hwptId, { ...all, pageBytes, bitmap }, keep);
  return bitmap;
}

/** One bit for each two: what a page table of 2 KiB pages says of pages of 4 KiB. */
function coarser(bits: Uint8Array): Uint8Array {
  const out = new Uint8Array(bitmapBytesFor(all.bytes, PAGE));
  for (let page = 0; page < MAPPED; page++) {
    const pair = ((bits[page >> 2] ?? 0) >> ((page & 3) * 2)) & 3;
    if (pair !== 0) out[page >> 3] = (out[page >> 3] ?? 0) | (1 << (page & 7));
  }
  return out;
}

function padded(bits: Uint8Array): Uint8Array {
  const out = new Uint8Array(bitmapBytesFor(all.bytes, MOCK_PAGE));
  out.set(bits);
  return out;
}

describe('a page table with dirty tracking', () => {
  it('returns what the device wrote, bit for bit, once', async () => {
    using at = tracked();
    at.rig.iommufd.setDirtyTracking(at.hwptId, true);
    for (let round = 0; round < 5; round++) {
      const written = randomPages();
      at.rig.mockWrites(at.hwptId, all, written);
      assert.deepEqual(await read(at, MOCK_PAGE), padded(written));
      assert.ok((await read(at, MOCK_PAGE)).every((byte) => byte === 0));
    }
  });

  it('returns it in pages of the size asked for', async () => {
    using at = tracked();
    at.rig.iommufd.setDirtyTracking(at.hwptId, true);
    const written = randomPages();
    at.rig.mockWrites(at.hwptId, all, written);
    assert.deepEqual(await read(at, PAGE), coarser(written));
  });

  it('keeps its bits where the read is told to', async () => {
    using at = tracked();
    at.rig.iommufd.setDirtyTracking(at.hwptId, true);
    const written = randomPages();
    at.rig.mockWrites(at.hwptId, all, written);
    for (const keep of [true, true, false]) {
      assert.deepEqual(await read(at, MOCK_PAGE, keep), padded(written));
    }
    assert.ok((await read(at, MOCK_PAGE)).every((byte) => byte === 0));
  });

  it('begins without bits when tracking is switched on again', async () => {
    using at = tracked();
    const { iommufd } = at.rig;
    iommufd.setDirtyTracking(at.hwptId, true);
    at.rig.mockWrites(at.hwptId, all, randomPages());
    iommufd.setDirtyTracking(at.hwptId, false);
    iommufd.setDirtyTracking(at.hwptId, true);
    assert.ok((await read(at, MOCK_PAGE)).every((byte) => byte === 0));
  });

  it('reads up to the first hole of a range and then says nothing of the rest, without an error', async () => {
    using at = tracked();
    const { rig, hwptId } = at;
    const behind = MOCK_BASE + pages(MAPPED + 24);
    rig.map(behind, 64);
    rig.iommufd.setDirtyTracking(hwptId, true);
    rig.mockWrites(hwptId, { iova: MOCK_BASE, bytes: pages(1) }, Uint8Array.of(1));
    rig.mockWrites(hwptId, { iova: behind, bytes: pages(1) }, Uint8Array.of(1));
    const bytes = pages(MAPPED + 24 + 64);
    const bitmap = new Uint8Array(bitmapBytesFor(bytes, PAGE));
    await rig.iommufd.getDirtyBitmap(hwptId, { iova: MOCK_BASE, bytes, pageBytes: PAGE, bitmap });
    assert.equal(
      bitmap.reduce((sum, byte) => sum + byte, 0),
      1,
      'only the first page was found',
    );
    // Asked for by itself, it is there.
    const exact = new Uint8Array(8);
    const second = { iova: behind, bytes: pages(64), pageBytes: PAGE, bitmap: exact };
    await rig.iommufd.getDirtyBitmap(hwptId, second);
    assert.equal(exact[0], 1);
  });

  it('refuses what is no page table, and ranges that are not aligned', async () => {
    using at = tracked();
    const { iommufd } = at.rig;
    const bitmap = new Uint8Array(1024);
    const request = { ...all, pageBytes: PAGE, bitmap };
    await assert.rejects(iommufd.getDirtyBitmap(99, request), { code: 'KERNEL_ENOENT' });
    const unaligned = { ...request, iova: MOCK_BASE + 512n };
    await assert.rejects(iommufd.getDirtyBitmap(at.hwptId, unaligned), {
      code: 'KERNEL_EINVAL',
    });
  });
});

describe('an IOMMU without dirty tracking', () => {
  it('says so, and refuses to switch it on (selftest)', () => {
    using rig = new IommufdRig(new LibcKernel());
    const deviceId = rig.addMockDevice({ tracksDirtyPages: false });
    assert.equal(rig.iommufd.hwInfo(deviceId).dirtyTracking, false);
    assert.throws(() => rig.allocateHwpt(deviceId, { dirtyTracking: true }), {
      code: 'KERNEL_EOPNOTSUPP',
    });
    const hwptId = rig.allocateHwpt(deviceId, { dirtyTracking: false });
    assert.throws(
      () => {
        rig.iommufd.setDirtyTracking(hwptId, true);
      },
      { code: 'KERNEL_EOPNOTSUPP' },
    );
  });

  it('says so (the emulated Intel IOMMU, behind a real vfio-pci device)', () => {
    const [address = ''] = iommuBackedDevices();
    using pci = bindToVfioPci(address);
    using rig = new IommufdRig(new LibcKernel());
    const { deviceId } = rig.openDevice(pci);
    const info = rig.iommufd.hwInfo(deviceId);
    assert.equal(info.type, 'intel-vtd');
    assert.equal(info.dirtyTracking, false);
  });
});

describe('an iommufd', () => {
  it('says which addresses an IOAS allows', () => {
    using rig = new IommufdRig(new LibcKernel());
    assert.deepEqual(rig.iommufd.ioasRanges(rig.ioasId), {
      ranges: [{ first: 0n, last: (1n << 64n) - 1n }],
      alignmentBytes: 1n,
    });
    rig.addMockDevice({ tracksDirtyPages: true });
    assert.deepEqual(rig.iommufd.ioasRanges(rig.ioasId), {
      ranges: [{ first: MOCK_BASE, last: (1n << 31n) - 1n }],
      alignmentBytes: BigInt(MOCK_PAGE),
    });
    assert.throws(() => rig.iommufd.ioasRanges(99), { code: 'KERNEL_ENOENT' });
  });

  it('says that the IOMMU behind a device tracks dirty pages', () => {
    using rig = new IommufdRig(new LibcKernel());
    const deviceId = rig.addMockDevice({ tracksDirtyPages: true });
    assert.deepEqual(rig.iommufd.hwInfo(deviceId), {
      // IOMMU_HW_INFO_TYPE_SELFTEST
      type: 'unknown 4276993775',
      capabilities: 1n,
      dirtyTracking: true,
    });
    assert.throws(() => rig.iommufd.hwInfo(99), { code: 'KERNEL_ENOENT' });
  });

  it('is no container unless it is used as one', () => {
    using rig = new IommufdRig(new LibcKernel());
    assert.equal(rig.iommufd.compatIoas(), undefined);
  });
});
