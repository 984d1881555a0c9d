import assert from 'node:assert/strict';
import fc from 'fast-check';
import { comparePages, parseRamBlocks, parseRamSections, placeRange, type RamBlock } from 'precopy';

const ramblockOf72 = `              Block Name    PSize              Offset               Used              Total
                  pc.ram    4 KiB  0x0000000000000000 0x0000000008000000 0x0000000008000000
    /rom@etc/acpi/tables    4 KiB  0x0000000008080000 0x0000000000020000 0x0000000000200000
`;
const ramblockOf100 = `              Block Name    PSize              Offset               Used              Total                HVA  RO
                  pc.ram    4 KiB  0x0000000000000000 0x0000000008000000 0x0000000008000000 0x00007f1bd3e00000  rw
 0000:00:01.0/vga.vram    4 KiB  0x0000000008080000 0x0000000001000000 0x0000000001000000 0x00007f1bd2c00000  rw
                            4 KiB  0x0000000009100000 0x0000000000001000 0x0000000000001000 0x00007f1be4a01000  rw
`;
const mtree = `FlatView #0
 AS "I/O", root: io
 Root memory region: io
  0000000000000000-0000000000000007 (prio 0, i/o): dma-chan

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
  00000000000a0000-00000000000bffff (prio 1, ram): vga.vram
  00000000000c0000-00000000000c3fff (prio 0, rom): pc.ram @00000000000c0000
  00000000000c4000-0000000007ffffff (prio 0, ram): pc.ram @00000000000c4000
  00000000b0000000-00000000bfffffff (prio 0, i/o): pcie-mmcfg-mmio
  00000000fd000000-00000000fd000fff (prio 0, ramd): 0000:06:00.0 BAR 0 mmaps[0]
`;

describe('RAM blocks', () => {
  it('are read from QEMU 7.2, which prints no host addresses', () => {
    assert.deepEqual(parseRamBlocks(ramblockOf72), [
      { name: 'pc.ram', offset: 0n, usedBytes: 128 << 20, hostAddress: undefined },
      {
        name: '/rom@etc/acpi/tables',
        offset: 0x8080000n,
        usedBytes: 0x20000,
        hostAddress: undefined,
      },
    ]);
  });

  it('are read from QEMU 10.0 with host addresses, blocks without a name among them', () => {
    const blocks = parseRamBlocks(ramblockOf100);
    assert.deepEqual(
      blocks.map(({ name, hostAddress }) => [name, hostAddress]),
      [
        ['pc.ram', 0x7f1bd3e00000n],
        ['0000:00:01.0/vga.vram', 0x7f1bd2c00000n],
        ['', 0x7f1be4a01000n],
      ],
    );
  });

  it('are placed by the flat view of the address space "memory", devices\' BARs left out', () => {
    const sections = parseRamSections(mtree);
    assert.deepEqual(
      sections.map(({ gpa, bytes, region, blockOffset }) => [gpa, bytes, region, blockOffset]),
      [
        [0n, 0xa0000n, 'pc.ram', 0n],
        [0xa0000n, 0x20000n, 'vga.vram', 0n],
        [0xc0000n, 0x4000n, 'pc.ram', 0xc0000n],
        [0xc4000n, 0x7f3c000n, 'pc.ram', 0xc4000n],
      ],
    );
  });

  it('give a range its IOVAs, cut where the mapping changes', () => {
    const [block] = parseRamBlocks(ramblockOf72) as [RamBlock];
    const pieces = placeRange(block, 0x9f000, 0x23000, parseRamSections(mtree));
    assert.deepEqual(pieces, [
      { block: 'pc.ram', offset: 0x9f000, bytes: 0x1000, iova: 0x9f000n },
      { block: 'pc.ram', offset: 0xa0000, bytes: 0x20000, iova: undefined },
      { block: 'pc.ram', offset: 0xc0000, bytes: 0x2000, iova: 0xc0000n },
    ]);
  });

  it('belong to a section by the last part of their name', () => {
    const [, vram] = parseRamBlocks(ramblockOf100) as [RamBlock, RamBlock];
    assert.deepEqual(placeRange(vram, 0, 4096, parseRamSections(mtree)), [
      { block: '0000:00:01.0/vga.vram', offset: 0, bytes: 4096, iova: 0xa0000n },
    ]);
  });
});

describe('comparing pages', () => {
  it('finds exactly the pages that differ, as runs', () => {
    const pages = fc.uniqueArray(fc.nat(63), { maxLength: 20 });
    fc.assert(
      fc.property(pages, fc.nat(4095), (changed, at) => {
        const source = Buffer.alloc(64 * 4096, 7);
        const destination = Buffer.from(source);
        for (const page of changed) destination.writeUInt8(8, page * 4096 + at);
        const found = comparePages(source, destination, 4096, 1 << 20).flatMap((run) =>
          Array.from({ length: run.pages }, (_, n) => (run.offset - (1 << 20)) / 4096 + n),
        );
        assert.deepEqual(
          found,
          changed.toSorted((one, other) => one - other),
        );
      }),
    );
  });

  it('joins touching pages into one run', () => {
    const source = Buffer.alloc(4 * 4096);
    const destination = Buffer.alloc(4 * 4096);
    destination.fill(1, 4096, 3 * 4096);
    assert.deepEqual(comparePages(source, destination, 4096), [{ offset: 4096, pages: 2 }]);
  });

  it('compares a short last page', () => {
    const source = Buffer.alloc(5000);
    const destination = Buffer.alloc(5000);
    destination.writeUInt8(1, 4999);
    assert.deepEqual(comparePages(source, destination, 4096), [{ offset: 4096, pages: 1 }]);
  });

  it('refuses stretches of different length', () => {
    assert.throws(() => comparePages(Buffer.alloc(1), Buffer.alloc(2), 4096), RangeError);
  });
});
