import { createHash } from 'node:crypto';
import { createConnection, createServer, type Server } from 'node:net';
import { getuid } from 'node:process';

export interface Lock extends AsyncDisposable {
  release(): Promise<void>;
}

/**
 * Takes the machine-wide lock of a path, waiting for whoever holds it.
 *
 * The lock is a listening socket in Linux's abstract namespace: the kernel frees it when its holder
 * dies, however it dies, so that there is no stale lock file to judge. A waiter connects to the
 * holder and tries again when that connection ends.
 *
 * @param onWait called once if somebody else holds the lock
 * @throws the signal's reason when aborted while waiting
 */
export async function lockPath(
  path: string,
  { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: (() => void) | undefined } = {},
): Promise<Lock> {
  const id = createHash('sha256').update(path).digest('hex').slice(0, 24);
  const address = `\0precopy-lock-${getuid?.() ?? 0}-${id}`;
  let waited = false;
  for (;;) {
    signal?.throwIfAborted();
    const server = await tryListen(address);
    if (server !== undefined) return lockOf(server);
    if (!waited) onWait?.();
    waited = true;
    signal?.throwIfAborted();
    await untilHolderEnds(address, signal);
  }
}

function lockOf(server: Server): Lock {
  const waiters = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    waiters.add(socket);
    socket.on('close', () => waiters.delete(socket));
    socket.on('error', () => undefined);
    socket.resume();
    socket.unref();
  });
  server.unref();
  const release = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    for (const waiter of waiters) waiter.destroy();
    await closed;
  };
  return { release, [Symbol.asyncDispose]: release };
}

async function tryListen(address: string): Promise<Server | undefined> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => {
      resolve(server);
    });
  });
}

async function untilHolderEnds(address: string, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = createConnection(address);
    const stop = (): void => {
      socket.destroy();
    };
    signal?.addEventListener('abort', stop);
    socket.on('error', () => undefined); // ECONNREFUSED: the holder has just gone.
    socket.on('close', () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    socket.resume();
  });
}
