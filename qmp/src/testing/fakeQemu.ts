import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { MessageDecoder } from '../codec.js';
import { stringifyJson } from '../json/stringify.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.js';
import { streamPair } from './streamPair.js';

/** A command as the fake received it. */
export interface ReceivedCommand {
  readonly command: string;
  readonly arguments: JsonObject;
  readonly id: JsonValue | undefined;
  readonly oob: boolean;
}

/** Throw it in a handler: the client gets QEMU's error reply. */
export class FakeCommandError extends Error {
  readonly errorClass: string;

  constructor(description: string, errorClass = 'GenericError') {
    super(description);
    this.errorClass = errorClass;
  }
}

/** Return it in a handler: the client gets no reply. */
export const NO_REPLY = Symbol('no reply');

/** What a handler returns is the command's `return`; undefined is the empty object. */
export type CommandHandler = (args: JsonObject, received: ReceivedCommand) => unknown;

export interface FakeQemuOptions {
  /** Default 10.0.0. */
  readonly version?: { readonly major: number; readonly minor: number; readonly micro: number };
  /** What the greeting offers. Default `['oob']`. */
  readonly capabilities?: readonly string[];
  /** What `query-qmp-schema` returns. */
  readonly schema?: JsonValue;
  /** The greeting, for replays; default: made from the above. */
  readonly greeting?: JsonObject;
  /** Cut what is sent into pieces of so many bytes, each read by the peer on its own. */
  readonly chunkBytes?: number;
}

/**
 * A scripted QMP server for tests: it negotiates and answers as QEMU does, with your handlers for
 * commands and your events.
 *
 *     await using qemu = await FakeQemu.listen();
 *     qemu.on('query-status', () => ({ status: 'running', running: true }));
 *     await using client = await QmpClient.connect(qemu.address);
 *     qemu.emit('STOP');
 *
 * Like QEMU it serves one client at a time, executes in-band commands one by one in order, and
 * refuses commands before `qmp_capabilities` and commands that it does not know.
 */
export class FakeQemu implements AsyncDisposable {
  /** Commands received so far, `qmp_capabilities` included. */
  readonly received: ReceivedCommand[] = [];

  readonly #options: FakeQemuOptions;
  readonly #handlers = new Map<string, CommandHandler>();
  #fallback: CommandHandler | undefined;
  #server: Server | undefined;
  #folder: string | undefined;
  readonly #waiting: Duplex[] = [];
  #client: FakeConnection | undefined;

  constructor(options: FakeQemuOptions = {}) {
    this.#options = options;
    if (options.schema !== undefined) this.on('query-qmp-schema', () => options.schema);
    this.on('qmp_capabilities', () => undefined);
  }

  /** A fake on a unix socket of its own; see {@link address}. */
  static async listen(options: FakeQemuOptions = {}): Promise<FakeQemu> {
    const fake = new FakeQemu(options);
    const folder = await mkdtemp(join(tmpdir(), 'fake-qemu-'));
    const server = createServer((socket) => {
      fake.#accept(socket);
    });
    server.listen(join(folder, 'qmp'));
    await once(server, 'listening');
    fake.#folder = folder;
    fake.#server = server;
    return fake;
  }

  /** The address of {@link listen}'s socket. @throws Error on a fake without socket */
  get address(): string {
    if (this.#folder === undefined) throw new Error('This fake has no socket: use stream().');
    return `unix:${join(this.#folder, 'qmp')}`;
  }

  /** A connection without a socket, for `QmpClient.connect(fake.stream())`. */
  stream(): Duplex {
    const [ours, theirs] = streamPair();
    this.#accept(ours);
    return theirs;
  }

  /** Answers a command from now on. */
  on(command: string, handler: CommandHandler): this {
    this.#handlers.set(command, handler);
    return this;
  }

  /** Answers every command that has no handler of its own. */
  otherwise(handler: CommandHandler): this {
    this.#fallback = handler;
    return this;
  }

  /** Sends an event with the time of now, if a client is connected. */
  emit(event: string, data?: JsonObject): void {
    const us = Math.round((performance.timeOrigin + performance.now()) * 1000);
    const timestamp = { seconds: Math.floor(us / 1e6), microseconds: us % 1e6 };
    this.send({ event, data, timestamp });
  }

  /** Sends any message. */
  send(message: object): void {
    this.sendRaw(`${stringifyJson(message)}\r\n`);
  }

  /** Sends bytes as they are: half a message, garbage. */
  sendRaw(bytes: string | Buffer): void {
    this.#client?.send(bytes);
  }

  /** Ends the current connection, as a QEMU that is killed does. */
  disconnect(): void {
    this.#client?.stream.destroy();
  }

  /** Ends all connections and removes the socket. */
  async close(): Promise<void> {
    for (const stream of this.#waiting.splice(0)) stream.destroy();
    this.disconnect();
    if (this.#server !== undefined) {
      this.#server.close();
      await once(this.#server, 'close');
    }
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(stream: Duplex): void {
    stream.on('error', () => undefined); // the client is gone: 'close' follows
    if (this.#client !== undefined) {
      // As in QEMU, the next client waits, without a greeting, until the first has gone.
      this.#waiting.push(stream);
      return;
    }
    this.#client = new FakeConnection(stream, this.#options, (received) => this.#answer(received));
    stream.once('close', () => {
      this.#client = undefined;
      const next = this.#waiting.shift();
      if (next !== undefined) this.#accept(next);
    });
  }

  async #answer(received: ReceivedCommand): Promise<unknown> {
    this.received.push(received);
    const handler = this.#handlers.get(received.command) ?? this.#fallback;
    if (handler === undefined) {
      throw new FakeCommandError(
        `The command ${received.command} has not been found`,
        'CommandNotFound',
      );
    }
    return await handler(received.arguments, received);
  }
}

/** One client's connection. */
class FakeConnection {
  readonly stream: Duplex;
  readonly #chunkBytes: number | undefined;
  readonly #answer: (received: ReceivedCommand) => Promise<unknown>;
  #negotiated = false;
  /** The end of the queue of in-band commands. */
  #turn: Promise<void> = Promise.resolve();
  #sent: Promise<void> = Promise.resolve();

  constructor(
    stream: Duplex,
    options: FakeQemuOptions,
    answer: (received: ReceivedCommand) => Promise<unknown>,
  ) {
    this.stream = stream;
    this.#chunkBytes = options.chunkBytes;
    this.#answer = answer;
    const decoder = new MessageDecoder();
    stream.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk, (message) => {
          this.#receive(message);
        });
      } catch {
        this.#reply({ error: { class: 'GenericError', desc: 'JSON parse error' } });
      }
    });
    this.send(`${stringifyJson(options.greeting ?? greetingOf(options))}\r\n`);
  }

  send(bytes: string | Buffer): void {
    if (this.#chunkBytes === undefined) {
      this.stream.write(bytes);
      return;
    }
    const size = this.#chunkBytes;
    const all = Buffer.from(bytes);
    this.#sent = this.#sent.then(async () => {
      for (let at = 0; at < all.length && !this.stream.destroyed; at += size) {
        this.stream.write(all.subarray(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  }

  #receive(message: JsonObject): void {
    const { execute, id, arguments: args } = message as Record<string, JsonValue | undefined>;
    const oob = message['exec-oob'];
    const command = execute ?? oob;
    if (typeof command !== 'string') {
      this.#reply({
        error: { class: 'GenericError', desc: "QMP input lacks member 'execute'" },
        id,
      });
      return;
    }
    const received = {
      command,
      arguments: isJsonObject(args) ? args : {},
      id,
      oob: oob !== undefined,
    };
    if (received.oob) void this.#execute(received);
    else this.#turn = this.#turn.then(() => this.#execute(received));
  }

  async #execute(received: ReceivedCommand): Promise<void> {
    const { id } = received;
    try {
      if (!this.#negotiated && received.command !== 'qmp_capabilities') {
        throw new FakeCommandError(
          "Expecting capabilities negotiation with 'qmp_capabilities'",
          'CommandNotFound',
        );
      }
      const value = await this.#answer(received);
      if (received.command === 'qmp_capabilities') this.#negotiated = true;
      if (value !== NO_REPLY) this.#reply({ return: value ?? {}, id });
    } catch (error) {
      this.#reply({
        error: {
          class: error instanceof FakeCommandError ? error.errorClass : 'GenericError',
          desc: error instanceof Error ? error.message : String(error),
        },
        id,
      });
    }
  }

  #reply(message: object): void {
    this.send(`${stringifyJson(message)}\r\n`);
  }
}

function greetingOf({ version, capabilities = ['oob'] }: FakeQemuOptions): JsonObject {
  const { major, minor, micro } = version ?? { major: 10, minor: 0, micro: 0 };
  return {
    QMP: {
      version: { qemu: { micro, minor, major }, package: '' },
      capabilities: [...capabilities],
    },
  };
}
