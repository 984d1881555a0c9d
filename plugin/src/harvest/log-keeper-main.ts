/** The process of {@link LogKeeper}: RECORD PID FD... */
import { text } from 'node:stream/consumers';
import { BorrowableProcess, LibcKernel, VfioDevice, isErrno } from 'linux-vfio-ts';
import { keeperDone, keeperReady } from './log-keeper.js';
import { LogRecord } from './state-file.js';

const [record = '', ...numbers] = process.argv.slice(2);
const [pid, ...fds] = numbers.map(Number);
const kernel = new LibcKernel();
using qemu = await BorrowableProcess.open(kernel, pid ?? 0);
const devices: VfioDevice[] = [];
for (const origin of await qemu.list()) {
  if (!fds.includes(origin.fd)) continue;
  devices.push(new VfioDevice(kernel, (await qemu.borrow(origin)).fd));
}
process.stdout.write(keeperReady);

if ((await text(process.stdin)) !== keeperDone) {
  for (const { dmaLogging } of devices) {
    try {
      dmaLogging.stop();
    } catch (error) {
      // EINVAL: not logging; and QEMU may have ended.
      if (!isErrno(error)) throw error;
    }
  }
}
new LogRecord(record).remove();
