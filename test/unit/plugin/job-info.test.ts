import assert from 'node:assert/strict';
import { parseJobInfo } from 'precopy';

describe("libvirt's statistics of a migration", () => {
  it("are read in QEMU's terms", () => {
    const text =
      'Job type: 3\n\noperation: 6\ndowntime: 34\nmemory_total: 67502080\nmemory_processed: 532918\nmemory_remaining: 0\nmemory_bps: 1000000\nmemory_constant: 16343\nmemory_normal: 94\nmemory_iteration: 4\nmemory_dirty_rate: 7\nmemory_page_size: 4096\n';
    const { downtime, ram } = parseJobInfo(text);
    assert.equal(downtime, 34);
    assert.equal(ram?.mbps, 8);
    assert.equal(ram['dirty-sync-count'], 4);
    assert.equal(ram.transferred, 532_918);
  });

  it('are nothing where there was no migration', () => {
    assert.deepEqual(parseJobInfo('Job type: 0\n'), {});
  });
});
