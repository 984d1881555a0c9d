/**
 * Events, for those who wait for them.
 *
 * QEMU sends an event once, whether somebody listens or not, so subscribe *before* the command that
 * causes it:
 *
 *     using passes = client.events.subscribe(['MIGRATION', 'MIGRATION_PASS']);
 *     await client.execute('migrate', { uri });
 *     for await (const event of passes) { ... }
 *
 * or, for one event, start waiting first:
 *
 *     const stopped = client.events.waitFor('STOP', { timeoutMs: 5000 });
 *     await client.execute('stop');
 *     await stopped;
 *
 * A subscription holds at most `limit` unread events; its `overflow` policy says what gives when one
 * more comes, and `dropped` counts what was lost. Nothing is held for events nobody subscribed to.
 */
import {
  QmpAbortedError,
  QmpArgumentError,
  QmpOverflowError,
  QmpStateError,
  QmpTimeoutError,
  type QmpError,
} from './errors.js';
import type { EventOf, QmpEvent } from './event.js';
import type { Qemu } from './generated/qemu.js';
import type { EventName, Qapi } from './qapi.js';

/** What happens to a subscription that is full when one more event arrives. */
export type OverflowPolicy = 'drop-oldest' | 'drop-newest' | 'error';

export interface SubscribeOptions<E = QmpEvent> {
  /** Keeps only the events for which it returns true. If it throws, the subscription ends with that. */
  readonly filter?: (event: E) => boolean;
  /** Unread events held at most. Default 10,000. */
  readonly limit?: number;
  /** Default 'drop-oldest': what is read next is recent, and `dropped` says that something is missing. */
  readonly overflow?: OverflowPolicy;
  /** Closes the subscription. */
  readonly signal?: AbortSignal;
}

export interface WaitOptions<E = QmpEvent> {
  /** Waits for the first event for which it returns true. */
  readonly predicate?: (event: E) => boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** An event of whatever name and data. */
type AnyEvent = QmpEvent<string, unknown>;

const DEFAULT_LIMIT = 10_000;

/** A subscription, whatever its events are. */
interface Recipient {
  offer(event: AnyEvent): void;
  countGap(): void;
  end(error: QmpError | undefined): void;
}

/** The events of one client. Subscriptions go on through a reconnect; see {@link EventSubscription.gaps}. */
export class QmpEvents<Q extends Qapi = Qemu> implements AsyncIterable<EventOf<Q, string>> {
  readonly #subscriptions = new Set<Recipient>();
  #end: { error: QmpError | undefined } | undefined;

  /**
   * Takes the events of these names, or all, from now on until it is closed. Close it (or say `using`)
   * when done.
   */
  subscribe<Name extends EventName<Q> | (string & {}) = string>(
    names?: Name | readonly Name[],
    options: SubscribeOptions<EventOf<Q, Name>> = {},
  ): EventSubscription<EventOf<Q, Name>> {
    const subscription = new EventSubscription<EventOf<Q, Name>>(names, options, () => {
      this.#subscriptions.delete(subscription);
    });
    if (this.#end !== undefined) subscription.end(this.#end.error);
    else if (!subscription.closed) this.#subscriptions.add(subscription);
    return subscription;
  }

  /** All events from now on; breaking out of the loop ends the subscription. */
  [Symbol.asyncIterator](): AsyncIterator<EventOf<Q, string>> {
    return this.subscribe()[Symbol.asyncIterator]();
  }

  /**
   * The next event of that name. Listens from the moment of the call, so call it before the command
   * that causes the event, and await the promise after.
   *
   * @throws QmpTimeoutError, QmpAbortedError, QmpDisconnectedError
   */
  waitFor<Name extends EventName<Q> | (string & {})>(
    names: Name | readonly Name[],
    options: WaitOptions<EventOf<Q, Name>> = {},
  ): Promise<EventOf<Q, Name>> {
    const event = this.#waitFor(names, options);
    // If the command between waitFor() and its await fails, nobody awaits this promise any more:
    // its own failure must then not end the process as an unhandled rejection.
    event.catch(() => undefined);
    return event;
  }

  /** @internal Hands an event to those who subscribed to it. */
  deliver(event: QmpEvent): void {
    for (const subscription of this.#subscriptions) subscription.offer(event);
  }

  /** @internal The connection was lost and is back: whatever was sent in between is missing. */
  gap(): void {
    for (const subscription of this.#subscriptions) subscription.countGap();
  }

  /** @internal Ends all subscriptions: with an error if the connection was lost. */
  finish(error: QmpError | undefined): void {
    this.#end = { error };
    for (const subscription of [...this.#subscriptions]) subscription.end(error);
  }

  async #waitFor<Name extends string>(
    names: Name | readonly Name[],
    options: WaitOptions<EventOf<Q, Name>>,
  ): Promise<EventOf<Q, Name>> {
    const { predicate, ...limits } = options;
    using subscription = this.subscribe<Name>(names, {
      limit: 1,
      overflow: 'drop-newest',
      ...(predicate === undefined ? {} : { filter: predicate }),
    });
    return await subscription.next(limits);
  }
}

interface Waiter<E> {
  resolve(event: E): void;
  reject(error: QmpError): void;
  end(): void;
}

/** A bounded queue of events, read by `next()` or `for await`. Reading it in two places shares it. */
export class EventSubscription<E = QmpEvent> implements AsyncIterable<E>, Disposable {
  readonly #names: ReadonlySet<string> | undefined;
  readonly #filter: ((event: E) => boolean) | undefined;
  readonly #limit: number;
  readonly #overflow: OverflowPolicy;
  readonly #onClose: () => void;
  readonly #unsubscribeSignal: () => void;
  /** The unread events are `#queue[#first...]`; shifting an array is linear, moving an index is not. */
  #queue: E[] = [];
  #first = 0;
  readonly #waiters = new Set<Waiter<E>>();
  #ended: { error: QmpError | undefined } | undefined;
  #dropped = 0;
  #gaps = 0;

  /** @internal Use {@link QmpEvents.subscribe}. */
  constructor(
    names: string | readonly string[] | undefined,
    options: SubscribeOptions<E>,
    onClose: () => void,
  ) {
    this.#names =
      names === undefined ? undefined : new Set(typeof names === 'string' ? [names] : names);
    this.#filter = options.filter;
    this.#limit = options.limit ?? DEFAULT_LIMIT;
    this.#overflow = options.overflow ?? 'drop-oldest';
    this.#onClose = onClose;
    const { signal } = options;
    const abort = (): void => {
      this.end(new QmpAbortedError(this.#describe(), signal?.reason));
    };
    this.#unsubscribeSignal = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
  }

  /** Events lost to the overflow policy so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * How often the connection was lost and made again since the subscription began. QEMU does not
   * repeat what it sent in between: ask for the state (`query-migrate`, `query-status`) anew.
   */
  get gaps(): number {
    return this.#gaps;
  }

  /** Events that arrived and were not read yet. */
  get unread(): number {
    return this.#queue.length - this.#first;
  }

  get closed(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * The next event: at once if one is unread.
   *
   * @throws QmpTimeoutError, QmpAbortedError; and once the queue is empty QmpDisconnectedError if the
   *   connection was lost, QmpOverflowError, QmpStateError if the subscription was closed
   */
  async next(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<E> {
    const event = await this.#read(options);
    if (event !== undefined) return event;
    throw new QmpStateError('closed', `The subscription to ${this.#describe()} is closed.`);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    try {
      for (;;) {
        const event = await this.#read({});
        if (event === undefined) return;
        yield event;
      }
    } finally {
      this.close();
    }
  }

  /** Takes no more events. What is unread can still be read. */
  close(): void {
    this.end(undefined);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  offer(offered: AnyEvent): void {
    if (this.#names !== undefined && !this.#names.has(offered.name)) return;
    // The names say which type it is; whether QEMU's data is as its schema says, QEMU answers for.
    const event = offered as E;
    if (!this.#passes(event)) return;
    const [waiter] = this.#waiters;
    if (waiter !== undefined) {
      this.#waiters.delete(waiter);
      waiter.resolve(event);
    } else if (this.unread < this.#limit) {
      this.#queue.push(event);
    } else {
      this.#overflowWith(event);
    }
  }

  /** @internal */
  countGap(): void {
    this.#gaps++;
  }

  /** @internal */
  end(error: QmpError | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#unsubscribeSignal();
    this.#onClose();
    for (const waiter of this.#waiters) {
      if (error === undefined) waiter.end();
      else waiter.reject(error);
    }
    this.#waiters.clear();
  }

  #passes(event: E): boolean {
    try {
      return this.#filter === undefined || this.#filter(event);
    } catch (error) {
      this.end(new QmpArgumentError(`The filter of ${this.#describe()} failed.`, error));
      return false;
    }
  }

  #overflowWith(event: E): void {
    this.#dropped++;
    switch (this.#overflow) {
      case 'drop-newest':
        return;
      case 'drop-oldest':
        this.#take();
        this.#queue.push(event);
        return;
      case 'error':
        this.end(new QmpOverflowError(this.#limit));
    }
  }

  #take(): E | undefined {
    const event = this.#queue[this.#first];
    if (event === undefined) return undefined;
    this.#first++;
    if (this.#first === this.#queue.length || this.#first >= 1024) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return event;
  }

  /** The next event; undefined once the subscription is closed and read to its end. */
  async #read(options: { timeoutMs?: number; signal?: AbortSignal }): Promise<E | undefined> {
    const event = this.#take();
    if (event !== undefined) return event;
    if (this.#ended !== undefined) {
      if (this.#ended.error !== undefined) throw this.#ended.error;
      return undefined;
    }
    const { timeoutMs, signal } = options;
    if (signal?.aborted === true) throw new QmpAbortedError(this.#describe(), signal.reason);

    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    try {
      return await new Promise<E | undefined>((resolve, reject) => {
        const waiter: Waiter<E> = {
          resolve,
          reject,
          end: () => {
            resolve(undefined);
          },
        };
        const giveUp = (error: QmpError): void => {
          this.#waiters.delete(waiter);
          reject(error);
        };
        this.#waiters.add(waiter);
        if (timeoutMs !== undefined) {
          timer = setTimeout(() => {
            giveUp(this.#timedOut(timeoutMs));
          }, timeoutMs);
        }
        if (signal !== undefined) {
          abort = () => {
            giveUp(new QmpAbortedError(this.#describe(), signal.reason));
          };
          signal.addEventListener('abort', abort, { once: true });
        }
      });
    } finally {
      clearTimeout(timer);
      if (abort !== undefined) signal?.removeEventListener('abort', abort);
    }
  }

  #timedOut(timeoutMs: number): QmpTimeoutError {
    const what = this.#describe();
    return new QmpTimeoutError(
      what,
      timeoutMs,
      `No ${what} within ${timeoutMs} ms. QEMU sends an event once: was the subscription made before the command that causes it?`,
    );
  }

  #describe(): string {
    return this.#names === undefined ? 'event' : `event ${[...this.#names].join(' or ')}`;
  }
}
