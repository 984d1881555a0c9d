import { connect, type Socket } from 'node:net';
import type { Guest } from '#scripts/lab/guest.js';

/** A connection to a QEMU's monitor. */
export interface Monitor extends Disposable {
  readonly socket: Socket;
  readonly fd: number;
}

/**
 * Connects and waits until QEMU has made all its devices. The greeting does not tell that, as the
 * monitor's own thread sends it; a reply to a command does, as the main loop gives it.
 */
export async function readyMonitor(guest: Guest): Promise<Monitor> {
  const socket = connect(guest.qmp.replace('unix:', ''));
  socket.write('{"execute":"qmp_capabilities","id":"ready"}\n');
  let received = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received += String(chunk);
    if (received.includes('"ready"')) break;
  }
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
  return { socket, fd: handle.fd, [Symbol.dispose]: () => socket.destroy() };
}
