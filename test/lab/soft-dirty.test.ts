/** Soft-dirty bits of a real guest's RAM, on a kernel that keeps them. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeMemory, Pagemap, ramWindows, SoftDirtyBits, type PagemapReader } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import { startVfioGuest } from '#scripts/lab/vfio-guest.js';

const memoryMiB = 128;
const workload = { baseAddress: 0x200_0000, pages: 8192, pagesPerSecond: 4000 };

describe('soft-dirty bits of a guest', () => {
  it('are the same through PAGEMAP_SCAN and by the entries of pagemap', async function () {
    await using at = await startVfioGuest({
      memoryMiB,
      workload,
      sharedRam: true,
    });
    const { pid } = at.guest;
    await using best = await Pagemap.open(pid);
    if (best.method === 'pagemap') {
      console.log('      skipped: this kernel has no PAGEMAP_SCAN with soft-dirty');
      this.skip();
    }
    await using client = await QmpClient.connect(at.guest.secondQmp);
    const layout = await describeMemory((line) =>
      client.execute('human-monitor-command', { 'command-line': line }),
    );
    const walk = async (
      method: PagemapReader['method'],
      category: Parameters<PagemapReader['forEach']>[0],
    ): Promise<{ pages: number; ranges: string }> => {
      await using pagemap = await Pagemap.open(pid, method);
      let pages = 0;
      const ranges: string[] = [];
      for (const window of ramWindows(layout)) {
        await pagemap.forEach(category, window.hostAddress, window.pages, (first, count) => {
          pages += count;
          ranges.push(`${window.gpa}+${first}:${count}`);
        });
      }
      return { pages, ranges: ranges.join(' ') };
    };

    await using bits = await SoftDirtyBits.open(pid);
    bits.clear();
    await sleep(1000);
    // Nothing writes while both look.
    await client.execute('stop');
    for (const category of ['soft-dirty', 'populated'] as const) {
      const byEntries = await walk('pagemap', category);
      assert.ok(byEntries.pages > 1000, `${byEntries.pages} pages are ${category}`);
      const byScan = await walk('PAGEMAP_SCAN', category);
      assert.equal(byScan.pages, byEntries.pages, category);
      assert.ok(byScan.ranges === byEntries.ranges, `${category}: not the same pages`);
    }
  });
});
