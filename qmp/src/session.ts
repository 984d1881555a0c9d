/**
 * One connection, from the first byte to the last: which reply belongs to which command, what may be
 * sent now, and what becomes of those who wait when it ends. A client has one session at a time, and a
 * new one after each reconnect.
 */
import type { Duplex } from 'node:stream';
import type { CodecLimits } from './codec.js';
import { Connection } from './connection.js';
import {
  QmpAbortedError,
  QmpArgumentError,
  QmpCommandError,
  QmpDisconnectedError,
  QmpError,
  QmpLimitError,
  QmpProtocolError,
  QmpTimeoutError,
} from './errors.js';
import { readEvent, type QmpEvent } from './event.js';
import { readGreeting, type Greeting } from './greeting.js';
import { QEMU_MAX_NESTING, refuseTooLong } from './inputLimits.js';
import { stringifyJson } from './json/stringify.js';
import { isJsonObject, type JsonObject, type JsonValue } from './json/value.js';
import type { Tracer } from './trace.js';

export interface QmpLimits extends CodecLimits {
  /** Commands without a reply that one client holds, sent or waiting to be sent. */
  readonly maxPending: number;
}

export interface SessionOptions {
  readonly limits: QmpLimits;
  readonly tracer: Tracer | undefined;
  /** Appended to the message of a timeout: what is known about this kind of transport. */
  readonly timeoutHint?: string;
}

export interface SessionHandlers {
  readonly event: (event: QmpEvent) => void;
  /** Called once, after all that waited has failed. */
  readonly ended: (error: QmpError, lost: readonly string[]) => void;
}

/** One command on its way. */
export interface Call {
  readonly command: string;
  readonly arguments: object | undefined;
  readonly oob: boolean;
  /** Infinity waits for ever. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Sends the line, with what else must go with it, in place of the ordinary write. */
  readonly transmit?: (line: string) => void;
  /** Bytes to send before the command: the agent's sentinel. */
  readonly prefix?: Buffer;
  /** A reply that it refuses belongs to an earlier command and is dropped (guest-sync). */
  readonly accepts?: (reply: JsonObject) => boolean;
}

/** How the wait for a reply ended. */
type Outcome = { readonly reply: JsonValue } | { readonly error: QmpError };

interface Pending {
  readonly id: number;
  readonly call: Call;
  readonly line: string;
  sent: boolean;
  /** Undefined once the caller waits no more; its late reply is dropped. */
  settle: ((outcome: Outcome) => void) | undefined;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #handlers: SessionHandlers;
  readonly #connection: Connection;
  /** Sent or not, in the order in which they were asked for: QEMU answers in-band commands in order. */
  readonly #pending = new Map<number, Pending>();
  /** The part of `#pending` that is not sent yet. */
  #unsent: Pending[] = [];
  #window = Infinity;
  #inBandInFlight = 0;
  /** Whether the peer returns ids: QEMU does, old agents don't. */
  #returnsIds = false;
  /** The error of a command that QEMU could not parse, until a reply with an id comes. */
  #parseError: JsonObject | undefined;
  #nextId = 1;
  #droppedReplies = 0;
  #greeting: Greeting | undefined;
  #greeted: ((outcome: Greeting | QmpError) => void) | undefined;
  #endReason: QmpError | undefined;

  constructor(stream: Duplex, options: SessionOptions, handlers: SessionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#connection = new Connection(stream, options.limits, {
      message: this.#receive,
      drain: () => {
        this.#sendWaiting();
      },
      closed: (error) => {
        this.end(error);
      },
    });
  }

  get stream(): Duplex {
    return this.#connection.stream;
  }

  /** Why it ended; undefined while it has not. */
  get endReason(): QmpError | undefined {
    return this.#endReason;
  }

  /** Replies that came too late, or to no command of ours. */
  get droppedReplies(): number {
    return this.#droppedReplies;
  }

  /**
   * How many in-band commands may be on their way at once; more wait here. Commands that nobody waits
   * for any more count until QEMU has answered them.
   */
  set inBandWindow(commands: number) {
    this.#window = commands;
    this.#sendWaiting();
  }

  /** The greeting, or why none came. It is called at most once. */
  async greeting(signal: AbortSignal): Promise<Greeting | QmpError | undefined> {
    if (this.#endReason !== undefined) return this.#endReason;
    if (this.#greeting !== undefined) return this.#greeting;
    if (signal.aborted) return undefined;
    return await new Promise((resolve) => {
      this.#greeted = resolve;
      signal.addEventListener(
        'abort',
        () => {
          resolve(undefined);
        },
        { once: true },
      );
    });
  }

  /** Sends a command and waits for its reply. It throws what {@link QmpClient.execute} documents. */
  async call(call: Call): Promise<JsonValue> {
    const { command, signal, timeoutMs } = call;
    if (this.#endReason !== undefined) throw this.#endReason;
    if (signal?.aborted === true) throw new QmpAbortedError(waited(command), signal.reason);
    const { maxPending } = this.#options.limits;
    if (this.#pending.size >= maxPending) {
      throw new QmpLimitError(
        `${this.#pending.size} commands wait for a reply already (limits.maxPending): QEMU does not answer.`,
      );
    }
    const pending = this.#prepare(call);
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    // The promise resolves with an outcome, and the error is thrown here, so that the stack trace
    // leads to the caller and not to the socket.
    const outcome = await new Promise<Outcome>((resolve) => {
      pending.settle = resolve;
      if (timeoutMs !== Infinity) {
        timer = setTimeout(() => {
          this.#abandon(pending, this.#timedOut(pending));
        }, timeoutMs);
      }
      if (signal !== undefined) {
        abort = () => {
          this.#abandon(pending, new QmpAbortedError(waited(command), signal.reason));
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

  /** Gives up on the commands nobody waits for any more: their replies, if any, are told apart otherwise. */
  forgetAbandoned(): void {
    for (const pending of this.#pending.values()) {
      if (pending.settle === undefined) this.#remove(pending);
    }
  }

  /** Everything that waits fails with `error`, and the connection is closed. */
  end(error: QmpError): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = error;
    this.#greeted?.(error);
    const lost: string[] = [];
    for (const pending of this.#pending.values()) {
      if (pending.sent) lost.push(pending.call.command);
      pending.settle?.({ error: lostReply(pending, error) });
      pending.settle = undefined;
    }
    this.#pending.clear();
    this.#unsent = [];
    this.#connection.destroy(error);
    this.#handlers.ended(error, lost);
  }

  #prepare(call: Call): Pending {
    const { limits } = this.#options;
    const { command, arguments: args, oob } = call;
    const id = this.#nextId;
    const head = `{"${oob ? 'exec-oob' : 'execute'}":${JSON.stringify(command)}`;
    const line =
      args === undefined
        ? `${head},"id":${id}}`
        : `${head},"arguments":${stringifyJson(args, Math.min(limits.maxNesting, QEMU_MAX_NESTING) - 1)},"id":${id}}`;
    refuseTooLong(command, line, limits);
    this.#nextId++;
    return { id, call, line, sent: false, settle: undefined };
  }

  #submit(pending: Pending): void {
    this.#pending.set(pending.id, pending);
    // What is sent out of band does not queue behind the others: that is what it is for.
    const first = this.#unsent.length === 0 || pending.call.oob;
    if (first && this.#maySend(pending)) this.#send(pending);
    else this.#unsent.push(pending);
  }

  #maySend(pending: Pending): boolean {
    if (!this.#connection.writable) return false;
    // What goes past the stream must not overtake what still waits in it.
    if (pending.call.transmit !== undefined && !this.#connection.idle) {
      this.#connection.whenIdle(() => {
        this.#sendWaiting();
      });
      return false;
    }
    return pending.call.oob || this.#inBandInFlight < this.#window;
  }

  #send(pending: Pending): void {
    const { call, line, id } = pending;
    pending.sent = true;
    if (!call.oob) this.#inBandInFlight++;
    this.#options.tracer?.sent(call.command, sentMessage(call, id));
    if (call.prefix !== undefined) this.#connection.sendRaw(call.prefix);
    if (call.transmit === undefined) this.#connection.send(line);
    else this.#transmit(pending, call.transmit);
  }

  #transmit(pending: Pending, transmit: (line: string) => void): void {
    try {
      transmit(pending.line);
    } catch (error) {
      const { settle } = pending;
      this.#remove(pending);
      settle?.({
        error:
          error instanceof QmpError
            ? error
            : new QmpArgumentError(
                `${pending.call.command} was not sent: its file descriptors could not be passed ` +
                  `(${error instanceof Error ? error.message : String(error)}).`,
                error,
              ),
      });
    }
  }

  #sendWaiting(): void {
    let next = this.#unsent[0];
    while (next !== undefined && this.#maySend(next)) {
      this.#unsent.shift();
      this.#send(next);
      next = this.#unsent[0];
    }
  }

  #remove(pending: Pending): void {
    this.#pending.delete(pending.id);
    if (pending.sent && !pending.call.oob) this.#inBandInFlight--;
    if (!pending.sent) this.#unsent = this.#unsent.filter((other) => other !== pending);
    if (this.#unsent.length > 0) this.#sendWaiting();
  }

  /** The caller waits no more. What was sent stays in `#pending`, so that its late reply is known. */
  #abandon(pending: Pending, error: QmpError): void {
    const { settle } = pending;
    if (settle === undefined) return;
    pending.settle = undefined;
    if (!pending.sent) this.#remove(pending);
    settle({ error });
  }

  readonly #receive = (message: JsonObject, text: string): void => {
    if (typeof message['event'] === 'string') {
      this.#options.tracer?.received(message['event'], message);
      this.#handlers.event(
        readEvent(message, message['event'], performance.timeOrigin + performance.now()),
      );
      return;
    }
    if ('return' in message || 'error' in message) {
      this.#receiveReply(message, text);
      return;
    }
    this.#options.tracer?.received(undefined, message);
    const greeting = readGreeting(message);
    if (greeting === undefined) {
      throw new QmpProtocolError('The peer sent what is neither reply, event nor greeting.', text);
    }
    this.#greeting ??= greeting;
    this.#greeted?.(greeting);
  };

  #receiveReply(message: JsonObject, text: string): void {
    const { tracer } = this.#options;
    const { id } = message;
    const pending = id === undefined ? this.#oldest(message) : this.#withId(id);
    tracer?.received(pending?.call.command, message);
    if (pending === undefined) {
      this.#droppedReplies++;
      tracer?.note('Dropped this reply: it answers no command that waits.');
    } else if (pending.call.accepts?.(message) === false) {
      this.#droppedReplies++;
      tracer?.note(`Dropped this reply: it is older than ${pending.call.command}.`);
    } else {
      if (id !== undefined) this.#failUnparsedBefore(pending, text);
      this.#settle(pending, message, text);
    }
  }

  #settle(pending: Pending, message: JsonObject, text: string): void {
    const { settle, call } = pending;
    const outcome = readReply(message, call, text);
    this.#remove(pending);
    if (settle === undefined) {
      this.#droppedReplies++;
      this.#options.tracer?.note(`Dropped this reply: nobody waits for ${call.command} any more.`);
    } else {
      settle(outcome);
    }
  }

  #withId(id: JsonValue): Pending | undefined {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending?.sent !== true) return undefined;
    this.#returnsIds = true;
    return pending;
  }

  /**
   * A reply without id answers the oldest in-band command: QEMU queues even what it could not parse
   * (whose id it therefore does not know) and answers in order. But it may go on parsing in the middle
   * of such a command, and complain several times: only the first complaint is taken at its word.
   */
  #oldest(message: JsonObject): Pending | undefined {
    if (this.#returnsIds && 'error' in message) {
      if (this.#parseError !== undefined) return undefined;
      this.#parseError = message;
    }
    for (const pending of this.#pending.values()) {
      if (pending.sent && !pending.call.oob) return pending;
    }
    return undefined;
  }

  /** Since QEMU answers in order, in-band commands before an answered one will get no reply any more. */
  #failUnparsedBefore(answered: Pending, text: string): void {
    const error = this.#parseError;
    if (error === undefined || answered.call.oob) return;
    this.#parseError = undefined;
    for (const pending of this.#pending.values()) {
      if (pending === answered) return;
      if (pending.sent && !pending.call.oob) this.#settle(pending, error, text);
    }
  }

  #timedOut({ call, sent }: Pending): QmpTimeoutError {
    const { command, timeoutMs } = call;
    const { timeoutHint } = this.#options;
    return new QmpTimeoutError(
      command,
      timeoutMs,
      (sent
        ? `${command} got no reply within ${timeoutMs} ms. QEMU's main loop is busy or blocked (I/O, the ` +
          `last phase of a migration) or QEMU is stopped. It may still execute the command; a late ` +
          `reply is dropped.`
        : `${command} was not sent within ${timeoutMs} ms, because QEMU does not take the commands ` +
          `before it. It will not be executed.`) +
        (timeoutHint === undefined ? '' : ` ${timeoutHint}`),
    );
  }
}

function waited(command: string): string {
  return `the reply to ${command}`;
}

function sentMessage({ command, arguments: args, oob }: Call, id: number): JsonObject {
  return {
    [oob ? 'exec-oob' : 'execute']: command,
    ...(args === undefined ? {} : { arguments: args as JsonObject }),
    id,
  };
}

function readReply(message: JsonObject, call: Call, text: string): Outcome {
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
    error: new QmpCommandError(call.command, call.arguments, error['class'], error['desc']),
  };
}

function lostReply({ call, sent }: Pending, why: QmpError): QmpError {
  if (!(why instanceof QmpDisconnectedError)) return why;
  const fate = sent
    ? `Whether ${call.command} was executed is not known.`
    : `${call.command} was not sent.`;
  return new QmpDisconnectedError(`${why.message} ${fate}`, why.cause ?? why);
}
