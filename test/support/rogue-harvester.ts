/**
 * A program that does what must never be done: it reads, and so clears, the dirty bitmap of another
 * process's container again and again, while QEMU migrates. It prints `ready`, waits for its standard
 * input, and prints `harvesting` when the first read is done.
 *
 *   node test/dist/support/rogue-harvester.js PID INTERVAL_MS
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { BorrowableProcess, DirtyPages, HarvestGate, LibcKernel, Type1Error } from 'linux-vfio-ts';

const [pid, intervalMs] = process.argv.slice(2).map(Number);
if (pid === undefined || intervalMs === undefined) throw new Error('usage: PID INTERVAL_MS');

const kernel = new LibcKernel();
using qemu = await BorrowableProcess.open(kernel, pid);
const origin = (await qemu.list()).find(({ kind }) => kind === 'container');
if (!origin) throw new Error(`process ${pid} has no VFIO container`);
using container = await qemu.borrow(origin);
const dirtyPages = new DirtyPages(kernel, container.fd, new HarvestGate());
const bytes = 4n << 30n;
const bitmap = new Uint8Array(Number(bytes / 4096n / 8n));
console.log('ready');
await once(process.stdin, 'data');
for (let reads = 0; ; reads += 1) {
  try {
    await dirtyPages.getBitmap({ iova: 0n, bytes, pageBytes: 4096, bitmap });
  } catch (error) {
    // QEMU has stopped tracking: the migration is over.
    if (error instanceof Type1Error && error.code === 'VFIO_EINVAL_NOT_TRACKING') break;
    throw error;
  }
  if (reads === 0) console.log('harvesting');
  await sleep(intervalMs);
}
