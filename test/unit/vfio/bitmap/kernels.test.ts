import assert from 'node:assert/strict';
import { committedSource, compileBitmapKernels, generatedSource } from '#scripts/bitmap-kernels.js';

describe('the WebAssembly of the dirty bitmap’s loops', () => {
  it('is what its source compiles to', async function () {
    this.timeout(120_000); // the compiler takes seconds, and more on a busy machine
    const compiled = generatedSource(await compileBitmapKernels());
    assert.ok(
      compiled === (await committedSource()),
      'vfio/src/bitmap/kernels.generated.ts is stale: run `npm run build:bitmap-kernels`',
    );
  });
});
