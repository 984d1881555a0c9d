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
  QmpOverflowError,
  QmpStateError,
  QmpTimeoutError,
  type QmpError,
} from './errors.js';
import type { JsonObject } from './json/value.js';

/** One event, as QEMU sent it and as it arrived here. */
export interface QmpEvent {
  /** Such as `MIGRATION_PASS`. */
  readonly name: string;
  /** Empty if the event has no data. */
  readonly data: JsonObject;
  /**
   * When QEMU sent it, in microseconds since 1970 by QEMU's host's clock; undefined if QEMU could not
   * read the clock (it then sends seconds = -1) or the peer sends none.
   */
  readonly qemuTimeUs: number | undefined;
  /** When it arrived, in milliseconds since 1970 by our own monotonic clock (`performance`). */
  readonly arrivedAtMs: number;
}

/** What happens to a subscription that is full when one more event arrives. */
export type OverflowPolicy = 'drop-oldest' | 'drop-newest' | 'error';

export interface SubscribeOptions {
  /** Keeps only the events for which it returns true. */
  readonly filter?: (event: QmpEvent) => boolean;
  /** Unread events held at most. Default 10,000. */
  readonly limit?: number;
  /** Default 'drop-oldest': what is read next is recent, and `dropped` says that something is missing. */
  readonly overflow?: OverflowPolicy;
  /** Closes the subscription. */
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  /** Waits for the first event for which it returns true. */
  readonly predicate?: (event: QmpEvent) => boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Event names to select; undefined for all. */
export type EventSelection = string | readonly string[] | undefined;

const DEFAULT_LIMIT = 10_000;

/** The events of one client. They go on through a reconnect. */
export class QmpEvents implements AsyncIterable<QmpEvent> {
  readonly #subscriptions = new Set<EventSubscription>();
  #end: { error: QmpError | undefined } | undefined;

  /** Takes events from now on, until it is closed. Close it (or say `using`) when done. */
  subscribe(names?: EventSelection, options: SubscribeOptions = {}): EventSubscription {
    const subscription = new EventSubscription(names, options, () => {
      this.#subscriptions.delete(subscription);
    });
    if (this.#end !== undefined) subscription.end(this.#end.error);
    else if (!subscription.closed) this.#subscriptions.add(subscription);
    return subscription;
  }

  /** All events from now on; breaking out of the loop ends the subscription. */
  [Symbol.asyncIterator](): AsyncIterator<QmpEvent> {
    return this.subscribe()[Symbol.asyncIterator]();
  }

  /**
   * The next event of that name. Listens from the moment of the call, so call it before the command
   * that causes the event, and await the promise after.
   *
   * @throws QmpTimeoutError, QmpAbortedError, QmpDisconnectedError
   */
  waitFor(names: string | readonly string[], options: WaitOptions = {}): Promise<QmpEvent> {
    const event = this.#waitFor(names, options);
    // If the command between waitFor() and its await fails, nobody awaits this promise any more:
    // its own failure must then not end the process as an unhandled rejection.
    event.catch(() => undefined);
    return event;
  }

  async #waitFor(names: string | readonly string[], options: WaitOptions): Promise<QmpEvent> {
    const { predicate, timeoutMs, signal } = options;
    using subscription = this.subscribe(names, {
      limit: 1,
      overflow: 'drop-newest',
      ...(predicate === undefined ? {} : { filter: predicate }),
    });
    return await subscription.next({
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** @internal Hands an event to those who subscribed to it. */
  deliver(event: QmpEvent): void {
    for (const subscription of this.#subscriptions) subscription.offer(event);
  }

  /** @internal Ends all subscriptions: with an error if the connection was lost. */
  finish(error: QmpError | undefined): void {
    this.#end = { error };
    for (const subscription of [...this.#subscriptions]) subscription.end(error);
  }
}

interface Waiter {
  resolve(event: QmpEvent): void;
  reject(error: QmpError): void;
  end(): void;
}

/** A bounded queue of events, read by `next()` or `for await`. Reading it in two places shares it. */
export class EventSubscription implements AsyncIterable<QmpEvent>, Disposable {
  readonly #names: ReadonlySet<string> | undefined;
  readonly #filter: ((event: QmpEvent) => boolean) | undefined;
  readonly #limit: number;
  readonly #overflow: OverflowPolicy;
  readonly #onClose: () => void;
  readonly #unsubscribeSignal: () => void;
  /** The unread events are `#queue[#first...]`; shifting an array is linear, moving an index is not. */
  #queue: QmpEvent[] = [];
  #first = 0;
  readonly #waiters = new Set<Waiter>();
  #ended: { error: QmpError | undefined } | undefined;
  #dropped = 0;

  /** @internal Use {@link QmpEvents.subscribe}. */
  constructor(names: EventSelection, options: SubscribeOptions, onClose: () => void) {
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
  async next(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<QmpEvent> {
    const event = await this.#read(options);
    if (event !== undefined) return event;
    throw new QmpStateError('closed', `The subscription to ${this.#describe()} is closed.`);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<QmpEvent, void, undefined> {
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
  offer(event: QmpEvent): void {
    if (this.#names !== undefined && !this.#names.has(event.name)) return;
    if (this.#filter !== undefined && !this.#filter(event)) return;
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

  #overflowWith(event: QmpEvent): void {
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

  #take(): QmpEvent | undefined {
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
  async #read(options: {
    timeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<QmpEvent | undefined> {
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
      return await new Promise<QmpEvent | undefined>((resolve, reject) => {
        const waiter: Waiter = {
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
