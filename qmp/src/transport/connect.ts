import { connect as connectSocket, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { formatAddress, type QmpAddress } from '../address.js';
import { QmpConnectError, QmpError } from '../errors.js';
import { connectLibvirt } from './libvirt.js';
import { connectWebSocket } from './websocket.js';

/**
 * Opens a stream of bytes to a monitor.
 *
 * @throws QmpConnectError QMP_CONNECT_FAILED, or the signal's reason if it fires first
 */
export async function connectStream(address: QmpAddress, signal: AbortSignal): Promise<Duplex> {
  try {
    switch (address.kind) {
      case 'unix':
        return await connectNet(connectSocket({ path: address.path }), signal);
      case 'tcp':
        return await connectNet(
          connectSocket({ host: address.host, port: address.port, noDelay: true }),
          signal,
        );
      case 'websocket':
        return await connectWebSocket(address.url, signal);
      case 'libvirt':
        return await connectLibvirt(address, signal);
    }
  } catch (error) {
    if (signal.aborted || error instanceof QmpError) throw error;
    const text = formatAddress(address);
    throw new QmpConnectError(
      'QMP_CONNECT_FAILED',
      text,
      `Could not connect to ${text}: ${explain(error)}`,
      error,
    );
  }
}

async function connectNet(socket: Socket, signal: AbortSignal): Promise<Socket> {
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
}

/** What an errno means for somebody who wanted to reach a monitor. */
function explain(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  switch (code) {
    case 'ENOENT':
      return 'there is no such socket. Was QEMU started with -qmp, and is this the path as seen from here (chroot, container)?';
    case 'ECONNREFUSED':
      return 'nobody listens there. The QEMU that made this socket has probably ended.';
    case 'EACCES':
      return "this user may not connect. The socket's owner is usually the user that QEMU runs as; become that user or root.";
    case 'ENOTSOCK':
      return 'the path is not a socket.';
    case 'EAGAIN':
      return 'its queue of waiting connections is full: another client uses this monitor, and others wait.';
    default:
      return reason;
  }
}
