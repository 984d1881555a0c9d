/** How fast one TCP stream to the destination's host really is. */
import { randomBytes } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { PrecopyError, messageOf } from '../errors.js';
import { tcpAddress } from './address.js';

export interface LinkMeasurement {
  /** As the user wrote it. */
  readonly address: string;
  /** Of one stream, over the time after the first second. */
  readonly bytesPerSecond: number;
  /** How far fifths of that time lie from it, as a relative standard deviation. */
  readonly deviation: number;
  readonly measuredMs: number;
}

export interface MeasureOptions {
  /** Default 4 s. */
  readonly durationMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** TCP's slow start, and filling the kernel's send buffer, are over by then. */
const warmUpMs = 1000;
const connectTimeoutMs = 5000;
const parts = 5;
const chunkBytes = 2 ** 18;
/** So many chunks are queued in the process, so that the kernel never waits for us. */
const chunksQueued = 8;

/**
 * Sends as much as fits to something that discards it: `precopy link --listen`, or a program such as
 * `nc -lk PORT > /dev/null`.
 *
 * @throws PrecopyError USAGE (not `tcp:HOST:PORT`, or under 2 s), LINK (no connection, or it broke),
 *   CANCELLED
 */
export async function measureLink(
  address: string,
  { durationMs = 4000, signal }: MeasureOptions,
): Promise<LinkMeasurement> {
  if (durationMs < 2 * warmUpMs) {
    throw new PrecopyError(
      'USAGE',
      `${durationMs} ms are too short: the first ${warmUpMs} ms do not count.`,
      'Measure for 2 s or more.',
    );
  }
  const socket = await connect(address, signal);
  try {
    return await stream(socket, address, durationMs, signal);
  } finally {
    socket.destroy();
  }
}

async function connect(address: string, signal: AbortSignal): Promise<Socket> {
  const socket = createConnection(tcpAddress(address));
  const timeout = AbortSignal.timeout(connectTimeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
      for (const source of [signal, timeout]) {
        if (source.aborted) reject(asError(source.reason));
        source.addEventListener(
          'abort',
          () => {
            reject(asError(source.reason));
          },
          { once: true },
        );
      }
    });
    return socket;
  } catch (cause) {
    socket.destroy();
    if (signal.aborted) throw cause;
    const why = timeout.aborted ? `no answer for ${connectTimeoutMs / 1000} s` : messageOf(cause);
    throw new PrecopyError(
      'LINK',
      `No connection to ${address} to measure the link: ${why}.`,
      `Start "precopy link --listen ${address}" on the destination's host, and open the port in its firewall.`,
      { cause },
    );
  }
}

async function stream(
  socket: Socket,
  address: string,
  durationMs: number,
  signal: AbortSignal,
): Promise<LinkMeasurement> {
  // Nothing on the way may squeeze what a guest's RAM would not let it squeeze.
  const chunk = randomBytes(chunkBytes);
  let sentBytes = 0;
  let failure: Error | undefined;
  const push = (): void => {
    socket.write(chunk, (error) => {
      if (error) failure ??= error;
      else {
        sentBytes += chunkBytes;
        push();
      }
    });
  };
  socket.on('error', (error) => (failure ??= error));
  socket.once('end', () => (failure ??= new Error('the other end closed the connection')));
  socket.resume();
  for (let i = 0; i < chunksQueued; i++) push();

  const marks: { readonly ms: number; readonly bytes: number }[] = [];
  for (let part = 0; part <= parts; part++) {
    await pause(part === 0 ? warmUpMs : (durationMs - warmUpMs) / parts, signal);
    if (failure) {
      throw new PrecopyError(
        'LINK',
        `The connection to ${address} broke while the link was measured: ${failure.message}.`,
        'What listens there must read and discard until we close: "precopy link --listen" does.',
        { cause: failure },
      );
    }
    marks.push({ ms: performance.now(), bytes: sentBytes });
  }
  return { address, ...rateOf(marks) };
}

function rateOf(
  marks: readonly { readonly ms: number; readonly bytes: number }[],
): Omit<LinkMeasurement, 'address'> {
  const rates = marks.slice(1).map(({ ms, bytes }, i) => {
    const before = marks[i] ?? { ms: 0, bytes: 0 };
    return ((bytes - before.bytes) * 1000) / (ms - before.ms);
  });
  const [first, last] = [marks[0], marks.at(-1)];
  if (!first || !last) throw new RangeError('Nothing was measured.');
  const measuredMs = last.ms - first.ms;
  const bytesPerSecond = ((last.bytes - first.bytes) * 1000) / measuredMs;
  const variance =
    rates.reduce((sum, rate) => sum + (rate - bytesPerSecond) ** 2, 0) / (rates.length - 1);
  return { bytesPerSecond, deviation: Math.sqrt(variance) / bytesPerSecond, measuredMs };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(asError(signal.reason));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
