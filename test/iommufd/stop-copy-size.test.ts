import assert from 'node:assert/strict';
import { StopCopySize } from '#plugin/sequence/stop-copy-size.js';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import { Guest } from '#scripts/lab/guest.js';
import { readyMonitor } from '../support/monitor.js';

describe('what the devices of a QEMU would send in STOP_COPY', () => {
  it('is asked of devices on an iommufd and on type1 alike', async () => {
    for (const [args, property] of [
      [['-object', 'iommufd,id=iommufd0'], ',iommufd=iommufd0'],
      [[], ''],
    ] as const) {
      using dirtygen = Dirtygen.create();
      await dirtygen.set({ reportedBytes: 123_456_789 });
      await using guest = await Guest.start({
        args: [...args, '-device', `${dirtygen.qemuDevice}${property}`, '-S'],
      });
      using monitor = await readyMonitor(guest);
      assert.ok(monitor);
      using size = await StopCopySize.open(guest.pid);
      assert.equal(size?.bytes, 123_456_789, property);
    }
  });
});
