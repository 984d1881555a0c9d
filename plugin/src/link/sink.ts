/** The other end of a measurement: takes what comes and discards it. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { PrecopyError, messageOf } from '../errors.js';
import { tcpAddress } from './address.js';

/** What one connection brought. */
export interface Discarded {
  readonly from: string;
  readonly bytes: number;
  readonly ms: number;
}

export interface LinkSink extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

/**
 * Listens until it is disposed of. It answers nothing and keeps nothing; who can reach it can only waste
 * its bandwidth.
 *
 * @throws PrecopyError LINK if it can't listen there
 */
export async function listenAndDiscard(
  address: string,
  onDiscarded: (what: Discarded) => void,
): Promise<LinkSink> {
  const { host, port } = tcpAddress(address);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    const startMs = performance.now();
    const from = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
    socket.resume();
    // Whoever measures breaks the connection off; that is no error of ours.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      onDiscarded({ from, bytes: socket.bytesRead, ms: performance.now() - startMs });
    });
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new PrecopyError(
      'LINK',
      `${address} can't be listened on: ${messageOf(cause)}.`,
      'Name an address of this host (0.0.0.0 for all) and a free port.',
      { cause },
    );
  }
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    async [Symbol.asyncDispose]() {
      server.close();
      const closed = [...connections].map((socket) => once(socket, 'close'));
      for (const socket of connections) socket.destroy();
      await Promise.all(closed);
    },
  };
}
