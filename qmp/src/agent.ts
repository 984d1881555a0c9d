import type { Duplex } from 'node:stream';
import { formatAddress, parseAddress } from './address.js';
import { defaultCodecLimits } from './codec.js';
import {
  QmpAbortedError,
  QmpConnectError,
  QmpDisconnectedError,
  QmpError,
  QmpStateError,
  QmpTimeoutError,
} from './errors.js';
import type { JsonObject, JsonValue } from './json/value.js';
import { Session, type Call } from './session.js';
import { defaultTimeoutMs } from './timeouts.js';
import { makeTracer, type TraceOptions } from './trace.js';
import { connectStream } from './transport/connect.js';

export interface AgentOptions {
  /** Connecting and the first synchronization. Default 10 s. */
  readonly connectTimeoutMs?: number;
  readonly trace?: TraceOptions;
  /** Gives the attempt to connect up. */
  readonly signal?: AbortSignal;
}

export interface AgentExecuteOptions {
  readonly signal?: AbortSignal;
  /** Default {@link defaultTimeoutMs}: an agent may be gone at any moment, with its guest. */
  readonly timeoutMs?: number;
  /** False for guest-shutdown and guest-suspend-*: they answer on failure only. Default true. */
  readonly expectReply?: boolean;
}

/** The byte that neither JSON nor UTF-8 has: it makes the agent forget a half-sent command. */
const SENTINEL = Buffer.from([0xff]);

/** The grace for a failure of a command that answers on failure only. */
const FAILURE_GRACE_MS = 500;

/**
 * A client of the guest agent (qemu-ga), which speaks a QMP without greeting, events and negotiation.
 *
 * The other end of its channel may change unnoticed: a reboot, an agent that restarts, a client before
 * us that left a reply behind. So it synchronizes (`guest-sync-delimited`) when it connects and after
 * each command that was given up. It sends one command at a time, since old agents return no ids.
 */
export class GuestAgent implements AsyncDisposable {
  readonly #session: Session;
  readonly #name: string;
  #synchronized = false;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #closed: Promise<QmpError>;

  private constructor(stream: Duplex, name: string, options: AgentOptions) {
    this.#name = name;
    let end: ((error: QmpError) => void) | undefined;
    this.#closed = new Promise((resolve) => {
      end = resolve;
    });
    this.#session = new Session(
      stream,
      {
        limits: { ...defaultCodecLimits, maxPending: 10_000 },
        tracer: makeTracer(options.trace),
      },
      {
        event: () => undefined,
        ended: (error) => end?.(error),
      },
    );
  }

  /**
   * Connects and synchronizes.
   *
   * @param address as for {@link QmpClient.open}: the socket of the agent's chardev
   * @throws QmpConnectError QMP_CONNECT_FAILED; QMP_NEGOTIATION if no agent answers
   * @throws QmpAbortedError, QmpProtocolError, QmpArgumentError
   */
  static async connect(address: string | Duplex, options: AgentOptions = {}): Promise<GuestAgent> {
    const target = typeof address === 'string' ? parseAddress(address) : undefined;
    const name = target === undefined ? 'the given stream' : formatAddress(target);
    const timeoutMs = options.connectTimeoutMs ?? 10_000;
    const timer = AbortSignal.timeout(timeoutMs);
    const signal = options.signal === undefined ? timer : AbortSignal.any([timer, options.signal]);
    let agent: GuestAgent | undefined;
    try {
      const stream =
        target === undefined ? (address as Duplex) : await connectStream(target, signal);
      agent = new GuestAgent(stream, name, options);
      await agent.#synchronize(timeoutMs, signal);
      return agent;
    } catch (error) {
      await agent?.close();
      if (options.signal?.aborted === true) {
        throw new QmpAbortedError(`the connection to ${name}`, options.signal.reason);
      }
      if (error instanceof QmpTimeoutError || error instanceof QmpAbortedError) {
        throw noAgent(name, timeoutMs, error);
      }
      if (error instanceof QmpError) throw error;
      throw new QmpConnectError(
        'QMP_CONNECT_FAILED',
        name,
        `No connection to ${name} within ${timeoutMs} ms.`,
        error,
      );
    }
  }

  /** Resolves with the reason when the connection has ended. */
  get closed(): Promise<QmpError> {
    return this.#closed;
  }

  /**
   * Executes a command in the guest.
   *
   * @throws QmpCommandError, QmpTimeoutError, QmpAbortedError, QmpDisconnectedError, QmpStateError
   */
  async execute(
    command: string,
    args?: object,
    options: AgentExecuteOptions = {},
  ): Promise<JsonValue> {
    const turn = this.#turn.then(() => this.#execute(command, args, options));
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  async close(): Promise<void> {
    this.#session.end(new QmpDisconnectedError('The agent client was closed by close().'));
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #execute(
    command: string,
    args: object | undefined,
    { signal, timeoutMs, expectReply = true }: AgentExecuteOptions,
  ): Promise<JsonValue> {
    if (this.#session.endReason !== undefined) {
      throw new QmpStateError(
        'closed',
        `${command} can't be executed: ${this.#session.endReason.message}`,
      );
    }
    const limitMs = expectReply ? (timeoutMs ?? defaultTimeoutMs(command)) : FAILURE_GRACE_MS;
    if (!this.#synchronized) await this.#synchronize(limitMs, signal);
    try {
      return await this.#session.call({
        ...{ command, arguments: args, oob: false },
        ...{ timeoutMs: limitMs, signal },
      });
    } catch (error) {
      const givenUp = error instanceof QmpTimeoutError || error instanceof QmpAbortedError;
      if (givenUp) this.#synchronized = false;
      if (error instanceof QmpTimeoutError && !expectReply) return {};
      throw error;
    }
  }

  async #synchronize(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    this.#session.forgetAbandoned();
    const id = Math.floor(Math.random() * 2 ** 31);
    const call: Call = {
      command: 'guest-sync-delimited',
      arguments: { id },
      oob: false,
      timeoutMs,
      signal,
      prefix: SENTINEL,
      // Whatever comes before it answers somebody else's command.
      accepts: (reply: JsonObject) => reply['return'] === id,
    };
    try {
      await this.#session.call(call);
    } catch (error) {
      throw error instanceof QmpTimeoutError ? noAgent(this.#name, timeoutMs, error) : error;
    }
    this.#synchronized = true;
  }
}

function noAgent(name: string, timeoutMs: number, cause: unknown): QmpConnectError {
  return new QmpConnectError(
    'QMP_NEGOTIATION',
    name,
    `No guest agent answered guest-sync-delimited on ${name} within ${timeoutMs} ms: it is not ` +
      'running in the guest, the guest hangs or is not up yet, or this is the socket of something else.',
    cause,
  );
}
