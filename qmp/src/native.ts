/**
 * Two things that Node can't do by itself, passing file descriptors and asking who the peer is, come
 * from an object that the user injects. So this package needs no native code. The package
 * `linux-vfio-ts` has one (`new LibcKernel()`); a dozen lines of koffi or ffi do as well.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { QmpUnsupportedError } from './errors.js';

/** `struct ucred` of unix(7), as it was when the peer called listen(2) or connect(2). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** System calls on a unix socket, by its file descriptor. They throw on failure. */
export interface NativeSockets {
  /**
   * sendmsg(2) with one SCM_RIGHTS message: sends `data` and duplicates of `fds`.
   *
   * @returns how many bytes of `data` were sent
   */
  sendmsg(fd: number, data: Uint8Array, fds: readonly number[]): number;
  /** getsockopt(2) SO_PEERCRED. */
  peerCredentials(fd: number): PeerCredentials;
}

/**
 * The file descriptor of a connected unix socket.
 *
 * @throws QmpUnsupportedError if the stream is something else: only unix sockets carry descriptors
 */
export function unixSocketFd(stream: Duplex | undefined): number {
  // A unix socket has no remote address family. Node has no public way to a socket's descriptor;
  // `_handle.fd` has been there since Node 0.10.
  if (stream instanceof Socket && stream.remoteFamily === undefined) {
    const { _handle: handle } = stream as Socket & { _handle?: { fd?: unknown } };
    if (typeof handle?.fd === 'number' && handle.fd >= 0) return handle.fd;
  }
  throw new QmpUnsupportedError(
    'File descriptors and peer credentials exist on a connected unix socket only (unix:/path).',
  );
}
