import type { Duplex } from 'node:stream';
import { formatAddress, parseAddress } from './address.js';
import { defaultCodecLimits, type CodecLimits } from './codec.js';
import { Connection } from './connection.js';
import {
  QmpAbortedError,
  QmpArgumentError,
  QmpCommandError,
  QmpConnectError,
  QmpDisconnectedError,
  QmpError,
  QmpLimitError,
  QmpProtocolError,
  QmpStateError,
  QmpTimeoutError,
  QmpUnsupportedError,
} from './errors.js';
import { QmpEvents, type QmpEvent } from './events.js';
import { formatVersion, readGreeting, type Greeting } from './greeting.js';
import { stringifyJson } from './json/stringify.js';
import { isJsonObject, type JsonObject, type JsonValue } from './json/value.js';
import { defaultTimeoutMs } from './timeouts.js';
import { connectStream } from './transport/connect.js';

/**
 * Where a client stands. Commands are accepted in `ready` only.
 *
 *     idle ──open()──► connecting ──greeting──► negotiating ──► ready ──close()──► closed
 *                          └───────────────────────┴──── failure, connection lost ────┘
 */
export type ClientState = 'idle' | 'connecting' | 'negotiating' | 'ready' | 'closed';

export interface QmpLimits extends CodecLimits {
  /** Commands without a reply that one client holds, sent or waiting to be sent. */
  readonly maxPending: number;
}

export interface ClientOptions {
  /** From the start of {@link QmpClient.open} to `ready`. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** How long a reply may take; default {@link defaultTimeoutMs}. Infinity waits for ever. */
  readonly commandTimeoutMs?: number | ((command: string) => number);
  /** Negotiate out-of-band execution if the monitor offers it. Default true. */
  readonly oob?: boolean;
  readonly limits?: Partial<QmpLimits>;
}

export interface ConnectOptions extends ClientOptions {
  /** Gives the attempt up; after connecting it has no effect. */
  readonly signal?: AbortSignal;
}

export interface ExecuteOptions {
  /** Stops waiting. A command that was sent is still executed by QEMU. */
  readonly signal?: AbortSignal;
  /** Stops waiting after so many milliseconds; Infinity never. Default: the client's `commandTimeoutMs`. */
  readonly timeoutMs?: number;
  /**
   * Ask QEMU to execute out of band (`exec-oob`): at once, even while the main loop is blocked. Only
   * for the few commands that allow it: migrate-pause, migrate-recover, query-yank, yank.
   */
  readonly oob?: boolean;
}

const defaultLimits: QmpLimits = { ...defaultCodecLimits, maxPending: 10_000 };

/**
 * With OOB, QEMU queues in-band commands and stops reading the socket when 8 are queued
 * (QMP_REQ_QUEUE_LEN_MAX in monitor/monitor.h): an OOB command sent then would wait as well.
 */
const IN_BAND_WINDOW_WITH_OOB = 7;

/** How the wait for a reply ended. */
type Outcome = { readonly reply: JsonValue } | { readonly error: QmpError };

interface PendingCommand {
  readonly id: number;
  readonly command: string;
  readonly arguments: JsonObject | undefined;
  readonly line: string;
  readonly oob: boolean;
  sent: boolean;
  /** Undefined once the caller waits no more; its late reply is dropped. */
  settle: ((outcome: Outcome) => void) | undefined;
}

/** A client of one QEMU monitor (QMP). */
export class QmpClient implements AsyncDisposable {
  /** The events of this connection. Subscribe before {@link open} to miss none. */
  readonly events = new QmpEvents();

  readonly #options: ClientOptions;
  readonly #limits: QmpLimits;
  #state: ClientState = 'idle';
  #connection: Connection | undefined;
  #greeting: Greeting | undefined;
  #oob = false;
  #nextId = 1;
  /** Sent or not, in the order in which they were asked for: QEMU answers in-band commands in order. */
  readonly #pending = new Map<number, PendingCommand>();
  /** The part of `#pending` that is not sent yet. */
  #unsent: PendingCommand[] = [];
  #inBandInFlight = 0;
  #droppedReplies = 0;
  #greeted: ((outcome: Greeting | QmpError) => void) | undefined;
  readonly #closed = deferred<QmpError | undefined>();
  #arrivedAtMs = 0;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  /** Connects and negotiates: `new QmpClient(options)` and {@link open} in one. */
  static async connect(address: string | Duplex, options: ConnectOptions = {}): Promise<QmpClient> {
    const client = new QmpClient(options);
    await client.open(address, options.signal === undefined ? {} : { signal: options.signal });
    return client;
  }

  get state(): ClientState {
    return this.#state;
  }

  /**
   * What the monitor said about itself.
   *
   * @throws QmpStateError before the greeting came
   */
  get greeting(): Greeting {
    if (this.#greeting === undefined) {
      throw new QmpStateError(this.#state, `There is no greeting yet (state: ${this.#state}).`);
    }
    return this.#greeting;
  }

  /** Such as `10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)`. @throws QmpStateError before the greeting came */
  get versionText(): string {
    return formatVersion(this.greeting.version);
  }

  /** Whether out-of-band execution was negotiated. */
  get oob(): boolean {
    return this.#oob;
  }

  /** Replies that came too late, or to no command of ours. They were dropped. */
  get droppedReplies(): number {
    return this.#droppedReplies;
  }

  /** Resolves when the connection has ended: with the reason, or with undefined after {@link close}. */
  get closed(): Promise<QmpError | undefined> {
    return this.#closed.promise;
  }

  /** The stream below: for the peer's credentials and for passing file descriptors. */
  get stream(): Duplex | undefined {
    return this.#connection?.stream;
  }

  /**
   * Connects to a monitor and negotiates.
   *
   * @param address `unix:/path`, `tcp:host:port`, `ws://host:port`, or a stream that is connected
   * @throws QmpConnectError QMP_CONNECT_FAILED, QMP_NO_GREETING, QMP_NEGOTIATION
   * @throws QmpProtocolError if the peer is no QMP server
   * @throws QmpAbortedError, QmpStateError, QmpArgumentError
   */
  async open(address: string | Duplex, options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state !== 'idle') {
      throw new QmpStateError(
        this.#state,
        `open() was called in the state ${this.#state}: a client opens once.`,
      );
    }
    const parsed = typeof address === 'string' ? parseAddress(address) : undefined;
    const name = parsed === undefined ? 'the given stream' : formatAddress(parsed);
    const timeoutMs = this.#options.connectTimeoutMs ?? 10_000;
    const timer = new AbortController();
    const timeout = setTimeout(() => {
      timer.abort();
    }, timeoutMs);
    const signal =
      options.signal === undefined ? timer.signal : AbortSignal.any([timer.signal, options.signal]);
    this.#state = 'connecting';
    try {
      if (signal.aborted) throw signal.reason as Error;
      const stream =
        parsed === undefined ? (address as Duplex) : await connectStream(parsed, signal);
      this.#connection = new Connection(stream, this.#limits, {
        message: this.#receive,
        drain: () => {
          this.#sendWaiting();
        },
        closed: this.#connectionClosed,
      });
      await this.#negotiate(name, timeoutMs, signal);
    } catch (error) {
      const reason = options.signal?.aborted
        ? new QmpAbortedError(`the connection to ${name}`, options.signal.reason)
        : error instanceof QmpError
          ? error
          : timer.signal.aborted
            ? new QmpConnectError(
                'QMP_CONNECT_FAILED',
                name,
                `No connection to ${name} within ${timeoutMs} ms.`,
                error,
              )
            : error;
      this.#end(reason instanceof QmpError ? reason : undefined);
      throw reason;
    } finally {
      clearTimeout(timeout);
    }
  }

  /**
   * Executes a command and gives what it returns.
   *
   * @throws QmpCommandError QEMU refused or failed it
   * @throws QmpTimeoutError, QmpAbortedError: if it was sent, QEMU may still execute it
   * @throws QmpDisconnectedError the connection ended before the reply: executed or not, nobody knows
   * @throws QmpStateError the client is not `ready`
   * @throws QmpArgumentError the arguments can't be sent; nothing was sent
   * @throws QmpLimitError too many commands are waiting for a reply
   */
  async execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options: ExecuteOptions = {},
  ): Promise<JsonValue> {
    if (this.#state !== 'ready') throw this.#notReady(command);
    return await this.#call(command, args, options);
  }

  /** Closes the connection; commands still waiting fail with QMP_DISCONNECTED, subscriptions end. */
  async close(): Promise<void> {
    this.#end(undefined);
    await this.#closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #negotiate(name: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const outcome = await new Promise<Greeting | QmpError>((resolve) => {
      this.#greeted = resolve;
      const giveUp = (): void => {
        resolve(
          new QmpConnectError(
            'QMP_NO_GREETING',
            name,
            `${name} accepted the connection but sent no greeting within ${timeoutMs} ms. A monitor ` +
              'serves one client at a time: either another client is connected (close it, or start QEMU ' +
              'with a second -qmp), or QEMU hangs, or this is not a QMP monitor.',
          ),
        );
      };
      signal.addEventListener('abort', giveUp, { once: true });
    });
    if (outcome instanceof QmpError) throw outcome;
    this.#greeting = outcome;
    this.#state = 'negotiating';
    const wantsOob = this.#options.oob !== false && outcome.capabilities.includes('oob');
    try {
      await this.#call('qmp_capabilities', wantsOob ? { enable: ['oob'] } : undefined, {
        timeoutMs,
        signal,
      });
    } catch (error) {
      if (error instanceof QmpDisconnectedError || error instanceof QmpProtocolError) throw error;
      const why =
        error instanceof QmpCommandError
          ? `it answered: ${error.description}`
          : `no reply within ${timeoutMs} ms`;
      throw new QmpConnectError(
        'QMP_NEGOTIATION',
        name,
        `${name} did not accept qmp_capabilities: ${why}.`,
        error,
      );
    }
    this.#oob = wantsOob;
    this.#state = 'ready';
  }

  async #call(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    options: ExecuteOptions,
  ): Promise<JsonValue> {
    const { signal, oob = false } = options;
    if (oob && !this.#oob) {
      throw new QmpUnsupportedError(
        `${command} can't be executed out of band: this monitor did not negotiate "oob" ` +
          `(QEMU offers it on sockets since 2.12, not on multiplexed chardevs).`,
      );
    }
    if (signal?.aborted === true)
      throw new QmpAbortedError(`the reply to ${command}`, signal.reason);
    if (this.#pending.size >= this.#limits.maxPending) {
      throw new QmpLimitError(
        `${this.#pending.size} commands wait for a reply already (limits.maxPending): QEMU does not answer.`,
      );
    }
    const pending = this.#prepare(command, args, oob);
    const timeoutMs = options.timeoutMs ?? this.#defaultTimeoutMs(command);
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    // The promise resolves with an outcome, and the error is thrown here, so that the stack trace
    // leads to the caller and not to the socket.
    const outcome = await new Promise<Outcome>((resolve) => {
      pending.settle = resolve;
      if (timeoutMs !== Infinity) {
        timer = setTimeout(() => {
          this.#abandon(pending, (sent) => timedOut(pending, timeoutMs, sent));
        }, timeoutMs);
      }
      if (signal !== undefined) {
        abort = () => {
          this.#abandon(
            pending,
            () => new QmpAbortedError(`the reply to ${command}`, signal.reason),
          );
        };
        signal.addEventListener('abort', abort, { once: true });
      }
      this.#submit(pending);
    });
    clearTimeout(timer);
    if (abort !== undefined) signal?.removeEventListener('abort', abort);
    if ('reply' in outcome) return outcome.reply;
    Error.captureStackTrace(outcome.error);
    throw outcome.error;
  }

  #prepare(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    oob: boolean,
  ): PendingCommand {
    const id = this.#nextId;
    const line = stringifyJson(
      { [oob ? 'exec-oob' : 'execute']: command, arguments: args, id },
      this.#limits.maxNesting,
    );
    if (line.length > this.#limits.maxMessageBytes) {
      throw new QmpArgumentError(
        `The arguments of ${command} are ${line.length} characters long, more than limits.maxMessageBytes allows.`,
      );
    }
    this.#nextId++;
    return {
      id,
      command,
      arguments: args as JsonObject | undefined,
      line,
      oob,
      sent: false,
      settle: undefined,
    };
  }

  #submit(pending: PendingCommand): void {
    this.#pending.set(pending.id, pending);
    if (this.#unsent.length === 0 && this.#maySend(pending)) this.#send(pending);
    else if (pending.oob && this.#connection?.writable === true) this.#send(pending);
    else this.#unsent.push(pending);
  }

  #maySend(pending: PendingCommand): boolean {
    if (this.#connection?.writable !== true) return false;
    return pending.oob || !this.#oob || this.#inBandInFlight < IN_BAND_WINDOW_WITH_OOB;
  }

  #send(pending: PendingCommand): void {
    pending.sent = true;
    if (!pending.oob) this.#inBandInFlight++;
    this.#connection?.send(pending.line);
  }

  #sendWaiting(): void {
    let next = this.#unsent[0];
    while (next !== undefined && this.#maySend(next)) {
      this.#unsent.shift();
      this.#send(next);
      next = this.#unsent[0];
    }
  }

  /** The caller waits no more. What was sent stays in `#pending`, so that its late reply is known. */
  #abandon(pending: PendingCommand, error: (sent: boolean) => QmpError): void {
    const { settle } = pending;
    if (settle === undefined) return;
    pending.settle = undefined;
    if (!pending.sent) {
      this.#pending.delete(pending.id);
      this.#unsent = this.#unsent.filter((other) => other !== pending);
    }
    settle({ error: error(pending.sent) });
  }

  readonly #receive = (message: JsonObject, text: string): void => {
    this.#arrivedAtMs = performance.timeOrigin + performance.now();
    if (typeof message['event'] === 'string') {
      this.events.deliver(readEvent(message, message['event'], this.#arrivedAtMs));
      return;
    }
    if ('return' in message || 'error' in message) {
      this.#receiveReply(message, text);
      return;
    }
    const greeting = readGreeting(message);
    if (greeting === undefined) {
      throw new QmpProtocolError('The peer sent what is neither reply, event nor greeting.', text);
    }
    this.#greeted?.(greeting);
  };

  #receiveReply(message: JsonObject, text: string): void {
    const pending = this.#findPending(message['id']);
    if (pending === undefined) {
      this.#droppedReplies++;
      return;
    }
    this.#pending.delete(pending.id);
    if (!pending.oob) this.#inBandInFlight--;
    const { settle } = pending;
    if (settle === undefined) this.#droppedReplies++;
    else settle(readReply(message, pending, text));
    if (this.#unsent.length > 0) this.#sendWaiting();
  }

  /**
   * A reply without id answers the oldest in-band command: QEMU queues even what it could not parse
   * (whose id it therefore does not know) and answers in order.
   */
  #findPending(id: JsonValue | undefined): PendingCommand | undefined {
    if (typeof id === 'number') {
      const pending = this.#pending.get(id);
      return pending?.sent === true ? pending : undefined;
    }
    if (id !== undefined) return undefined;
    for (const pending of this.#pending.values()) {
      if (pending.sent && !pending.oob) return pending;
    }
    return undefined;
  }

  readonly #connectionClosed = (error: QmpError): void => {
    this.#end(error);
    this.#closed.resolve(this.#endReason);
  };

  #endReason: QmpError | undefined;

  /** To `closed`: everything that waits fails. Without an error the caller wanted it. */
  #end(error: QmpError | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#endReason = error;
    const why = error ?? new QmpDisconnectedError('The client was closed by close().');
    this.#greeted?.(why);
    for (const pending of this.#pending.values()) {
      pending.settle?.({ error: lostReply(pending, why) });
      pending.settle = undefined;
    }
    this.#pending.clear();
    this.#unsent = [];
    this.events.finish(error);
    if (this.#connection === undefined) this.#closed.resolve(error);
    else this.#connection.destroy(why);
  }

  #defaultTimeoutMs(command: string): number {
    const { commandTimeoutMs } = this.#options;
    if (commandTimeoutMs === undefined) return defaultTimeoutMs(command);
    return typeof commandTimeoutMs === 'number' ? commandTimeoutMs : commandTimeoutMs(command);
  }

  #notReady(command: string): QmpStateError {
    const because =
      this.#endReason === undefined ? '' : ` The connection ended: ${this.#endReason.message}`;
    return new QmpStateError(
      this.#state,
      `${command} can't be executed in the state ${this.#state}, only in ready.${because}`,
    );
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: ((value: T) => void) | undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (value) => resolve?.(value) };
}

function readEvent(message: JsonObject, name: string, arrivedAtMs: number): QmpEvent {
  const { data, timestamp } = message as { data?: JsonValue; timestamp?: JsonValue };
  return {
    name,
    data: isJsonObject(data) ? data : {},
    qemuTimeUs: isJsonObject(timestamp) ? readTimestamp(timestamp) : undefined,
    arrivedAtMs,
  };
}

function readTimestamp(timestamp: JsonObject): number | undefined {
  const { seconds, microseconds } = timestamp as { seconds?: JsonValue; microseconds?: JsonValue };
  if (typeof seconds !== 'number' || typeof microseconds !== 'number' || seconds < 0) {
    return undefined;
  }
  return seconds * 1e6 + microseconds;
}

function readReply(message: JsonObject, pending: PendingCommand, text: string): Outcome {
  const { error, return: reply } = message as { error?: JsonValue; return?: JsonValue };
  if (reply !== undefined) return { reply };
  if (
    !isJsonObject(error) ||
    typeof error['class'] !== 'string' ||
    typeof error['desc'] !== 'string'
  ) {
    throw new QmpProtocolError('The peer sent an error without class and desc.', text);
  }
  return {
    error: new QmpCommandError(pending.command, pending.arguments, error['class'], error['desc']),
  };
}

function timedOut(pending: PendingCommand, timeoutMs: number, sent: boolean): QmpTimeoutError {
  const { command } = pending;
  return new QmpTimeoutError(
    command,
    timeoutMs,
    sent
      ? `${command} got no reply within ${timeoutMs} ms. QEMU's main loop is busy or blocked (I/O, the ` +
          `last phase of a migration) or QEMU is stopped. It may still execute the command; a late ` +
          `reply is dropped.`
      : `${command} was not sent within ${timeoutMs} ms, because QEMU does not take the commands before ` +
          `it. It will not be executed.`,
  );
}

function lostReply(pending: PendingCommand, why: QmpError): QmpError {
  const fate = pending.sent
    ? `Whether ${pending.command} was executed is not known.`
    : `${pending.command} was not sent.`;
  if (why instanceof QmpDisconnectedError) {
    return new QmpDisconnectedError(`${why.message} ${fate}`, why.cause ?? why);
  }
  return why;
}
