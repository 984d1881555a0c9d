/** Which process is at the other end of a QMP unix socket. */
import type { Kernel } from '../kernel/kernel.js';
import { BorrowError } from './refusal.js';

/**
 * The pid behind a connected unix socket (SO_PEERCRED), as seen from our pid namespace.
 *
 * It is the process that called listen(2). For a socket that QEMU made itself that is QEMU; libvirt makes
 * the listening socket itself and hands it to QEMU, so there it is libvirt's daemon. A process without
 * VFIO files is the sign of that: ask for the pid of the QEMU process then.
 *
 * @param socketFd the fd of the connected socket (`socket._handle.fd` of a node:net socket)
 * @throws BorrowError (VFIO_BORROW_PID_NAMESPACE) if the process has no pid in our namespace
 * @throws KernelError if it is not a socket
 */
export function peerPid(kernel: Kernel, socketFd: number): number {
  const { pid } = kernel.peerCredentials(socketFd);
  if (pid > 0) return pid;
  throw new BorrowError("Can't tell which process listens on the socket", pid, {
    code: 'VFIO_BORROW_PID_NAMESPACE',
    meaning: 'it has no pid in our pid namespace (one of us runs in a container).',
    fixes: ["Run this command in the host's pid namespace (docker run --pid=host)."],
  });
}
