import assert from 'node:assert/strict';
import { Iommufd } from 'linux-vfio-ts';
import { IommufdModel, modelIds, type IommufdModelOptions } from '#vfio/model/iommufd-model.js';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { unsafeReads } from '../../../support/unsafe-reads.js';

const PAGE = 4096;

function iommufdWith(options: IommufdModelOptions): { iommufd: Iommufd; model: IommufdModel } {
  const kernel = new ModelKernel();
  const model = new IommufdModel(options);
  return { iommufd: new Iommufd(kernel, kernel.install(model)), model };
}

describe('iommufd', () => {
  it('lists the ranges of an IOAS, also more than there was room for at first', () => {
    const ranges = Array.from(
      { length: 40 },
      (_, i) => [BigInt(i * 16), BigInt(i * 16 + 7)] as const,
    );
    const { iommufd } = iommufdWith({ ranges });
    const found = iommufd.ioasRanges(modelIds.ioas);
    assert.equal(found.ranges.length, 40);
    assert.deepEqual(found.ranges[39], { first: 624n, last: 631n });
    assert.equal(found.alignmentBytes, 4096n);
    assert.throws(() => iommufd.ioasRanges(99), { code: 'KERNEL_ENOENT' });
  });

  it('says whether the IOMMU behind a device tracks dirty pages', () => {
    const tracks = iommufdWith({ dirtyTracking: true }).iommufd.hwInfo(modelIds.device);
    assert.deepEqual(tracks, { type: 'intel-vtd', capabilities: 1n, dirtyTracking: true });
    assert.equal(iommufdWith({}).iommufd.hwInfo(modelIds.device).dirtyTracking, false);
  });

  it('reads dirty bits with and without clearing them', async () => {
    const { iommufd, model } = iommufdWith({ dirtyTracking: true });
    iommufd.setDirtyTracking(modelIds.hwpt, true);
    model.writes(0x3000n);
    const bitmap = new Uint8Array(8);
    const request = { iova: 0n, bytes: 64n * 4096n, pageBytes: PAGE, bitmap };
    for (const [keep, expected] of [
      [true, 8],
      [false, 8],
      [false, 0],
    ] as const) {
      await iommufd.getDirtyBitmap(modelIds.hwpt, request, keep);
      assert.equal(bitmap[0], expected);
    }
  });

  for (const { name, request } of unsafeReads) {
    it(`never lets the kernel write past a bitmap, whose length it is not told: ${name}`, async () => {
      const { iommufd } = iommufdWith({ dirtyTracking: true });
      iommufd.setDirtyTracking(modelIds.hwpt, true);
      await assert.rejects(iommufd.getDirtyBitmap(modelIds.hwpt, request), RangeError);
    });
  }

  it('passes on that an IOMMU can not track', () => {
    const { iommufd } = iommufdWith({});
    assert.throws(
      () => {
        iommufd.setDirtyTracking(modelIds.hwpt, true);
      },
      { code: 'KERNEL_EOPNOTSUPP', call: 'IOMMU_HWPT_SET_DIRTY_TRACKING' },
    );
  });
});
