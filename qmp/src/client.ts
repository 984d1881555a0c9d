import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatAddress, parseAddress, type QmpAddress } from './address.js';
import { defaultCodecLimits } from './codec.js';
import {
  QmpAbortedError,
  QmpCommandError,
  QmpConnectError,
  QmpDisconnectedError,
  QmpError,
  QmpProtocolError,
  QmpStateError,
  QmpTimeoutError,
  QmpUnsupportedError,
} from './errors.js';
import { QmpEvents } from './events.js';
import type { Qemu } from './generated/qemu.js';
import { formatVersion, type Greeting } from './greeting.js';
import type { JsonValue } from './json/value.js';
import { unixSocketFd, type NativeSockets, type PeerCredentials } from './native.js';
import type { ArgumentsOf, CommandName, Empty, Qapi, ReturnsOf } from './qapi.js';
import {
  delayBeforeMs,
  describeGap,
  type ConnectionGap,
  type ReconnectOptions,
} from './reconnect.js';
import { QapiSchema, type SchemaQuestion } from './schema/schema.js';
import { Session, type QmpLimits } from './session.js';
import { transition, type ClientState } from './state.js';
import { defaultTimeoutMs } from './timeouts.js';
import { makeTracer, type TraceOptions, type Tracer } from './trace.js';
import { connectStream } from './transport/connect.js';
import { WEBSOCKET_HINT } from './transport/websocket.js';

export interface ClientOptions {
  /** From the start of {@link QmpClient.open} to `ready`. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /**
   * Keep trying, until `connectTimeoutMs`, while there is no such socket or nobody listens on it: for a
   * QEMU that was started a moment ago. Default false.
   */
  readonly waitForSocket?: boolean;
  /** How long a reply may take; default {@link defaultTimeoutMs}. Infinity waits for ever. */
  readonly commandTimeoutMs?: number | ((command: string) => number);
  /** Negotiate out-of-band execution if the monitor offers it. Default true. */
  readonly oob?: boolean;
  readonly limits?: Partial<QmpLimits>;
  readonly trace?: TraceOptions;
  /** Connect again when the connection is lost; not for a stream. Default: no. */
  readonly reconnect?: ReconnectOptions;
  /** For file descriptors and peer credentials. */
  readonly native?: NativeSockets;
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
  /**
   * Descriptors of this process to pass with the command (`getfd`, `add-fd`, `guest` chardevs). QEMU
   * gets duplicates. Needs a unix socket and the option `native`.
   */
  readonly fds?: readonly number[];
}

/** The parameters of {@link QmpClient.execute} after the command: arguments only where some are needed. */
export type ExecuteParameters<Arguments> = Empty extends Arguments
  ? [args?: Arguments | undefined, options?: ExecuteOptions]
  : [args: Arguments, options?: ExecuteOptions];

const defaultLimits: QmpLimits = { ...defaultCodecLimits, maxPending: 10_000 };

/** Between two looks at a socket that is not there yet. */
const POLL_MS = 20;

/**
 * With OOB, QEMU queues in-band commands and stops reading the socket when 8 are queued
 * (QMP_REQ_QUEUE_LEN_MAX in include/monitor/monitor.h): an OOB command sent then would wait as well.
 */
const IN_BAND_WINDOW_WITH_OOB = 7;

/**
 * A client of one QEMU monitor (QMP).
 *
 * The type parameter says which commands, arguments, results and events the compiler knows: by default
 * those of all QEMU versions that this package knows, merged; `QmpClient<Qemu10_0>` for one version.
 * Names outside of it can be used as well, untyped.
 */
export class QmpClient<Q extends Qapi = Qemu> implements AsyncDisposable {
  /** The events of this connection. Subscribe before {@link open} to miss none. */
  readonly events = new QmpEvents<Q>();

  readonly #options: ClientOptions;
  readonly #limits: QmpLimits;
  readonly #tracer: Tracer | undefined;
  #state: ClientState = 'idle';
  /** Aborted by close(): ends attempts to connect. */
  readonly #closing = new AbortController();
  readonly #closed = deferred<QmpError | undefined>();
  #endReason: QmpError | undefined;
  #readyWaiters = new Set<() => void>();

  #address: QmpAddress | undefined;
  #session: Session | undefined;
  #droppedReplies = 0;
  #greeting: Greeting | undefined;
  #peerPid: number | undefined;
  #oob = false;
  #schema: Promise<QapiSchema> | undefined;
  /** Commands with descriptors go one by one: QEMU keeps only those that came last. */
  #fdTurn: Promise<unknown> = Promise.resolve();

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#tracer = makeTracer(options.trace);
  }

  /** Connects and negotiates: `new QmpClient(options)` and {@link open} in one. */
  static async connect<Q extends Qapi = Qemu>(
    address: string | Duplex,
    options: ConnectOptions = {},
  ): Promise<QmpClient<Q>> {
    const client = new QmpClient<Q>(options);
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
    return this.#droppedReplies + (this.#session?.droppedReplies ?? 0);
  }

  /** Resolves when the client has ended: with the reason, or with undefined after {@link close}. */
  get closed(): Promise<QmpError | undefined> {
    return this.#closed.promise;
  }

  /** The stream below; undefined while there is no connection. */
  get stream(): Duplex | undefined {
    return this.#session?.stream;
  }

  /**
   * Connects to a monitor and negotiates.
   *
   * @param address `unix:/path`, `tcp:host:port`, `ws://host:port`, `libvirt:DOMAIN`, or a stream that
   *   is connected
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
    this.#address = typeof address === 'string' ? parseAddress(address) : undefined;
    this.#go('connecting');
    try {
      await this.#connect(this.#address ?? (address as Duplex), options.signal);
    } catch (error) {
      this.#finish(error instanceof QmpError ? error : undefined);
      throw error;
    }
    this.#becomeReady();
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
   * @throws QmpUnsupportedError out of band, or descriptors, where the connection can't
   */
  async execute<Name extends CommandName<Q> | (string & {})>(
    command: Name,
    ...[args, options = {}]: ExecuteParameters<ArgumentsOf<Q, Name>>
  ): Promise<ReturnsOf<Q, Name>> {
    // What QEMU returns is as its schema says; the generated types are that schema.
    return (await this.#execute(command, args as object | undefined, options)) as ReturnsOf<
      Q,
      Name
    >;
  }

  /**
   * The connected QEMU's own schema. Asked for once per connection (some 220 KB, a few ms).
   *
   * @throws what {@link execute} throws
   */
  async schema(): Promise<QapiSchema> {
    try {
      this.#schema ??= this.#execute('query-qmp-schema', undefined, {}).then(
        (reply) => new QapiSchema(reply),
      );
      return await this.#schema;
    } catch (error) {
      this.#schema = undefined;
      throw error;
    }
  }

  /**
   * Whether the connected QEMU has that command, argument, result, event or value.
   *
   *     await client.supports({ command: 'migrate-set-parameters', argument: 'avail-switchover-bandwidth' })
   *     await client.supports({ command: 'migrate-set-capabilities', argument: 'capabilities.capability', value: 'switchover-ack' })
   *
   * @throws what {@link execute} throws
   */
  async supports(question: SchemaQuestion): Promise<boolean> {
    return (await this.schema()).supports(question);
  }

  /**
   * Gives QEMU a duplicate of a descriptor under a name (`getfd`), for commands that take `fd:NAME`.
   *
   * @throws QmpUnsupportedError without the option `native`, or if this is no unix socket
   * @throws what {@link execute} throws
   */
  async passFd(name: string, fd: number): Promise<void> {
    await this.#execute('getfd', { fdname: name }, { fds: [fd] });
  }

  /**
   * Adds a duplicate of a descriptor to a set (`add-fd`), for file names `/dev/fdset/SET`.
   *
   * @throws QmpUnsupportedError without the option `native`, or if this is no unix socket
   * @throws what {@link execute} throws
   */
  async addFd(
    fd: number,
    options: { set?: number; opaque?: string } = {},
  ): Promise<{ set: number; fd: number }> {
    const reply = (await this.#execute(
      'add-fd',
      { 'fdset-id': options.set, opaque: options.opaque },
      { fds: [fd] },
    )) as { 'fdset-id': number; fd: number };
    return { set: reply['fdset-id'], fd: reply.fd };
  }

  /**
   * Who is at the other end of the unix socket: QEMU's process.
   *
   * @throws QmpUnsupportedError without the option `native`, or if this is no unix socket
   */
  peerCredentials(): PeerCredentials {
    return this.#native('Peer credentials').peerCredentials(unixSocketFd(this.stream));
  }

  /** Resolves when the client is `ready`: at once, or after a reconnect. @throws the reason if it closes */
  async ready(options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    while (this.#state !== 'ready') {
      if (this.#state === 'closed') throw this.#notReady('ready()');
      if (signal?.aborted === true) throw new QmpAbortedError('the connection', signal.reason);
      let abort: (() => void) | undefined;
      await new Promise<void>((resolve) => {
        this.#readyWaiters.add(resolve);
        abort = resolve;
        signal?.addEventListener('abort', abort, { once: true });
      });
      if (abort !== undefined) signal?.removeEventListener('abort', abort);
    }
  }

  /** Closes the connection; commands still waiting fail with QMP_DISCONNECTED, subscriptions end. */
  async close(): Promise<void> {
    const { stream } = this;
    this.#finish(undefined);
    if (stream !== undefined && !stream.closed) {
      await new Promise<void>((resolve) => stream.once('close', resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Not async, for speed: what it throws at once, its async callers turn into rejections. */
  #execute(command: string, args: object | undefined, options: ExecuteOptions): Promise<JsonValue> {
    if (this.#state !== 'ready' || this.#session === undefined) throw this.#notReady(command);
    const { oob = false, fds } = options;
    if (oob && !this.#oob) {
      throw new QmpUnsupportedError(
        `${command} can't be executed out of band: this monitor did not negotiate "oob" ` +
          `(QEMU offers it on sockets since 2.12, not on multiplexed chardevs).`,
      );
    }
    const call = {
      command,
      arguments: args,
      oob,
      timeoutMs: options.timeoutMs ?? this.#defaultTimeoutMs(command),
      signal: options.signal,
    };
    return fds === undefined || fds.length === 0
      ? this.#session.call(call)
      : this.#callWithFds(this.#session, call, fds);
  }

  async #callWithFds(
    session: Session,
    call: Parameters<Session['call']>[0],
    fds: readonly number[],
  ): Promise<JsonValue> {
    const native = this.#native('Passing file descriptors');
    const { stream } = session;
    unixSocketFd(stream);
    const transmit = (line: string): void => {
      const bytes = Buffer.from(`${line}\n`);
      const sentBytes = native.sendmsg(unixSocketFd(stream), bytes, fds);
      // The descriptors went with the first bytes; the rest may go the ordinary way.
      if (sentBytes < bytes.length) stream.write(bytes.subarray(sentBytes));
    };
    const turn = this.#fdTurn.then(() => session.call({ ...call, transmit }));
    this.#fdTurn = turn.catch(() => undefined);
    return await turn;
  }

  /**
   * From the first packet to the end of the negotiation.
   *
   * A client that connects in the very moment in which QEMU moves its new monitor to a thread of its own
   * (monitor_qmp_setup_handlers_bh) can have its first bytes read by both threads: what QEMU then parses
   * is garbled, and it answers with a parse error or never. Seen once in some 5,000 starts of 7.2. The
   * next connection is not affected, so one is made.
   */
  async #connect(
    target: QmpAddress | Duplex,
    callerSignal: AbortSignal | undefined,
  ): Promise<void> {
    const name = 'kind' in target ? formatAddress(target) : 'the given stream';
    const timeoutMs = this.#options.connectTimeoutMs ?? 10_000;
    const timer = new AbortController();
    const timeout = setTimeout(() => {
      timer.abort();
    }, timeoutMs);
    const signals = [timer.signal, this.#closing.signal];
    const signal = AbortSignal.any(
      callerSignal === undefined ? signals : [...signals, callerSignal],
    );
    const stop = (error: unknown): QmpError => {
      if (callerSignal?.aborted === true) {
        return new QmpAbortedError(`the connection to ${name}`, callerSignal.reason);
      }
      if (this.#closing.signal.aborted) return closedByUs();
      if (error instanceof QmpDisconnectedError) {
        const message = `${name} closed the connection before it was negotiated. ${error.message}`;
        return new QmpConnectError('QMP_CONNECT_FAILED', name, message, error);
      }
      if (error instanceof QmpError) return error;
      const message = timer.signal.aborted
        ? `No connection to ${name} within ${timeoutMs} ms.`
        : `Could not connect to ${name}: ${error instanceof Error ? error.message : String(error)}`;
      return new QmpConnectError('QMP_CONNECT_FAILED', name, message, error);
    };
    try {
      const startMs = performance.now();
      const garbled = await this.#attempt(target, name, timeoutMs, signal, true);
      if (garbled) {
        this.#tracer?.note(`Connecting to ${name} once more: ${garbled.message}`);
        this.#session?.end(garbled);
        this.#go('connecting');
        const leftMs = Math.max(1, timeoutMs - (performance.now() - startMs));
        await this.#attempt(target, name, Math.round(leftMs), signal, false);
      }
    } catch (error) {
      const reason = stop(error);
      this.#session?.end(reason);
      throw reason;
    } finally {
      clearTimeout(timeout);
    }
  }

  /** @returns why a second attempt is worth while, if `mayRetry` and QEMU may have read the first garbled */
  async #attempt(
    target: QmpAddress | Duplex,
    name: string,
    timeoutMs: number,
    signal: AbortSignal,
    mayRetry: boolean,
  ): Promise<QmpConnectError | undefined> {
    this.#tracer?.verbose(`Connecting to ${name}.`);
    signal.throwIfAborted();
    const stream = 'kind' in target ? await this.#openStream(target, signal) : target;
    const kind = 'kind' in target ? target.kind : 'stream';
    const hint = kind === 'websocket' ? WEBSOCKET_HINT : undefined;
    const session: Session = new Session(
      stream,
      {
        limits: this.#limits,
        tracer: this.#tracer,
        ...(hint === undefined ? {} : { timeoutHint: hint }),
      },
      {
        event: (event) => {
          this.events.deliver(event);
        },
        ended: (error, lost) => {
          this.#sessionEnded(session, error, lost);
        },
      },
    );
    this.#session = session;
    if (kind === 'libvirt') session.inBandWindow = 1; // its proxy can't take a second command
    // Only these reach QEMU's own socket, and can be connected to again.
    const canRetry = mayRetry && (kind === 'unix' || kind === 'tcp');
    const patienceMs = canRetry ? Math.ceil(timeoutMs / 4) : timeoutMs;
    try {
      await this.#negotiate(session, name, { timeoutMs, patienceMs, hint }, signal);
    } catch (error) {
      if (canRetry && !signal.aborted && mayHaveBeenGarbled(error)) return error;
      throw error;
    }
    return undefined;
  }

  async #openStream(target: QmpAddress, signal: AbortSignal): Promise<Duplex> {
    for (;;) {
      try {
        return await connectStream(target, signal);
      } catch (error) {
        const mayCome = error instanceof QmpConnectError && error.nobodyListens;
        if (this.#options.waitForSocket !== true || !mayCome) throw error;
        // An abort during the pause must not hide why there is no connection.
        await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) throw error;
      }
    }
  }

  async #negotiate(
    session: Session,
    name: string,
    {
      timeoutMs,
      patienceMs,
      hint = '',
    }: { timeoutMs: number; patienceMs: number; hint?: string | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const outcome = await session.greeting(signal);
    if (outcome === undefined) {
      throw new QmpConnectError(
        'QMP_NO_GREETING',
        name,
        `${name} accepted the connection but sent no greeting within ${timeoutMs} ms. A monitor serves ` +
          'one client at a time: either another client is connected (close it, or start QEMU with a ' +
          `second -qmp), or QEMU hangs, or this is not a QMP monitor. ${hint}`.trimEnd(),
      );
    }
    if (outcome instanceof QmpError) throw outcome;
    this.#greeting = outcome;
    this.#go('negotiating');
    // libvirt's proxy offers OOB and then does not do it.
    const wantsOob =
      this.#options.oob !== false &&
      this.#address?.kind !== 'libvirt' &&
      outcome.capabilities.includes('oob');
    try {
      await session.call({
        command: 'qmp_capabilities',
        arguments: wantsOob ? { enable: ['oob'] } : undefined,
        oob: false,
        timeoutMs: patienceMs,
        signal,
      });
    } catch (error) {
      if (error instanceof QmpDisconnectedError || error instanceof QmpProtocolError) throw error;
      const why =
        error instanceof QmpCommandError
          ? `it answered: ${error.description}`
          : `no reply within ${patienceMs} ms. ${hint}`.trimEnd();
      throw new QmpConnectError(
        'QMP_NEGOTIATION',
        name,
        `${name} did not accept qmp_capabilities: ${why}`,
        error,
      );
    }
    // What followed the reply at once may have been garbage.
    if (session.endReason !== undefined) throw session.endReason;
    this.#oob = wantsOob;
    if (wantsOob) session.inBandWindow = IN_BAND_WINDOW_WITH_OOB;
  }

  #becomeReady(): void {
    this.#go('ready');
    this.#peerPid = this.#currentPeerPid();
    this.#wakeReadyWaiters();
  }

  #sessionEnded(session: Session, error: QmpError, lost: readonly string[]): void {
    if (session !== this.#session) return;
    this.#droppedReplies += session.droppedReplies;
    this.#session = undefined;
    this.#schema = undefined;
    if (this.#state !== 'ready') return; // a failed attempt: whoever made it goes on
    this.#tracer?.note(`The connection ended: ${error.message}`);
    if (this.#options.reconnect === undefined || this.#address === undefined || !isLoss(error)) {
      this.#finish(error);
      return;
    }
    this.#go('reconnecting');
    void this.#reconnect(this.#address, this.#options.reconnect, error, lost);
  }

  /** Never rejects: it ends with `ready` or `closed`. */
  async #reconnect(
    address: QmpAddress,
    options: ReconnectOptions,
    reason: QmpError,
    unanswered: readonly string[],
  ): Promise<void> {
    const lostAtMs = Date.now();
    const before = { version: this.versionText, pid: this.#peerPid };
    let last: unknown = reason;
    for (let attempt = 1; attempt <= (options.maxAttempts ?? Infinity); attempt++) {
      try {
        await sleep(delayBeforeMs(attempt, options), undefined, { signal: this.#closing.signal });
        this.#go('connecting');
        await this.#connect(address, undefined);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        last = error;
        this.#tracer?.note(`Attempt ${attempt} to reconnect failed: ${String(error)}`);
        this.#go('reconnecting');
        continue;
      }
      this.#becomeReady();
      const facts = {
        reason,
        lostAtMs,
        backAtMs: Date.now(),
        attempts: attempt,
        unanswered,
        otherQemu: this.#isOtherQemu(before),
      };
      this.#reportGap({ ...facts, message: describeGap(facts) }, options);
      return;
    }
    this.#finish(
      new QmpDisconnectedError(
        `${reason.message} Reconnecting failed ${options.maxAttempts ?? 0} times.`,
        last,
      ),
    );
  }

  #isOtherQemu(before: { version: string; pid: number | undefined }): boolean | undefined {
    if (this.versionText !== before.version) return true;
    if (this.#peerPid === undefined || before.pid === undefined) return undefined;
    return this.#peerPid !== before.pid;
  }

  #reportGap(gap: ConnectionGap, options: ReconnectOptions): void {
    this.#tracer?.note(gap.message);
    this.events.gap();
    options.onGap?.(gap);
  }

  #currentPeerPid(): number | undefined {
    try {
      return this.#options.native?.peerCredentials(unixSocketFd(this.stream)).pid;
    } catch {
      return undefined; // not a unix socket: then it can't be told
    }
  }

  /** To `closed`: everything that waits fails. Without an error the caller wanted it. */
  #finish(error: QmpError | undefined): void {
    if (this.#state === 'closed') return;
    this.#endReason = error;
    this.#go('closed');
    this.#closing.abort();
    this.#session?.end(error ?? closedByUs());
    this.events.finish(error);
    this.#wakeReadyWaiters();
    this.#closed.resolve(error);
  }

  #wakeReadyWaiters(): void {
    for (const wake of this.#readyWaiters) wake();
    this.#readyWaiters.clear();
  }

  #go(state: ClientState): void {
    this.#tracer?.verbose(`State: ${this.#state} to ${state}.`);
    this.#state = transition(this.#state, state);
  }

  #native(what: string): NativeSockets {
    const { native } = this.#options;
    if (native !== undefined) return native;
    throw new QmpUnsupportedError(
      `${what} needs the option "native": an object that makes the system calls, such as ` +
        'LibcKernel of linux-vfio-ts.',
    );
  }

  #defaultTimeoutMs(command: string): number {
    const { commandTimeoutMs } = this.#options;
    if (commandTimeoutMs === undefined) return defaultTimeoutMs(command);
    return typeof commandTimeoutMs === 'number' ? commandTimeoutMs : commandTimeoutMs(command);
  }

  #notReady(what: string): QmpStateError {
    const because =
      this.#endReason === undefined ? '' : ` The connection ended: ${this.#endReason.message}`;
    return new QmpStateError(
      this.#state,
      `${what} is not possible in the state ${this.#state}, only in ready.${because}`,
    );
  }
}

/** QEMU's answer to a first command of which it read other bytes than were sent. */
function mayHaveBeenGarbled(error: unknown): error is QmpConnectError {
  if (!(error instanceof QmpConnectError) || error.code !== 'QMP_NEGOTIATION') return false;
  const { cause } = error;
  return (
    cause instanceof QmpTimeoutError ||
    (cause instanceof QmpCommandError && cause.description.startsWith('JSON parse error'))
  );
}

/** A peer that is gone may come back; one that does not speak QMP will not learn it. */
function isLoss(error: QmpError): boolean {
  return error instanceof QmpDisconnectedError;
}

function closedByUs(): QmpDisconnectedError {
  return new QmpDisconnectedError('The client was closed by close().');
}

/** Promise.withResolvers, which Node 20 does not have. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: ((value: T) => void) | undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (value) => resolve?.(value) };
}
