import assert from 'node:assert/strict';
import { BitmapArena, BitmapLayout } from 'linux-vfio-ts';
import { Attribution, type HarvestSource } from 'precopy';

const layout = new BitmapLayout({
  range: { first: 0n, last: 64n * 4096n - 1n },
  pageSizeBytes: 4096,
});

const source = (name: string, kind: HarvestSource['kind']): HarvestSource => ({
  name,
  kind,
  start: () => Promise.resolve(),
  harvest: () => Promise.reject(new Error('not used')),
  stop: () => undefined,
  caveats: () => [],
});

describe('whose a page is', () => {
  it('is the device that wrote it in this round or the one before, and else the CPUs', async () => {
    using arena = new BitmapArena({ capacityBytes: 2 ** 22 });
    const [cpu, device, before] = [layout, layout, layout].map((each) => arena.create(each));
    assert.ok(cpu && device && before);
    const attribution = new Attribution([source('cpu', 'cpu'), source('device', 'device')], before);
    const round = async (cpuPages: number[], devicePages: number[]): Promise<number[]> => {
      cpu.clear();
      device.clear();
      for (const page of cpuPages) cpu.add({ firstPage: page, pages: 1 });
      for (const page of devicePages) device.add({ firstPage: page, pages: 1 });
      await attribution.apply(
        new Map([
          ['cpu', cpu],
          ['device', device],
        ]),
      );
      assert.equal(device.count(), devicePages.length);
      return [...cpu.runs()].flatMap(({ firstPage, pages }) =>
        Array.from({ length: pages }, (_, i) => firstPage + i),
      );
    };
    assert.deepEqual(await round([1, 5, 9], [5, 6]), [1, 9]);
    assert.deepEqual(await round([1, 6, 9], [9]), [1]);
    assert.deepEqual(await round([1, 6, 9], []), [1, 6]);
    assert.deepEqual(await round([1, 6, 9], []), [1, 6, 9]);
  });
});
