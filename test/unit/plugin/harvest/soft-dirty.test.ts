import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  hugePagesOf,
  keepsSoftDirtyBits,
  parseRamSections,
  ramWindows,
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
    let [populated, dirty] = [0, 0];
    await bits.read(start, Number((end - start) / 4096n), (entries) => {
      entries.forEachSoftDirty(() => dirty++);
      for (let page = 0; page < entries.pages; page++) if (entries.isPopulated(page)) populated++;
    });
    assert.ok(populated > 0);
    assert.equal(dirty > 0, keeps);
  });
});
