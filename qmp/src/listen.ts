import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { formatAddress, parseAddress } from './address.js';
import { QmpClient, type ClientOptions } from './client.js';
import {
  QmpAbortedError,
  QmpArgumentError,
  QmpConnectError,
  QmpStateError,
  QmpTimeoutError,
} from './errors.js';
import type { Qemu } from './generated/qemu.js';
import type { Qapi } from './qapi.js';

/**
 * Waits for QEMUs that connect to us: `-qmp unix:/path` or `-qmp tcp:host:port` without `server=on`
 * (add `reconnect-ms=1000` so that QEMU tries again, `reconnect=1` before QEMU 9.2).
 *
 *     await using listener = await QmpListener.listen('unix:/run/monitor');
 *     const client = await listener.accept({ timeoutMs: 10_000 });
 */
export class QmpListener<Q extends Qapi = Qemu> implements AsyncDisposable {
  /** The address listened at; with the port that was given, if port 0 was asked for. */
  readonly address: string;
  readonly #server: Server;
  readonly #options: ClientOptions;
  readonly #waiting: Socket[] = [];
  readonly #accepting = new Set<(socket: Socket | undefined) => void>();
  #closed = false;

  private constructor(server: Server, address: string, options: ClientOptions) {
    this.#server = server;
    this.address = address;
    this.#options = options;
    server.on('connection', (socket: Socket) => {
      const [next] = this.#accepting;
      if (next !== undefined) {
        next(socket);
        return;
      }
      // Until somebody accepts it, nobody else would notice its end.
      socket.on('error', () => undefined);
      this.#waiting.push(socket);
    });
  }

  /**
   * @param address `unix:/path` or `tcp:host:port` (port 0: any free one)
   * @throws QmpConnectError QMP_CONNECT_FAILED if the address is in use or not allowed
   * @throws QmpArgumentError for another kind of address
   */
  static async listen<Q extends Qapi = Qemu>(
    address: string,
    options: ClientOptions = {},
  ): Promise<QmpListener<Q>> {
    const target = parseAddress(address, { allowPortZero: true });
    if (target.kind !== 'unix' && target.kind !== 'tcp') {
      throw new QmpArgumentError(`QEMU can't connect to ${address}: listen at unix: or tcp:.`);
    }
    const server = createServer({ noDelay: true });
    try {
      if (target.kind === 'unix') server.listen(target.path);
      else server.listen(target.port, target.host);
      await once(server, 'listening');
    } catch (error) {
      throw new QmpConnectError(
        'QMP_CONNECT_FAILED',
        address,
        `Could not listen at ${address}: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
    const bound = server.address();
    const port = typeof bound === 'object' ? bound?.port : undefined;
    const actual =
      target.kind === 'tcp' ? formatAddress({ ...target, port: port ?? target.port }) : address;
    return new QmpListener<Q>(server, actual, options);
  }

  /**
   * The next QEMU that connects, negotiated.
   *
   * @throws QmpTimeoutError, QmpAbortedError, QmpStateError if the listener is closed
   * @throws what {@link QmpClient.open} throws
   */
  async accept(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<QmpClient<Q>> {
    const socket = await this.#nextSocket(options);
    return await QmpClient.connect<Q>(socket, {
      ...this.#options,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const give of [...this.#accepting]) give(undefined);
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    // Not awaited: the clients' connections live on.
    this.#server.close();
    await Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #nextSocket({
    timeoutMs,
    signal,
  }: {
    timeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<Socket> {
    if (this.#closed) throw closed(this.address);
    if (signal?.aborted === true) throw new QmpAbortedError('a connection', signal.reason);
    let waiting = this.#waiting.shift();
    while (waiting?.destroyed === true) waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting;
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    let give: ((socket: Socket | undefined) => void) | undefined;
    try {
      return await new Promise<Socket>((resolve, reject) => {
        give = (socket) => {
          if (give !== undefined) this.#accepting.delete(give);
          if (socket === undefined) reject(closed(this.address));
          else resolve(socket);
        };
        this.#accepting.add(give);
        if (timeoutMs !== undefined) {
          timer = setTimeout(() => {
            reject(
              new QmpTimeoutError(
                'a connection',
                timeoutMs,
                `No QEMU connected to ${this.address} within ${timeoutMs} ms. Is its -qmp without server=on?`,
              ),
            );
          }, timeoutMs);
        }
        abort = () => {
          reject(new QmpAbortedError('a connection', signal?.reason));
        };
        signal?.addEventListener('abort', abort, { once: true });
      });
    } finally {
      clearTimeout(timer);
      if (abort !== undefined) signal?.removeEventListener('abort', abort);
      if (give !== undefined) this.#accepting.delete(give);
    }
  }
}

function closed(address: string): QmpStateError {
  return new QmpStateError('closed', `The listener at ${address} is closed.`);
}
