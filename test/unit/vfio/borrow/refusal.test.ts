import assert from 'node:assert/strict';
import { BorrowError, type AccessFacts } from 'linux-vfio-ts';
import { explainRefusal, type BorrowErrorCode } from '#vfio/borrow/refusal.js';

/** An ordinary user beside a QEMU of its own, on a kernel that has everything. */
const ordinary: AccessFacts = {
  pid: 4711,
  comm: 'qemu-system-x86',
  ourUid: 1000,
  theirUid: 1000,
  capSysPtrace: false,
  ptraceScope: 0,
  sameUserNamespace: true,
  seccompFilter: false,
  kernelRelease: '6.12.0',
};
const root: AccessFacts = { ...ordinary, ourUid: 0, capSysPtrace: true };

interface Case {
  readonly name: string;
  readonly call?: string;
  readonly errno: string;
  readonly facts: AccessFacts;
  readonly code: BorrowErrorCode;
  readonly fix: RegExp;
}

const cases: readonly Case[] = [
  {
    name: 'the process is gone',
    errno: 'ESRCH',
    facts: ordinary,
    code: 'VFIO_BORROW_NO_PROCESS',
    fix: /guest still runs/,
  },
  {
    name: 'the file was closed',
    errno: 'EBADF',
    facts: ordinary,
    code: 'VFIO_BORROW_NO_FD',
    fix: /List its files again/,
  },
  {
    name: 'the kernel is too old for pidfd_getfd',
    errno: 'ENOSYS',
    facts: { ...root, kernelRelease: '5.4.0-150-generic' },
    code: 'VFIO_BORROW_OLD_KERNEL',
    fix: /Linux 5\.6/,
  },
  {
    name: 'the kernel is too old for pidfd_open',
    call: 'pidfd_open',
    errno: 'ENOSYS',
    facts: { ...root, kernelRelease: '4.18.0-553.el8' },
    code: 'VFIO_BORROW_OLD_KERNEL',
    fix: /Linux 5\.3/,
  },
  {
    name: 'a seccomp filter hides the call of a new kernel',
    errno: 'ENOSYS',
    facts: { ...root, seccompFilter: true },
    code: 'VFIO_BORROW_SECCOMP',
    fix: /seccomp profile/,
  },
  {
    name: "a container runtime's filter refuses root",
    errno: 'EPERM',
    facts: { ...root, seccompFilter: true, refusedToOurselves: 'EPERM' },
    code: 'VFIO_BORROW_SECCOMP',
    fix: /outside the container/,
  },
  {
    name: 'AppArmor refuses under a filter that lets the call through',
    errno: 'EPERM',
    facts: { ...root, seccompFilter: true, ourAppArmorProfile: 'docker-default (enforce)' },
    code: 'VFIO_BORROW_LSM',
    fix: /Allow "ptrace \(read, trace\)".* in the profile of this process, or run/,
  },
  {
    name: "AppArmor refuses by our profile, or by QEMU's",
    errno: 'EPERM',
    facts: { ...root, ourAppArmorProfile: 'a (enforce)', theirAppArmorProfile: 'b (enforce)' },
    code: 'VFIO_BORROW_LSM',
    fix: /"ptrace \(readby, tracedby\)" in the other/,
  },
  {
    name: '/proc refuses root, which no filter does',
    call: 'reading /proc',
    errno: 'EACCES',
    facts: { ...root, seccompFilter: true, refusedToOurselves: 'EPERM' },
    code: 'VFIO_BORROW_LSM',
    fix: /audit log/,
  },
  {
    name: "/proc refuses, which Yama doesn't",
    call: 'reading /proc',
    errno: 'EACCES',
    facts: { ...ordinary, ptraceScope: 1 },
    code: 'VFIO_BORROW_NOT_DUMPABLE',
    fix: /as root/,
  },
  {
    name: 'QEMU runs as another user',
    errno: 'EPERM',
    facts: { ...ordinary, theirUid: 64055 },
    code: 'VFIO_BORROW_OTHER_USER',
    fix: /as root/,
  },
  {
    name: 'QEMU runs as root or is not dumpable',
    errno: 'EACCES',
    facts: { ...ordinary, theirUid: 0 },
    code: 'VFIO_BORROW_OTHER_USER',
    fix: /CAP_SYS_PTRACE/,
  },
  {
    name: "Yama's ptrace_scope is 1",
    errno: 'EPERM',
    facts: { ...ordinary, ptraceScope: 1 },
    code: 'VFIO_BORROW_PTRACE_SCOPE',
    fix: /ptrace_scope=0/,
  },
  {
    name: "Yama's ptrace_scope is 3, for root as well",
    errno: 'EPERM',
    facts: { ...root, ptraceScope: 3 },
    code: 'VFIO_BORROW_PTRACE_SCOPE',
    fix: /reboot/,
  },
  {
    name: 'QEMU lives in another user namespace',
    errno: 'EPERM',
    facts: { ...root, sameUserNamespace: false },
    code: 'VFIO_BORROW_USER_NAMESPACE',
    fix: /initial user namespace/,
  },
  {
    name: 'SELinux or another module refuses root',
    errno: 'EACCES',
    facts: root,
    code: 'VFIO_BORROW_LSM',
    fix: /ausearch/,
  },
  {
    name: 'QEMU of the same user is not dumpable',
    errno: 'EPERM',
    facts: ordinary,
    code: 'VFIO_BORROW_NOT_DUMPABLE',
    fix: /as root/,
  },
  {
    name: 'we have too many files open',
    errno: 'EMFILE',
    facts: ordinary,
    code: 'VFIO_BORROW_TOO_MANY_FILES',
    fix: /ulimit -n/,
  },
];

describe('a refusal to lend a file is explained, with the fix, when', () => {
  for (const { name, call = 'pidfd_getfd', errno, facts, code, fix } of cases) {
    it(name, () => {
      const refusal = explainRefusal(call, errno, facts);
      assert.equal(refusal.code, code);
      assert.match(refusal.fixes.join(' '), fix);
      const { message } = new BorrowError("Can't borrow /dev/vfio/vfio", facts.pid, refusal);
      assert.match(message, /^Can't borrow .*\.$/);
    });
  }

  it('nothing is known about it, in which case it says just that', () => {
    const refusal = explainRefusal('pidfd_getfd', 'EIO', ordinary);
    assert.equal(refusal.code, 'VFIO_BORROW_FAILED');
    assert.match(refusal.meaning, /EIO/);
  });
});
