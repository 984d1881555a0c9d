/**
 * A process that tries to borrow a file of another, and prints what became of it: run by the tests with
 * other rights than theirs.
 *
 *   node borrow-attempt.js PID FD [deny-getfd]
 */
import koffi from 'koffi';
import { BorrowableProcess, BorrowError, LibcKernel } from 'linux-vfio-ts';

/** What it prints, as JSON. */
export interface BorrowAttempt {
  /** The BorrowError's, or `done`. */
  readonly code: string;
  readonly message: string;
}

/** A seccomp filter for all threads, as a container runtime has it: pidfd_getfd fails with EPERM. */
function denyPidfdGetfd(): void {
  const PR_SET_NO_NEW_PRIVS = 38;
  const SYS_SECCOMP = process.arch === 'arm64' ? 277 : 317;
  const SECCOMP_SET_MODE_FILTER = 1;
  const SECCOMP_FILTER_FLAG_TSYNC = 1;
  const SYS_PIDFD_GETFD = 438;
  const EPERM = 1;
  /** `struct sock_filter`: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K. */
  const program: readonly [code: number, jumpTrue: number, jumpFalse: number, k: number][] = [
    [0x20, 0, 0, 0],
    [0x15, 0, 1, SYS_PIDFD_GETFD],
    [0x06, 0, 0, 0x0005_0000 | EPERM],
    [0x06, 0, 0, 0x7fff_0000],
  ];
  const filter = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(([code, jumpTrue, jumpFalse, k], index) => {
    filter.setUint16(index * 8, code, true);
    filter.setUint8(index * 8 + 2, jumpTrue);
    filter.setUint8(index * 8 + 3, jumpFalse);
    filter.setUint32(index * 8 + 4, k, true);
  });
  const header = new DataView(new ArrayBuffer(16));
  header.setUint16(0, program.length, true);
  const address = koffi.address(new Uint8Array(filter.buffer)) as bigint | number;
  header.setBigUint64(8, BigInt(address), true);

  const libc = koffi.load(null);
  const prctl = libc.func(
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  );
  const syscall = libc.func('long syscall(long number, long a, long b, void *c)');
  const installed =
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === 0 &&
    syscall(
      SYS_SECCOMP,
      SECCOMP_SET_MODE_FILTER,
      SECCOMP_FILTER_FLAG_TSYNC,
      new Uint8Array(header.buffer),
    ) === 0;
  if (!installed) throw new Error(`The filter could not be installed (errno ${koffi.errno()}).`);
}

async function attempt(pid: number, fd: number): Promise<BorrowAttempt> {
  try {
    using process = await BorrowableProcess.open(new LibcKernel(), pid);
    await process.list();
    using borrowed = await process.borrow({ fd, kind: 'container', target: '/dev/vfio/vfio' });
    return { code: 'done', message: `fd ${borrowed.fd}` };
  } catch (error) {
    if (!(error instanceof BorrowError)) throw error;
    return { code: error.code, message: error.message };
  }
}

const [, , pid, fd, wish] = process.argv;
if (wish === 'deny-getfd') denyPidfdGetfd();
console.log(JSON.stringify(await attempt(Number(pid), Number(fd))));
