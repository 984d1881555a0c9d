import type { Duplex } from 'node:stream';
import { MessageDecoder, type CodecLimits, type MessageHandler } from './codec.js';
import { QmpDisconnectedError, QmpError, QmpProtocolError } from './errors.js';

/** What a connection tells its owner. */
export interface ConnectionHandlers {
  readonly message: MessageHandler;
  /** The peer reads again after it did not: see {@link Connection.send}. */
  readonly drain: () => void;
  /** Called once: nothing comes any more, and why. */
  readonly closed: (error: QmpError) => void;
}

const WHY_IT_ENDS = 'QEMU has quit or was killed, or somebody removed the monitor.';

/** A stream with messages instead of bytes. It knows what a message is, not what it says. */
export class Connection {
  readonly stream: Duplex;
  readonly #decoder: MessageDecoder;
  readonly #handlers: ConnectionHandlers;
  #error: QmpError | undefined;
  #closed = false;

  constructor(stream: Duplex, limits: CodecLimits, handlers: ConnectionHandlers) {
    this.stream = stream;
    this.#decoder = new MessageDecoder(limits);
    this.#handlers = handlers;
    stream.on('data', this.#receive);
    stream.on('drain', handlers.drain);
    stream.on('error', (error: Error) => {
      this.#error ??= new QmpDisconnectedError(
        `The connection to the monitor broke (${error.message}): ${WHY_IT_ENDS}`,
        error,
      );
    });
    stream.once('end', () => stream.destroy());
    stream.once('close', this.#close);
    if (stream.destroyed) queueMicrotask(this.#close);
  }

  /** Whether the peer has read what was sent; while not, hold back. */
  get writable(): boolean {
    return !this.stream.writableNeedDrain;
  }

  /** Whether everything sent has left this process. */
  get idle(): boolean {
    return this.stream.writableLength === 0;
  }

  /** Calls back once everything sent so far has left this process. */
  whenIdle(callback: () => void): void {
    this.stream.write('', () => {
      callback();
    });
  }

  /** Sends one message. Goes on if the peer does not read; ask {@link writable} first. */
  send(line: string): void {
    this.stream.write(`${line}\n`);
  }

  /** Sends bytes that are no message: the guest agent's sentinel. */
  sendRaw(bytes: Buffer): void {
    this.stream.write(bytes);
  }

  /** Gives the connection up; `closed` is called with this error. */
  destroy(error: QmpError): void {
    this.#error ??= error;
    this.stream.destroy();
  }

  readonly #receive = (chunk: Buffer): void => {
    if (this.#error !== undefined) return;
    try {
      this.#decoder.push(chunk, this.#handlers.message);
    } catch (error) {
      this.destroy(
        error instanceof QmpError
          ? error
          : new QmpProtocolError('A message could not be handled.', '', error),
      );
    }
  };

  readonly #close = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.stream.off('data', this.#receive);
    const unfinished = this.#decoder.pendingBytes;
    this.#handlers.closed(
      this.#error ??
        new QmpDisconnectedError(
          `The monitor closed the connection${unfinished > 0 ? ` in the middle of a message (${unfinished} bytes of it came)` : ''}: ` +
            WHY_IT_ENDS,
        ),
    );
  };
}
