import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BorrowableProcess, LibcKernel, listVfioFds } from 'linux-vfio-ts';
import { classifyTarget } from '#vfio/borrow/process-fds.js';

describe('the VFIO files of a process', () => {
  const targets: readonly [string, string | undefined][] = [
    ['/dev/vfio/vfio', 'container'],
    ['/vfio/vfio', 'container'],
    ['/dev/vfio/17', 'group'],
    ['/dev/vfio/noiommu-3', 'group'],
    ['/dev/vfio/devices/vfio0', 'device-cdev'],
    ['anon_inode:[vfio-device]', 'device'],
    ['/dev/iommu', 'iommufd'],
    ['anon_inode:kvm-vm', 'kvm-vm'],
    ['anon_inode:kvm-vcpu:0', undefined],
    ['/dev/kvm', undefined],
    ['/home/user/vfio/notes', undefined],
    ['socket:[12345]', undefined],
  ];
  for (const [target, kind] of targets) {
    it(`${target} is ${kind ?? 'none of them'}`, () => {
      assert.equal(classifyTarget(target), kind);
    });
  }

  it('are listed in order, with group numbers and the device that fdinfo names', async () => {
    const proc = mkdtempSync(join(tmpdir(), 'vfio-proc-'));
    try {
      const folder = join(proc, '4711');
      mkdirSync(join(folder, 'fd'), { recursive: true });
      mkdirSync(join(folder, 'fdinfo'));
      for (const [fd, target] of [
        [30, 'anon_inode:[vfio-device]'],
        [9, '/dev/vfio/vfio'],
        [11, '/dev/vfio/26'],
        [3, '/dev/null'],
      ] as const) {
        symlinkSync(target, join(folder, 'fd', String(fd)));
      }
      writeFileSync(
        join(folder, 'fdinfo/30'),
        'pos:\t0\nvfio-device-syspath: /sys/devices/pci0000:00/0000:00:05.0\n',
      );
      assert.deepEqual(await listVfioFds(4711, proc), [
        { fd: 9, kind: 'container', target: '/dev/vfio/vfio' },
        { fd: 11, kind: 'group', target: '/dev/vfio/26', group: 26 },
        {
          fd: 30,
          kind: 'device',
          target: 'anon_inode:[vfio-device]',
          sysfsPath: '/sys/devices/pci0000:00/0000:00:05.0',
        },
      ]);
    } finally {
      rmSync(proc, { recursive: true });
    }
  });
});

describe('a process to borrow from', () => {
  const kernel = new LibcKernel();
  let folder = '';
  let child: ChildProcess;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vfio-borrow-'));
    writeFileSync(join(folder, 'file'), '');
    child = spawn('sleep', ['60'], {
      stdio: [openSync(join(folder, 'file'), 'r'), 'ignore', 'ignore'],
    });
    await once(child, 'spawn');
  });
  after(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const origin = { fd: 0, kind: 'container', target: '/dev/vfio/vfio' } as const;
  const isOpen = (fd: number): boolean => existsSync(`/proc/self/fd/${fd}`);

  it('closes what was borrowed when it is disposed of, and only once', async () => {
    const process = await BorrowableProcess.open(kernel, child.pid ?? -1);
    const [kept, given] = [await process.borrow(origin), await process.borrow(origin)];
    given[Symbol.dispose]();
    assert.equal(isOpen(given.fd), false);
    assert.equal(isOpen(kept.fd), true);
    process[Symbol.dispose]();
    assert.equal(isOpen(kept.fd), false);
    kept[Symbol.dispose]();
    process[Symbol.dispose]();
    await assert.rejects(process.borrow(origin), { code: 'VFIO_DISPOSED' });
  });

  it('leaks no file when borrowing fails', async () => {
    using process = await BorrowableProcess.open(kernel, child.pid ?? -1);
    const before = readdirSync('/proc/self/fd').length;
    await assert.rejects(process.borrow({ ...origin, fd: 999 }), { code: 'VFIO_BORROW_NO_FD' });
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  it('must exist', async () => {
    await assert.rejects(BorrowableProcess.open(kernel, 2 ** 22 - 1), {
      name: 'BorrowError',
      code: 'VFIO_BORROW_NO_PROCESS',
    });
  });
});
