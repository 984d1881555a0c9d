import assert from 'node:assert/strict';
import { Type1Container } from 'linux-vfio-ts';
import { LyingFile } from '#vfio/model/lying-file.js';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { Type1Model } from '#vfio/model/type1-model.js';

describe('the information of a type1 container', () => {
  it('is asked for once more where its capabilities need more room, and is whole then', () => {
    const iovaRanges = Array.from({ length: 500 }, (_, index) => {
      const first = BigInt(index) << 32n;
      return [first, first + 0xffffn] as const;
    });
    const model = new Type1Model(undefined, { iovaRanges });
    model.attachIommuGroup();
    const kernel = new ModelKernel();
    const file = new LyingFile(model, () => undefined);
    const info = new Type1Container(kernel, kernel.install(file)).info();
    assert.equal(file.calls, 2);
    assert.deepEqual(
      info.iovaRanges,
      iovaRanges.map(([first, last]) => ({ first, last })),
    );
    assert.equal(info.migration?.pageSizes, 4096n);
    assert.deepEqual(info.faults, []);
  });
});
