import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { kernelRig } from '../../support/kernel-rig.js';
import { PAGE, pages } from '../../support/type1-rig.js';

const TEBIBYTE_PAGES = 2 ** 28;

describe('reads of a 1 TiB guest', () => {
  it('leave the event loop and the thread pool to others', async () => {
    using rig = kernelRig();
    const { dirtyPages } = rig.container;
    rig.map(0n, TEBIBYTE_PAGES);
    dirtyPages.start();
    const bitmap = new Uint8Array(TEBIBYTE_PAGES / 8);
    const request = {
      iova: 0n,
      bytes: pages(TEBIBYTE_PAGES),
      pageBytes: PAGE,
      bitmap,
      bitmapIsClear: true,
    };
    // As many as would take every thread of the pool several times over.
    let reading = 16;
    const reads = Array.from({ length: reading }, async () => {
      await dirtyPages.getBitmap(request);
      reading -= 1;
    });
    await new Promise((resolve) => setImmediate(resolve));
    const afterOneTurn = reading;
    await stat('/');
    const afterFileOperation = reading;
    await Promise.all(reads);
    assert.ok(afterOneTurn > 0, 'a turn of the event loop took as long as all the reads');
    assert.ok(afterFileOperation > 0, 'a file operation waited for all the reads');
  });
});
