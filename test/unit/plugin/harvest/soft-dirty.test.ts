import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { LibcKernel } from 'linux-vfio-ts';
import {
  hugePagesOf,
  keepsSoftDirtyBits,
  Pagemap,
  parseRamSections,
  ramWindows,
  type PagemapReader,
  SoftDirtyBits,
} from 'precopy';

describe('RAM in two address spaces', () => {
  it('is found at each guest-physical address that it has', () => {
    const sections = parseRamSections(
      [
        'FlatView #0',
        ' AS "memory", root: system',
        '  0000000000000000-000000007fffffff (prio 0, ram): ram KVM',
        '  00000000feb00000-00000000feb00fff (prio 0, i/o): io',
        '  0000000100000000-000000017fffffff (prio 0, ram): ram @0000000080000000 KVM',
      ].join('\n'),
    );
    const block = { name: 'ram', offset: 0n, usedBytes: 2 ** 32, hostAddress: 0x7f00_0000_0000n };
    assert.deepEqual(ramWindows({ blocks: new Map([['ram', block]]), sections }), [
      { hostAddress: 0x7f00_0000_0000n, gpa: 0n, pages: 2 ** 19 },
      { hostAddress: 0x7f00_8000_0000n, gpa: 0x1_0000_0000n, pages: 2 ** 19 },
    ]);
  });
});

describe('huge pages in smaps', () => {
  const smaps = (kernelPageKib: number, anonHugeKib: number): string =>
    [
      '7f0000000000-7f0000400000 rw-p 00000000 00:00 0 ',
      'Size:               4096 kB',
      `KernelPageSize:    ${kernelPageKib} kB`,
      `AnonHugePages:      ${anonHugeKib} kB`,
      'VmFlags: rd wr mr mw me ac sd',
      '7f0010000000-7f0010200000 rw-p 00000000 00:00 0 ',
      'Size:               2048 kB',
      'KernelPageSize:        4 kB',
      'AnonHugePages:      2048 kB',
      '',
    ].join('\n');
  const windows = [{ hostAddress: 0x7f00_0010_0000n, gpa: 0n, pages: 256 }];

  for (const [what, text, expected] of [
    ['none', smaps(4, 0), { hugetlbBytes: 0, transparentBytes: 0 }],
    ['transparent ones', smaps(4, 2048), { hugetlbBytes: 0, transparentBytes: 2 ** 21 }],
    ['hugetlbfs', smaps(2048, 0), { hugetlbBytes: 2 ** 22, transparentBytes: 0 }],
  ] as const) {
    it(`counts those of guest RAM alone: ${what}`, () => {
      assert.deepEqual(hugePagesOf(text, windows), expected);
    });
  }
});

describe('pagemap', () => {
  it('says of our own stack what is populated, and soft-dirty only where the kernel keeps that', async () => {
    const keeps = await keepsSoftDirtyBits();
    await using bits = await SoftDirtyBits.open(process.pid);
    const maps = readFileSync('/proc/self/maps', 'utf8');
    const stack = /^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$/m.exec(maps);
    const [start, end] = [BigInt(`0x${stack?.[1] ?? ''}`), BigInt(`0x${stack?.[2] ?? ''}`)];
    const pages = Number((end - start) / 4096n);
    let [populated, dirty] = [0, 0];
    await bits.pagemap.forEach('populated', start, pages, (_, count) => (populated += count));
    await bits.pagemap.forEach('soft-dirty', start, pages, (_, count) => (dirty += count));
    assert.ok(populated > 0);
    assert.equal(dirty > 0, keeps);
  });

  it('says the same through PAGEMAP_SCAN and by its entries, where the kernel has both', async function () {
    await using best = await Pagemap.open(process.pid);
    if (best.method === 'pagemap') {
      console.log('      skipped: this kernel has no PAGEMAP_SCAN with soft-dirty');
      this.skip();
    }
    // A mapping of its own with holes in it, as other memory changes while it is looked at: more stretches
    // than one call returns, the last one at the very end.
    const pages = 40_000;
    using mapping = new LibcKernel().mmap({ bytes: pages * 4096, writable: true });
    const expected: [number, number][] = [[0, 2]];
    for (let page = 4; page < pages; page += 3) expected.push([page, 1]);
    for (const [first, count] of expected) {
      for (let page = first; page < first + count; page++) mapping.memory[page * 4096] = 1;
    }
    // koffi's types say bigint, but it gives a number where that is exact.
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-conversion
    const address = BigInt(koffi.address(mapping.memory));
    const walk = async (method: PagemapReader['method']): Promise<string> => {
      await using pagemap = await Pagemap.open(process.pid, method);
      const found: number[][] = [];
      await pagemap.forEach('populated', address, pages, (...range) => found.push(range));
      return found.join(' ');
    };
    for (const method of ['pagemap', 'PAGEMAP_SCAN'] as const) {
      assert.ok((await walk(method)) === expected.join(' '), method);
    }
  });
});
