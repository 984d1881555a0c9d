import { setTimeout as sleep } from 'node:timers/promises';
import type { BitmapArena, BitmapLayout } from 'linux-vfio-ts';
import type { HarvestSource } from 'precopy';
import type { Dirtygen } from '#scripts/lab/dirtygen.js';

/**
 * Starts the source, harvests 40 windows of 100 ms, and stops it.
 *
 * @param pages the first of the device's window, which are compared
 * @returns pages that were harvested, and pages that the device wrote and no harvest had
 */
export async function harvestBesideTruth(
  source: HarvestSource,
  device: Pick<Dirtygen, 'takeTruth'>,
  arena: BitmapArena,
  layout: BitmapLayout,
  pages: number,
): Promise<{ found: number; missed: number }> {
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
  return { found, missed };
}
