import type { Duplex } from 'node:stream';
import { QmpUnsupportedError } from '../errors.js';

/** What to know when a WebSocket says nothing. Seen with QEMU 10.0.2, in 40 of 40 tries. */
export const WEBSOCKET_HINT =
  "If this is QEMU's own WebSocket (websocket=on): it stalls until another monitor wakes QEMU's monitor " +
  'thread. Keep a second monitor in use, or bridge a unix socket to WebSocket outside of QEMU.';

/**
 * A WebSocket as a stream of bytes, through the optional package `ws`. QEMU takes binary frames
 * only (a text frame makes it close with status 1003), and cuts lines anywhere into frames.
 *
 * @throws QmpUnsupportedError if `ws` is not installed
 */
export async function connectWebSocket(url: string, signal: AbortSignal): Promise<Duplex> {
  const { WebSocket, createWebSocketStream } = await loadWs();
  const socket = new WebSocket(url, ['binary'], { perMessageDeflate: false });
  const abort = (): void => {
    socket.terminate();
  };
  // Made before the connection is: the greeting may come with the handshake's last packet.
  const stream = createWebSocketStream(socket, { allowHalfOpen: false });
  stream.on('error', () => undefined); // told by the promise below, or by who uses the stream
  signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return stream;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function loadWs(): Promise<typeof import('ws')> {
  try {
    return await import('ws');
  } catch (error) {
    throw new QmpUnsupportedError(
      'ws:// addresses need the package "ws", which is not installed. Run: npm install ws',
      error,
    );
  }
}
