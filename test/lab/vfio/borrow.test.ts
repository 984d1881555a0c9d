import assert from 'node:assert/strict';
import { BorrowableProcess, LibcKernel, peerPid, Type1Container } from 'linux-vfio-ts';
import { Guest } from '#scripts/lab/guest.js';
import { readyMonitor } from '../../support/monitor.js';
import { bindToVfioPci, iommuBackedDevices } from '../../support/raw-container.js';

describe('borrowing from a QEMU', () => {
  it('finds it behind its monitor, asks its container, and knows when it is gone', async () => {
    const kernel = new LibcKernel();
    const [address = ''] = iommuBackedDevices();
    using pci = bindToVfioPci(address);
    await using guest = await Guest.start({ args: ['-S', '-device', `vfio-pci,host=${pci.name}`] });

    using monitor = await readyMonitor(guest);
    const pid = peerPid(kernel, monitor.fd);
    assert.equal(pid, guest.pid);

    using process = await BorrowableProcess.open(kernel, pid);
    const listed = await process.list();
    assert.deepEqual(
      new Set(listed.map(({ kind }) => kind)),
      new Set(['container', 'group', 'device']),
    );
    const origin = listed.find(({ kind }) => kind === 'container');
    assert.ok(origin);
    using borrowed = await process.borrow(origin);
    const container = new Type1Container(kernel, borrowed.fd);
    assert.equal(container.info().migration?.pageSizes, 4096n);
    assert.equal(container.dirtyPages.tracking(), false);

    const exited = new Promise<void>((resolve) => {
      process.onExit(resolve);
    });
    guest.process.kill('SIGKILL');
    await exited;
    assert.equal(process.exited, true);
    // The groups went with QEMU, and with them the container's IOMMU.
    while (container.dirtyPages.tracking() !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.throws(
      () => {
        container.dirtyPages.start();
      },
      { code: 'VFIO_EINVAL_NO_IOMMU' },
    );
    await assert.rejects(process.borrow(origin), { code: 'VFIO_BORROW_NO_PROCESS' });
  });
});
