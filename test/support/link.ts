import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** So much time that a limited link could not use is made up for. */
const mostLateMs = 200;

/** A link between two QEMUs that a test can slow down, stall and cut. */
export class Link implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #stalled = false;
  #bytesPerSecond = Infinity;
  #wake: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param target path of the unix socket where the destination listens */
  static async open(target: string): Promise<Link> {
    const server = createServer({ allowHalfOpen: true });
    const link = new Link(server);
    server.on('connection', (near) => {
      const far = connect({ path: target, allowHalfOpen: true });
      void link.#forward(near, far);
      void link.#forward(far, near);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  /** For the source. */
  get uri(): string {
    const address = this.#server.address();
    return `tcp:127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  }

  /** From now on nothing gets through, and nothing tells of it. */
  stall(): void {
    this.#stalled = true;
  }

  /** How much gets through in a second, each way. */
  limit(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Ends all connections; new ones can be made. */
  cut(): void {
    this.#stalled = false;
    for (const wake of this.#wake.splice(0)) wake();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #forward(from: Socket, to: Socket): Promise<void> {
    this.#sockets.add(from);
    from.once('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on('error', () => undefined);
    // When all that came so far may have gone on: a timer that comes late is made up for.
    let dueMs = 0;
    try {
      for await (const chunk of from) {
        const bytes = chunk as Buffer;
        const piece = 65_536;
        for (let start = 0; start < bytes.length; start += piece) {
          const part = bytes.subarray(start, start + piece);
          const now = performance.now();
          dueMs = Math.max(dueMs, now - mostLateMs) + (1000 * part.length) / this.#bytesPerSecond;
          if (dueMs > now) await sleep(dueMs - now);
          if (this.#stalled) await new Promise<void>((resolve) => this.#wake.push(resolve));
          if (!to.write(part)) await once(to, 'drain');
        }
      }
      to.end();
    } catch {
      to.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close').catch(() => undefined);
  }
}
