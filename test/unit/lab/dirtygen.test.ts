import assert from 'node:assert/strict';
import { DirtygenError, parseStatus } from '#scripts/lab/dirtygen.js';
import { readStamp, stampFill, STAMP_BYTES } from '#scripts/lab/stamp.js';
import { workloadImage, workloadProgress, workloadRate } from '#scripts/lab/workload.js';

/** A page as the module writes it. */
function stampedPage(address: bigint, sequence: bigint, bytes = 4096): Buffer {
  const page = Buffer.alloc(4096, 0xee);
  const fill = stampFill(address, sequence, bytes);
  page.write('dirtygen', 'latin1');
  page.writeBigUInt64LE(address, 8);
  page.writeBigUInt64LE(sequence, 16);
  page.writeUInt32LE(bytes, 24);
  page.writeUInt32LE(fill, 28);
  for (let at = STAMP_BYTES; at < bytes; at += 4) page.writeUInt32LE((fill + at / 4) >>> 0, at);
  return page;
}

describe('stamps', () => {
  it('are read back, whole page or part of it', () => {
    for (const bytes of [STAMP_BYTES, 64, 4096]) {
      assert.deepEqual(readStamp(stampedPage(0x1_2345_6000n, 0x1_0000_0007n, bytes)), {
        writer: 'dirtygen',
        address: 0x1_2345_6000n,
        sequence: 0x1_0000_0007n,
        bytes,
        intact: true,
      });
    }
  });

  it('show a page of which a part is from another write', () => {
    const page = stampedPage(0x10000n, 8n);
    stampedPage(0x10000n, 7n).copy(page, 2048, 2048);
    assert.equal(readStamp(page)?.intact, false);
  });

  it('show a damaged header', () => {
    for (const offset of [8, 16, 24, 28]) {
      const page = stampedPage(0x10000n, 8n);
      page[offset] = (page[offset] ?? 0) ^ 1;
      assert.equal(readStamp(page)?.intact, false, `byte ${offset}`);
    }
  });

  it('are absent from a page that nobody stamped', () => {
    assert.equal(readStamp(new Uint8Array(4096)), undefined);
  });
});

describe('the status of dirtygen', () => {
  const text = `state pre-copy-p2p
open 1
may_write 0
running 1
logging 0
written 18446744073709551615
sequence 7
rate_reached 1998
pinned 2
errors 1
last_error 22
last_error_iova 0xfffff000
truth_pages 3
window_iova 0x0
window_pages 1048576
migration_flags 0x7
method pin
hold 1
pattern zipf
range_iova 16777216
range_pages 1024
rate 2000
hot_pages 64
hot_permille 900
burst_on_ms 0
burst_off_ms 0
stamp_bytes 4096
random 2685821657736338717
precopy_bytes 4096
precopy_rate 0
stop_copy_bytes 0
reported_bytes 0
fault any>stop-copy errno=5 delay_ms=0 count=1 broken=0 hits=1
fault any>save errno=0 delay_ms=10 count=0 broken=0 hits=12
`;

  it('is read with its types, 64-bit values exactly', () => {
    const status = parseStatus(text);
    assert.equal(status.state, 'pre-copy-p2p');
    assert.equal(status.mayWrite, false);
    assert.equal(status.written, 2n ** 64n - 1n);
    assert.equal(status.lastErrorIova, 0xfffff000n);
    assert.equal(status.migrationFlags, 7);
    assert.equal(status.settings.hold, true);
    assert.equal(status.settings.pattern, 'zipf');
    assert.equal(status.settings.random, 2685821657736338717n);
    assert.deepEqual(status.faultHits, [1, 12]);
  });

  it('of a module that does not fit is an error that names the line', () => {
    const other = text.replace('pattern zipf', 'pattern spiral');
    assert.throws(
      () => parseStatus(other),
      (error) =>
        error instanceof DirtygenError &&
        error.code === 'DIRTYGEN_STATUS' &&
        error.message.includes('pattern spiral'),
    );
    assert.throws(() => parseStatus(text.replace(/^pinned.*\n/m, '')), /pinned/);
  });
});

describe('the guest workload', () => {
  const sector = new Uint8Array(512);
  sector.set(Buffer.from('workload'), 8);
  sector.set([0x55, 0xaa], 510);
  const parameters = { baseAddress: 0x400_0000, pages: 1000, pagesPerSecond: 5000 };

  it('gets its parameters where the boot sector looks for them', () => {
    const image = Buffer.from(
      workloadImage(
        {
          ...parameters,
          pattern: { kind: 'hot', pages: 10, permille: 750 },
          burst: { onMs: 100, offMs: 900 },
          stateAddress: 0x9000,
        },
        sector,
      ),
    );
    assert.equal(image.readUInt32LE(16), 0x400_0000);
    assert.equal(image.readUInt32LE(20), 1000);
    assert.equal(image.readUInt32LE(24), 5000);
    assert.equal(image.readUInt32LE(32), 10);
    assert.equal(image.readUInt32LE(36), 0xc000_0000);
    assert.equal(image.readUInt32LE(40), 357_955);
    assert.equal(image.readUInt32LE(44), 3_579_545);
    assert.equal(image.readUInt32LE(52), 0x9000);
    assert.equal(image.readUInt16BE(510), 0x55aa);
  });

  for (const [what, wrong] of Object.entries({
    'a base in the firmware’s area': { baseAddress: 0x8000 },
    'a base that is not page-aligned': { baseAddress: 0x10_0800 },
    'an empty working set': { pages: 0 },
    'a working set beyond 3 GiB': { baseAddress: 0xbff0_0000, pages: 257 },
    'a fractional rate': { pagesPerSecond: 0.5 },
    'a hot set as large as the working set': {
      pattern: { kind: 'hot' as const, pages: 1000, permille: 900 },
    },
    'an empty burst': { burst: { onMs: 0, offMs: 10 } },
    'a state page outside conventional memory': { stateAddress: 0xa0000 },
  })) {
    it(`refuses ${what}`, () => {
      assert.throws(() => workloadImage({ ...parameters, ...wrong }, sector), RangeError);
    });
  }

  it('refuses another boot sector', () => {
    assert.throws(() => workloadImage(parameters, new Uint8Array(512)), /not the boot sector/);
  });

  it('tells its progress and its rate in guest time', () => {
    const page = Buffer.alloc(4096);
    assert.equal(workloadProgress(page), undefined);
    page.write('progress', 'latin1');
    page.writeBigUInt64LE(5000n, 8);
    page.writeBigUInt64LE(3_579_545n, 16);
    const later = workloadProgress(page);
    assert.ok(later);
    assert.equal(workloadRate({ writes: 0n, ticks: 0n }, later), 5000);
    assert.equal(workloadRate(later, later), 0);
  });
});
