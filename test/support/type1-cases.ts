/**
 * What type1's dirty page tracking does, as a table of cases. It runs on the model (unit tier) and on real
 * kernels (lab tier): the model is right as long as both pass.
 */
import assert from 'node:assert/strict';
import { bitmapBytesFor, vfio, VfioFlag, VfioIoctl, type Type1ErrorCode } from 'linux-vfio-ts';
import { PAGE, pages, type RigScope, type Type1Rig } from './type1-rig.js';

export interface Type1Case {
  /** Completes "a type1 container ...". */
  readonly name: string;
  /** With which device it makes sense. */
  readonly scope: RigScope | 'any';
  run(rig: Type1Rig): Promise<void>;
}

/** Where the cases map memory; on a 64-page boundary. */
const BASE = 0x100000n;

/** What a container allows that has had an IOMMU and has none any more. */
const everyIova = [{ first: 0n, last: (1n << 64n) - 1n }];

/** Reads a range, and lists the numbers of its dirty pages as the kernel wrote them. */
async function read(rig: Type1Rig, iova: bigint, pageCount: number): Promise<number[]> {
  const bitmap = new Uint8Array(bitmapBytesFor(pages(pageCount), PAGE));
  const request = { iova, bytes: pages(pageCount), pageBytes: PAGE, bitmap };
  await rig.container.dirtyPages.getBitmap(request);
  return bitsOf(bitmap);
}

function bitsOf(bitmap: Uint8Array): number[] {
  return [...bitmap].flatMap((byte, index) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => index * 8 + bit),
  );
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

interface RefusedCase {
  readonly name: string;
  readonly code: Type1ErrorCode;
  readonly iova?: bigint;
  readonly bytes?: bigint;
  readonly pageBytes?: number;
  readonly bitmapBytes?: number;
  readonly tracking?: boolean;
}

/** Each refusal of GET_BITMAP on a container with 128 pages mapped at BASE. */
const refusedReads: readonly RefusedCase[] = [
  { name: 'while tracking is off', tracking: false, code: 'VFIO_EINVAL_NOT_TRACKING' },
  {
    name: 'with a larger page size',
    pageBytes: 2 ** 21,
    bytes: 1n << 22n,
    code: 'VFIO_EINVAL_PGSIZE',
  },
  { name: 'with a smaller page size', pageBytes: 2048, code: 'VFIO_EINVAL_PGSIZE' },
  { name: 'of an empty range', bytes: 0n, bitmapBytes: 8, code: 'VFIO_EINVAL_EMPTY' },
  { name: 'from an unaligned start', iova: BASE + 512n, code: 'VFIO_EINVAL_UNALIGNED' },
  { name: 'of an unaligned size', bytes: pages(127) + 512n, code: 'VFIO_EINVAL_UNALIGNED' },
  { name: 'into too short a bitmap', bitmapBytes: 8, code: 'VFIO_EINVAL_BITMAP_TOO_SHORT' },
  {
    name: 'that needs a bitmap of more than 256 MiB',
    iova: 0n,
    bytes: 1n << 44n,
    code: 'VFIO_EINVAL_RANGE_TOO_LARGE',
    // What would be needed is not allocated for this: the kernel looks at the stated size only.
    bitmapBytes: 8,
  },
  { name: 'that begins inside a mapping', iova: BASE + pages(1), code: 'VFIO_EINVAL_BISECTED' },
  { name: 'that ends inside a mapping', bytes: pages(127), code: 'VFIO_EINVAL_BISECTED' },
  {
    name: 'past the end of the address space',
    iova: (1n << 64n) - pages(1),
    bytes: pages(2),
    code: 'VFIO_EINVAL_WRAP',
  },
];

const { START, STOP, GET_BITMAP } = {
  START: VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
  STOP: VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
  GET_BITMAP: VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
};

/** What no caller of DirtyPages can ask. */
const malformedCalls: readonly { name: string; flags: number; argsz?: number }[] = [
  { name: 'without an operation', flags: 0 },
  { name: 'for an operation that does not exist', flags: 1 << 3 },
  { name: 'for two operations at a time', flags: START | STOP },
  { name: 'for a read that also stops', flags: GET_BITMAP | STOP },
  { name: 'that is shorter than its header', flags: STOP, argsz: vfio.dirtyBitmap.size - 1 },
  {
    name: 'that has no room for the range of a read',
    flags: GET_BITMAP,
    argsz: vfio.dirtyBitmap.size + vfio.dirtyBitmapGet.size - 1,
  },
];

const type1Cases: readonly Type1Case[] = [
  {
    name: 'says version 0, type1 v2, and a migration capability with 4 KiB pages and 256 MiB bitmaps',
    scope: 'pinned',
    run(rig) {
      const { container } = rig;
      assert.equal(container.apiVersion(), 0);
      assert.equal(container.checkExtension(3), 1);
      const info = container.info();
      assert.deepEqual(info.migration, {
        version: 1,
        flags: 0,
        pageSizes: 4096n,
        largestBitmapBytes: 1n << 28n,
      });
      assert.equal(info.iovaPageSizes, 0xfffffffffffff000n);
      assert.equal(info.iovaRanges, undefined);
      assert.deepEqual(info.faults, []);
      return Promise.resolve();
    },
  },
  {
    name: 'counts down the mappings that are available',
    scope: 'any',
    run(rig) {
      const before = rig.container.info().dmaAvailable;
      rig.map(BASE, 16);
      assert.equal(rig.container.info().dmaAvailable, (before ?? 0) - 1);
      return Promise.resolve();
    },
  },
  {
    name: 'says whether tracking is on, without touching any bit',
    scope: 'pinned',
    async run(rig) {
      const { dirtyPages } = rig.container;
      rig.map(BASE, 64);
      assert.equal(dirtyPages.tracking(), false);
      dirtyPages.start();
      await rig.deviceWrites(BASE, 3);
      assert.equal(dirtyPages.tracking(), true);
      assert.deepEqual(await read(rig, BASE, 64), [0, 1, 2]);
      dirtyPages.stop();
      assert.equal(dirtyPages.tracking(), false);
    },
  },
  {
    name: 'says so without touching a bit of the very page that it asks for',
    scope: 'pinned',
    async run(rig) {
      const { dirtyPages } = rig.container;
      const top = (1n << 64n) - pages(2);
      rig.map(top, 1);
      assert.equal(dirtyPages.tracking(), false);
      dirtyPages.start();
      await rig.deviceWrites(top, 1);
      assert.equal(dirtyPages.tracking(), true);
      assert.deepEqual(await read(rig, top, 1), [0]);
    },
  },
  {
    name: 'returns exactly the pages that were written, once',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 256);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE + pages(7), 1);
      await rig.deviceWrites(BASE + pages(63), 2);
      await rig.deviceWrites(BASE + pages(255), 1);
      assert.deepEqual(await read(rig, BASE, 256), [7, 63, 64, 255]);
      assert.deepEqual(await read(rig, BASE, 256), []);
    },
  },
  {
    name: 'knows nothing of what was written before START',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      await rig.deviceWrites(BASE, 10);
      rig.container.dirtyPages.start();
      assert.deepEqual(await read(rig, BASE, 64), []);
    },
  },
  {
    name: 'keeps its bits through a second START',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE + pages(5), 2);
      rig.container.dirtyPages.start();
      assert.deepEqual(await read(rig, BASE, 64), [5, 6]);
    },
  },
  {
    name: 'drops its bits on STOP, and takes a STOP while tracking is off',
    scope: 'pinned',
    async run(rig) {
      const { dirtyPages } = rig.container;
      rig.map(BASE, 64);
      dirtyPages.stop();
      dirtyPages.start();
      await rig.deviceWrites(BASE, 4);
      dirtyPages.stop();
      dirtyPages.stop();
      dirtyPages.start();
      assert.deepEqual(await read(rig, BASE, 64), []);
    },
  },
  {
    name: 'returns pinned pages every time, and unpinned ones once more',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      await rig.devicePins(BASE + pages(10), 3);
      assert.deepEqual(await read(rig, BASE, 64), [10, 11, 12]);
      assert.deepEqual(await read(rig, BASE, 64), [10, 11, 12]);
      await rig.deviceUnpinsAll();
      assert.deepEqual(await read(rig, BASE, 64), [10, 11, 12]);
      assert.deepEqual(await read(rig, BASE, 64), []);
    },
  },
  {
    name: 'counts pages that were pinned before START as dirty',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      await rig.devicePins(BASE + pages(1), 2);
      rig.container.dirtyPages.start();
      assert.deepEqual(await read(rig, BASE, 64), [1, 2]);
    },
  },
  {
    name: 'tracks a mapping that was made after START',
    scope: 'pinned',
    async run(rig) {
      rig.container.dirtyPages.start();
      rig.map(BASE, 64);
      await rig.deviceWrites(BASE + pages(2), 1);
      assert.deepEqual(await read(rig, BASE, 64), [2]);
    },
  },
  {
    name: 'returns nothing for a range of holes',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE, 64);
      assert.deepEqual(await read(rig, BASE + pages(64), 1000), []);
      assert.deepEqual(await read(rig, BASE, 64), range(0, 64));
    },
  },
  {
    name: 'puts several mappings and holes into one bitmap',
    scope: 'pinned',
    async run(rig) {
      rig.map(0n, 128);
      rig.map(pages(192), 64);
      rig.map(pages(1024), 64);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(0n, 1);
      await rig.deviceWrites(pages(200), 2);
      await rig.deviceWrites(pages(1087), 1);
      assert.deepEqual(await read(rig, 0n, 4096), [0, 200, 201, 1087]);
      assert.deepEqual(await read(rig, 0n, 4096), []);
    },
  },
  {
    name: 'reads adjacent mappings together and apart',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.map(BASE + pages(64), 64);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE + pages(62), 4);
      assert.deepEqual(await read(rig, BASE + pages(64), 64), [0, 1]);
      assert.deepEqual(await read(rig, BASE, 128), [62, 63]);
    },
  },
  {
    name: 'reads many exact ranges, and those before one that fails stay read',
    scope: 'pinned',
    async run(rig) {
      const spans = [BASE, BASE + pages(100), BASE + pages(300)];
      for (const iova of spans) rig.map(iova, 64);
      rig.container.dirtyPages.start();
      for (const iova of spans) await rig.deviceWrites(iova + pages(1), 1);
      const requests = spans.map((iova, index) => ({
        // The last one begins inside its mapping.
        iova: index === 2 ? iova + pages(1) : iova,
        bytes: pages(index === 2 ? 63 : 64),
        pageBytes: PAGE,
        bitmap: new Uint8Array(8),
      }));
      const reading = rig.container.dirtyPages.getBitmaps(requests);
      await assert.rejects(reading, { code: 'VFIO_EINVAL_BISECTED' });
      assert.deepEqual(
        requests.map(({ bitmap }) => bitsOf(bitmap)),
        [[1], [1], []],
      );
      assert.deepEqual(await read(rig, BASE, 1024), [301]);
    },
  },
  {
    name: 'joins mappings that do not begin on a word of the bitmap',
    scope: 'pinned',
    async run(rig) {
      rig.map(pages(3), 10);
      rig.map(pages(13), 70);
      rig.map(pages(100), 30);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(pages(3), 80);
      await rig.deviceWrites(pages(129), 1);
      assert.deepEqual(await read(rig, 0n, 192), [...range(3, 80), 129]);
    },
  },
  {
    name: 'returns ghost bits past the end of a mapping that does not begin on a word',
    scope: 'pinned',
    async run(rig) {
      rig.map(pages(3), 10);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(pages(3), 10);
      assert.deepEqual(await read(rig, 0n, 64), range(3, 10));
      // update_user_bitmap shifted its bits by 3; the last 3 lie past what bitmap_clear clears.
      assert.deepEqual(await read(rig, 0n, 64), range(13, 3));
      assert.deepEqual(await read(rig, 0n, 64), range(16, 3));
    },
  },
  {
    name: 'unmaps with the dirty bits of what it unmapped',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.map(BASE + pages(64), 64);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE + pages(60), 10);
      const bitmap = new Uint8Array(16);
      const span = { iova: BASE, bytes: pages(128) };
      const unmapped = rig.container.dirtyPages.unmap(span, { pageBytes: PAGE, bitmap });
      assert.equal(unmapped, pages(128));
      assert.deepEqual(bitsOf(bitmap), range(60, 10));
    },
  },
  {
    name: 'returns the bits of pages that had to be unpinned for an unmap',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      await rig.devicePins(BASE + pages(9), 2);
      const bitmap = new Uint8Array(8);
      rig.container.dirtyPages.unmap({ iova: BASE, bytes: pages(64) }, { pageBytes: PAGE, bitmap });
      assert.deepEqual(bitsOf(bitmap), [9, 10]);
    },
  },
  {
    name: 'loses the bits in a plain unmap',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE, 64);
      assert.equal(rig.container.dirtyPages.unmap({ iova: BASE, bytes: pages(64) }), pages(64));
      rig.map(BASE, 64);
      assert.deepEqual(await read(rig, BASE, 64), []);
    },
  },
  {
    name: 'unmaps nothing where there is no mapping',
    scope: 'any',
    run(rig) {
      assert.equal(rig.container.dirtyPages.unmap({ iova: BASE, bytes: pages(64) }), 0n);
      return Promise.resolve();
    },
  },
  ...refusedReads.map(({ name, code, ...request }): Type1Case => ({
    name: `refuses a read ${name} as ${code}`,
    scope: 'any',
    async run(rig) {
      rig.map(BASE, 128);
      if (request.tracking ?? true) rig.container.dirtyPages.start();
      const { iova = BASE, bytes = pages(128), pageBytes = PAGE } = request;
      const bitmap = new Uint8Array(request.bitmapBytes ?? bitmapBytesFor(bytes, pageBytes));
      await assert.rejects(rig.container.dirtyPages.getBitmap({ iova, bytes, pageBytes, bitmap }), {
        name: 'Type1Error',
        code,
      });
    },
  })),
  ...malformedCalls.map(({ name, flags, argsz }): Type1Case => ({
    name: `refuses a DIRTY_PAGES ${name} with EINVAL, and goes on tracking`,
    scope: 'any',
    run(rig) {
      rig.container.dirtyPages.start();
      const argument = vfio.dirtyBitmap.create({ flags }, vfio.dirtyBitmapGet.size);
      vfio.dirtyBitmap.write(argument, { argsz: argsz ?? argument.byteLength });
      const request = VfioIoctl.VFIO_IOMMU_DIRTY_PAGES;
      assert.throws(() => rig.ioctl({ name: 'VFIO_IOMMU_DIRTY_PAGES', request, argument }), {
        code: 'KERNEL_EINVAL',
      });
      assert.equal(rig.container.dirtyPages.tracking(), true);
      return Promise.resolve();
    },
  })),
  {
    name: 'refuses to track a mapping of 2^31 pages as VFIO_EINVAL_MAPPING_TOO_LARGE',
    scope: 'pinned',
    run(rig) {
      rig.map(0n, 2 ** 31);
      assert.throws(
        () => {
          rig.container.dirtyPages.start();
        },
        { code: 'VFIO_EINVAL_MAPPING_TOO_LARGE' },
      );
      assert.equal(rig.container.dirtyPages.tracking(), false);
      return Promise.resolve();
    },
  },
  {
    name: 'is all dirty while an IOMMU-backed device is in it, and once more after that left',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 512);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE, 3);
      assert.deepEqual(await read(rig, BASE, 512), range(0, 3));
      rig.iommuGroupJoins();
      const limited = rig.container.info().iovaRanges;
      assert.ok(limited !== undefined && limited.length > 0);
      assert.notDeepEqual(limited, everyIova);
      assert.deepEqual(await read(rig, BASE, 512), range(0, 512));
      assert.deepEqual(await read(rig, BASE, 512), range(0, 512));
      rig.iommuGroupLeaves();
      const { iovaRanges, iovaPageSizes } = rig.container.info();
      assert.deepEqual([iovaRanges, iovaPageSizes], [everyIova, 0xfffffffffffff000n]);
      assert.deepEqual(await read(rig, BASE, 512), range(0, 512));
      assert.deepEqual(await read(rig, BASE, 512), []);
      await rig.deviceWrites(BASE + pages(5), 3);
      assert.deepEqual(await read(rig, BASE, 512), range(5, 3));
    },
  },
  {
    name: 'keeps tracking through a device that joins and leaves without a read in between',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      rig.iommuGroupJoins();
      rig.iommuGroupLeaves();
      assert.equal(rig.container.dirtyPages.tracking(), true);
      assert.deepEqual(await read(rig, BASE, 64), range(0, 64));
      assert.deepEqual(await read(rig, BASE, 64), []);
    },
  },
  {
    name: 'reads the last page of the address space if its kernel can (6.19)',
    scope: 'any',
    async run(rig) {
      rig.container.dirtyPages.start();
      const last = { iova: (1n << 64n) - pages(1), bytes: pages(1) };
      const reading = rig.container.dirtyPages.getBitmap({
        ...last,
        pageBytes: PAGE,
        bitmap: new Uint8Array(8),
      });
      if (rig.topOfAddressSpace) await reading;
      else await assert.rejects(reading, { code: 'VFIO_EINVAL_WRAP' });
    },
  },
  {
    name: 'takes an unmap that ends with the address space',
    scope: 'any',
    run(rig) {
      const last = { iova: (1n << 64n) - pages(64), bytes: pages(64) };
      assert.equal(rig.container.dirtyPages.unmap(last), 0n);
      return Promise.resolve();
    },
  },
  {
    name: 'refuses an unmap that bisects a mapping, and ends with the address space, as BISECTED',
    scope: 'pinned',
    run(rig) {
      const top = 1n << 64n;
      rig.map(top - pages(64), 32);
      const span = { iova: top - pages(40), bytes: pages(40) };
      assert.throws(() => rig.container.dirtyPages.unmap(span), { code: 'VFIO_EINVAL_BISECTED' });
      return Promise.resolve();
    },
  },
  {
    name: 'refuses such a read for the first reason that its kernel has',
    scope: 'pinned',
    async run(rig) {
      const top = 1n << 64n;
      rig.map(top - pages(64), 32);
      rig.container.dirtyPages.start();
      const reading = rig.container.dirtyPages.getBitmap({
        iova: top - pages(40),
        bytes: pages(40),
        pageBytes: PAGE,
        bitmap: new Uint8Array(8),
      });
      const code = rig.topOfAddressSpace ? 'VFIO_EINVAL_BISECTED' : 'VFIO_EINVAL_WRAP';
      await assert.rejects(reading, { code });
    },
  },
  {
    name: 'refuses an unmap past the end of the address space as VFIO_EINVAL_WRAP',
    scope: 'any',
    run(rig) {
      const span = { iova: (1n << 64n) - pages(1), bytes: pages(2) };
      assert.throws(() => rig.container.dirtyPages.unmap(span), { code: 'VFIO_EINVAL_WRAP' });
      return Promise.resolve();
    },
  },
  {
    name: 'refuses an unmap that bisects a mapping as VFIO_EINVAL_BISECTED, and keeps the mapping',
    scope: 'pinned',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      await rig.deviceWrites(BASE, 1);
      const span = { iova: BASE, bytes: pages(32) };
      assert.throws(() => rig.container.dirtyPages.unmap(span), { code: 'VFIO_EINVAL_BISECTED' });
      assert.deepEqual(await read(rig, BASE, 64), [0]);
    },
  },
  {
    name: 'refuses an unmap with dirty bits while tracking is off as VFIO_EINVAL_NOT_TRACKING',
    scope: 'any',
    run(rig) {
      rig.map(BASE, 64);
      const dirty = { pageBytes: PAGE, bitmap: new Uint8Array(8) };
      assert.throws(() => rig.container.dirtyPages.unmap({ iova: BASE, bytes: pages(64) }, dirty), {
        code: 'VFIO_EINVAL_NOT_TRACKING',
      });
      return Promise.resolve();
    },
  },
  {
    name: 'says which IOVAs it takes, and that 4 KiB are a page of its IOMMU',
    scope: 'all',
    run(rig) {
      const info = rig.container.info();
      assert.equal(info.migration?.pageSizes, 4096n);
      assert.equal((info.iovaPageSizes ?? 0n) & 4096n, 4096n);
      assert.ok(info.iovaRanges !== undefined && info.iovaRanges.length > 0);
      for (const { first, last } of info.iovaRanges) assert.ok(first < last);
      assert.deepEqual(info.faults, []);
      return Promise.resolve();
    },
  },
  {
    name: 'returns every mapped page, every time',
    scope: 'all',
    async run(rig) {
      rig.map(BASE, 128);
      rig.container.dirtyPages.start();
      assert.deepEqual(await read(rig, BASE, 128), range(0, 128));
      assert.deepEqual(await read(rig, BASE, 128), range(0, 128));
    },
  },
  {
    name: 'returns nothing between its mappings',
    scope: 'all',
    async run(rig) {
      rig.map(0n, 64);
      rig.map(pages(192), 64);
      rig.container.dirtyPages.start();
      assert.deepEqual(await read(rig, 0n, 512), [...range(0, 64), ...range(192, 64)]);
      assert.deepEqual(await read(rig, pages(64), 128), []);
    },
  },
  {
    name: 'joins mappings that do not begin on a word of the bitmap',
    scope: 'all',
    async run(rig) {
      rig.map(pages(3), 10);
      rig.map(pages(13), 70);
      rig.map(pages(100), 30);
      rig.container.dirtyPages.start();
      assert.deepEqual(await read(rig, 0n, 192), [...range(3, 80), ...range(100, 30)]);
    },
  },
  {
    name: 'returns ghost bits beside its own in later reads',
    scope: 'all',
    async run(rig) {
      rig.map(pages(3), 10);
      rig.container.dirtyPages.start();
      assert.deepEqual(await read(rig, 0n, 64), range(3, 10));
      assert.deepEqual(await read(rig, 0n, 64), [...range(3, 10), ...range(13, 3)]);
      assert.deepEqual(await read(rig, 0n, 64), [...range(3, 10), ...range(13, 6)]);
    },
  },
  {
    name: 'unmaps with every page of what it unmapped',
    scope: 'all',
    run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      const bitmap = new Uint8Array(8);
      const span = { iova: BASE, bytes: pages(64) };
      const unmapped = rig.container.dirtyPages.unmap(span, { pageBytes: PAGE, bitmap });
      assert.equal(unmapped, pages(64));
      assert.deepEqual(bitsOf(bitmap), range(0, 64));
      return Promise.resolve();
    },
  },
  {
    name: 'keeps its mapping when an unmap would bisect it',
    scope: 'all',
    async run(rig) {
      rig.map(BASE, 64);
      rig.container.dirtyPages.start();
      const span = { iova: BASE + pages(1), bytes: pages(63) };
      assert.throws(() => rig.container.dirtyPages.unmap(span), { code: 'VFIO_EINVAL_BISECTED' });
      assert.deepEqual(await read(rig, BASE, 64), range(0, 64));
    },
  },
  {
    name: 'says whether tracking is on',
    scope: 'all',
    run(rig) {
      const { dirtyPages } = rig.container;
      assert.equal(dirtyPages.tracking(), false);
      dirtyPages.start();
      assert.equal(dirtyPages.tracking(), true);
      dirtyPages.stop();
      assert.equal(dirtyPages.tracking(), false);
      return Promise.resolve();
    },
  },
];

/** The cases for a device of that scope. */
export function casesFor(scope: RigScope): Type1Case[] {
  return type1Cases.filter((candidate) => candidate.scope === scope || candidate.scope === 'any');
}
