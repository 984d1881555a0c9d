import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BitmapLayout, MAX_BITMAP_BYTES, MAX_BITMAP_PAGES } from 'linux-vfio-ts';
import {
  iovas,
  layoutOf,
  pageSizeBytes,
  pagesOf,
  sectionsArbitrary,
} from '../../../support/bitmap.js';

const GiB = 2n ** 30n;

describe('the layout of a dirty bitmap', () => {
  it('turns pages into IOVAs and back', () => {
    const layout = new BitmapLayout({
      range: { first: 0x1_0000_0000n, last: 0x1_ffff_ffffn },
      pageSizeBytes: 4096,
    });
    assert.equal(layout.pages, 2 ** 20);
    assert.equal(layout.bytes, 2 ** 17);
    assert.equal(layout.iovaOf(1), 0x1_0000_1000n);
    assert.equal(layout.pageOf(0x1_0000_1fffn), 1);
    assert.deepEqual(layout.iovasOf({ firstPage: 2, pages: 3 }), {
      first: 0x1_0000_2000n,
      last: 0x1_0000_4fffn,
    });
    assert.deepEqual(layout.pagesOf({ first: 0x1_0000_2fffn, last: 0x1_0000_3000n }), {
      firstPage: 2,
      pages: 2,
    });
  });

  it('reaches to the top of the 64-bit address space', () => {
    const layout = new BitmapLayout({
      range: { first: 2n ** 64n - GiB, last: 2n ** 64n - 1n },
      pageSizeBytes: 2 ** 21,
    });
    assert.equal(layout.pages, 512);
    assert.equal(layout.pageOf(2n ** 64n - 1n), 511);
    assert.deepEqual(layout.iovasOf({ firstPage: 511, pages: 1 }).last, 2n ** 64n - 1n);
  });

  it('takes as much as the kernel gives at once, and no more', () => {
    const layout = layoutOf(MAX_BITMAP_PAGES);
    assert.equal(layout.bytes, MAX_BITMAP_BYTES);
    assert.throws(() => layoutOf(MAX_BITMAP_PAGES + 1), { code: 'BITMAP_LAYOUT' });
  });

  it('joins sections that adjoin, in whatever order they come', () => {
    const layout = layoutOf(100, [
      { firstPage: 50, pages: 10 },
      { firstPage: 0, pages: 10 },
      { firstPage: 40, pages: 10 },
    ]);
    assert.deepEqual(layout.sections, [
      { firstPage: 0, pages: 10 },
      { firstPage: 40, pages: 20 },
    ]);
    assert.equal(layout.mappedPages, 30);
  });

  it('reads nothing of a hole that is larger than a page of memory', () => {
    // 1 TiB of IOVAs with RAM in the first and the last GiB: 32 KiB of bitmap each, of 32 MiB.
    const layout = new BitmapLayout({
      range: { first: 0n, last: 1024n * GiB - 1n },
      pageSizeBytes,
      sections: [
        { first: 0n, last: GiB - 1n },
        { first: 1023n * GiB, last: 1024n * GiB - 1n },
      ],
    });
    assert.deepEqual(layout.spans, [
      { start: 0, end: 32_768 },
      { start: 2 ** 25 - 32_768, end: 2 ** 25 },
    ]);
    assert.deepEqual(layout.gaps, []);
  });

  it('has every page of its words in a section or in a gap, and in one of them only', () => {
    fc.assert(
      fc.property(sectionsArbitrary, (sections) => {
        const last = sections.at(-1);
        const layout = layoutOf((last?.firstPage ?? 0) + (last?.pages ?? 1), sections);
        const inSpans = pagesOf(
          layout.spans.map(({ start, end }) => ({
            firstPage: start * 8,
            pages: (end - start) * 8,
          })),
        );
        const accounted = [...pagesOf(layout.sections), ...pagesOf(layout.gaps)];
        assert.deepEqual(
          accounted.sort((a, b) => a - b),
          inSpans,
        );
        assert.deepEqual(pagesOf(layout.sections), pagesOf(sections));
      }),
    );
  });

  const impossible = [
    { why: 'an end before its beginning', range: { first: 8192n, last: 4095n }, page: 4096 },
    { why: 'an end within a page', range: { first: 0n, last: 4096n }, page: 4096 },
    { why: 'a beginning within a page', range: { first: 1n, last: 8191n }, page: 4096 },
    { why: 'a page size that is no power of two', range: { first: 0n, last: 11999n }, page: 3000 },
    { why: 'a page size of 0', range: { first: 0n, last: 4095n }, page: 0 },
  ];
  for (const { why, range, page } of impossible) {
    it(`refuses ${why}`, () => {
      assert.throws(() => new BitmapLayout({ range, pageSizeBytes: page }), {
        code: 'BITMAP_LAYOUT',
      });
    });
  }

  const badSections = [
    { why: 'sections that overlap', sections: [[0, 10] as const, [9, 10] as const] },
    { why: 'a section outside of the range', sections: [[95, 10] as const] },
  ];
  for (const { why, sections } of badSections) {
    it(`refuses ${why}`, () => {
      const ranges = sections.map(([firstPage, pages]) => ({ firstPage, pages }));
      assert.throws(() => layoutOf(100, ranges), { code: 'BITMAP_LAYOUT' });
    });
  }

  it('refuses a section that is not made of whole pages', () => {
    const { range } = layoutOf(100);
    const sections = [{ first: 0n, last: 4096n }];
    assert.throws(() => new BitmapLayout({ range, pageSizeBytes, sections }), {
      code: 'BITMAP_LAYOUT',
    });
  });

  it('refuses IOVAs and pages that it does not cover', () => {
    const layout = new BitmapLayout({
      range: iovas({ firstPage: 0, pages: 10 }, GiB),
      pageSizeBytes,
    });
    const outside = { code: 'BITMAP_OUT_OF_RANGE' };
    assert.throws(() => layout.pageOf(GiB - 1n), outside);
    assert.throws(() => layout.pageOf(GiB + 40_960n), outside);
    assert.throws(() => layout.iovaOf(10), outside);
    assert.throws(() => layout.iovasOf({ firstPage: 9, pages: 2 }), outside);
    assert.throws(() => layout.iovasOf({ firstPage: 3, pages: 0 }), outside);
    assert.throws(() => layout.pagesOf({ first: GiB + 4096n, last: GiB }), outside);
  });
});
