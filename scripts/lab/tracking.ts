import { BorrowableProcess, LibcKernel, Type1Container } from 'linux-vfio-ts';

/** Whether dirty tracking of that QEMU's container is on. */
export async function trackingIsOn(qemuPid: number): Promise<boolean> {
  const kernel = new LibcKernel();
  using qemu = await BorrowableProcess.open(kernel, qemuPid);
  const origin = (await qemu.list()).find(({ kind }) => kind === 'container');
  if (origin === undefined) throw new Error(`QEMU ${qemuPid} has no VFIO container.`);
  using borrowed = await qemu.borrow(origin);
  return new Type1Container(kernel, borrowed.fd).dirtyPages.askTracking();
}
