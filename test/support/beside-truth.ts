import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { BitmapArena, type BitmapLayout } from 'linux-vfio-ts';
import type { HarvestSource } from 'precopy';
import type { Dirtygen } from '#scripts/lab/dirtygen.js';

/**
 * Starts the source, harvests 40 windows of 100 ms, and stops it: what the device wrote must all be there.
 *
 * @param pages the first of the device's window, which are compared
 */
export async function assertMissesNothing(
  source: HarvestSource,
  device: Pick<Dirtygen, 'takeTruth'>,
  layout: BitmapLayout,
  pages: number,
): Promise<void> {
  using arena = new BitmapArena();
  using harvested = arena.create(layout);
  using before = arena.create(layout);
  const signal = AbortSignal.timeout(60_000);
  let [found, missed] = [0, 0];
  await source.start(signal);
  try {
    await device.takeTruth();
    for (let window = 0; window < 40; window++) {
      await sleep(100);
      // What was written between two cuts is in the harvest after the second, or in the one before:
      // that one came a moment after the first cut.
      const truth = await device.takeTruth();
      await source.harvest(harvested, signal);
      found += harvested.count();
      for (let page = 0; page < pages; page++) {
        if ((((truth[page >>> 3] ?? 0) >>> (page & 7)) & 1) === 0) continue;
        if (!harvested.has(page) && !before.has(page)) missed++;
      }
      before.copyFrom(harvested);
      harvested.clear();
    }
  } finally {
    source.stop();
  }
  assert.ok(found > 1000, `only ${found} pages were harvested`);
  assert.equal(missed, 0);
}
