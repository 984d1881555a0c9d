import type { EventSubscription, QmpEvent } from 'qemu-qmp-client-ts';
import { migrationEventData, migrationIsOver, migrationPassData } from './qemu-replies.js';
import type { QemuSide } from './side.js';

/** What the events of both QEMUs have told so far. */
export interface EventState {
  /** The last `status` of the source's MIGRATION events. */
  sourceStatus: string | undefined;
  destinationStatus: string | undefined;
  /** The source said postcopy-active: its RAM is old from there on. */
  postcopy: boolean;
  /** Set when a monitor's connection ended. */
  sourceLost: Error | undefined;
  destinationLost: Error | undefined;
  /** When, ms since the epoch: STOP on the source; MIGRATION `completed`, RESUME on the destination. */
  stopped: number | undefined;
  loaded: number | undefined;
  resumed: number | undefined;
  /** The source's RunState where its guest was stopped by somebody, or by an error, and not for the switchover. */
  paused: string | undefined;
  /** The source's guest was reset. */
  guestReset: boolean;
  /** QEMU has taken our cancel, or is being asked to. */
  cancelling: boolean;
}

export type SourceEnd = 'completed' | 'failed' | 'cancelled';

/**
 * What a migration has come to that is over.
 *
 * @param status QEMU's. It shuts the channel before it says that it cancels, and its own migration thread may
 *   find that first: `failed`
 * @param cancelling QEMU had taken our cancel
 */
export function sourceEnd(status: string, cancelling: boolean): SourceEnd {
  if (status === 'completed' || status === 'cancelled') return status;
  return cancelling ? 'cancelled' : 'failed';
}

const watched = ['MIGRATION', 'MIGRATION_PASS', 'STOP', 'RESUME', 'RESET', 'VFIO_MIGRATION'];

/** A flood of passes must not push out the events that matter while this process is busy. */
const unreadLimit = 200_000;

/** A QEMU in its blackout answers after it, and says the rest by events. */
const lookTimeoutMs = 5000;

/**
 * Called at each MIGRATION_PASS of the source; `sourceStopped`: the source's STOP came before it; `qemuUs`:
 * QEMU's time stamp of it, microseconds since the epoch.
 */
export type PassListener = (
  pass: number,
  sourceStopped: boolean,
  qemuUs: number | undefined,
) => void;

/**
 * Follows the events of both sides from its creation on, so create it before `migrate` is sent. Without
 * a destination only the source's.
 */
export class MigrationEvents implements Disposable {
  readonly state: EventState = {
    sourceStatus: undefined,
    destinationStatus: undefined,
    postcopy: false,
    sourceLost: undefined,
    destinationLost: undefined,
    stopped: undefined,
    loaded: undefined,
    resumed: undefined,
    paused: undefined,
    guestReset: false,
    cancelling: false,
  };
  readonly #sides: readonly QemuSide[];
  readonly #subscriptions: EventSubscription[];
  readonly #waiters = new Set<() => void>();
  #onPass: PassListener = () => undefined;
  /** QEMU's own time stamps can be compared only if both QEMUs use one clock, that of one host. */
  readonly #oneClock: boolean;

  constructor(source: QemuSide, destination: QemuSide | undefined) {
    this.#sides = destination ? [source, destination] : [source];
    this.#oneClock = this.#sides.every((side) => side.isLocal);
    if (destination?.gone) this.state.destinationLost = new Error('Its QEMU is gone.');
    this.#subscriptions = this.#sides.map((side) => {
      const subscription = side.client.events.subscribe(watched, { limit: unreadLimit });
      void this.#follow(side, subscription);
      return subscription;
    });
  }

  /**
   * Asks both sides how they stand, where a migration runs that was begun before these events were
   * followed. What an event says meanwhile is newer and stays.
   */
  async lookNow(): Promise<void> {
    await Promise.all(this.#sides.map((side) => this.#look(side).catch(() => undefined)));
    this.#changed();
  }

  async #look(side: QemuSide): Promise<void> {
    const { state } = this;
    const { status } = await side.migration(lookTimeoutMs);
    const guest = await side.status(lookTimeoutMs);
    const now = Date.now();
    if (side.role === 'source') {
      state.sourceStatus ??= status ?? 'none';
      state.postcopy ||= /^postcopy-(active|paused|recover)/.test(state.sourceStatus);
      const migratedAway = ['finish-migrate', 'postmigrate'].includes(guest.status);
      if (migratedAway) state.stopped ??= now;
    } else {
      state.destinationStatus ??= status ?? 'none';
      if (state.destinationStatus === 'completed') state.loaded ??= now;
      if (guest.running) state.resumed ??= now;
    }
  }

  /** Who is told of each pass; one listener. */
  set onPass(listener: PassListener) {
    this.#onPass = listener;
  }

  /**
   * Has QEMU cancel; to be used for every cancel of ours, so that its end is told as what it is.
   *
   * @param cancel rejects if QEMU refuses
   */
  async cancelling(cancel: () => Promise<unknown>): Promise<void> {
    // A second cancel that is refused does not take the first one back.
    const before = this.state.cancelling;
    this.state.cancelling = true;
    try {
      await cancel();
    } catch (error) {
      this.state.cancelling = before;
      throw error;
    }
  }

  /** The source's final state, once it has one; `failed` also when its monitor is gone. */
  get overOnSource(): SourceEnd | undefined {
    const { sourceStatus = 'none', sourceLost, cancelling, postcopy } = this.state;
    if (sourceStatus !== 'none' && migrationIsOver(sourceStatus)) {
      return sourceEnd(sourceStatus, cancelling && !postcopy);
    }
    return sourceLost ? 'failed' : undefined;
  }

  /** Resolves with the first defined answer of `test`, asked now and after every change. */
  async until<T>(test: (state: EventState) => T | undefined, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    return await new Promise<T>((resolve, reject) => {
      const done = (): void => {
        this.#waiters.delete(check);
        signal?.removeEventListener('abort', abort);
      };
      const check = (): void => {
        const answer = test(this.state);
        if (answer === undefined) return;
        done();
        resolve(answer);
      };
      const abort = (): void => {
        done();
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      this.#waiters.add(check);
      signal?.addEventListener('abort', abort, { once: true });
      check();
    });
  }

  async #follow(side: QemuSide, events: EventSubscription): Promise<void> {
    try {
      for await (const event of events) {
        // A pass gets a record of its own, or shares one with others in a flood (pass-follower.ts).
        if (event.name !== 'MIGRATION_PASS') side.journalEvent(event);
        this.#apply(side, event);
        this.#changed();
      }
    } catch (error) {
      const lost = error instanceof Error ? error : new Error(String(error));
      if (side.role === 'source') this.state.sourceLost = lost;
      else this.state.destinationLost = lost;
      this.#changed();
    }
  }

  #apply(side: QemuSide, event: QmpEvent): void {
    const { state } = this;
    const at = this.#timeOf(event);
    const ofSource = side.role === 'source';
    switch (event.name) {
      case 'MIGRATION': {
        const { status } = migrationEventData.parse(event.data);
        if (ofSource) state.sourceStatus = status;
        else state.destinationStatus = status;
        if (status === 'postcopy-active') state.postcopy = true;
        if (!ofSource && status === 'completed') state.loaded ??= at;
        break;
      }
      case 'MIGRATION_PASS':
        if (ofSource) {
          const { pass } = migrationPassData.parse(event.data);
          this.#onPass(pass, state.stopped !== undefined, event.qemuTimeUs);
        }
        break;
      case 'STOP':
        if (!ofSource) break;
        state.stopped ??= at;
        void this.#askWhyStopped(side);
        break;
      case 'RESUME':
        if (ofSource) state.stopped = state.paused = undefined;
        else state.resumed ??= at;
        break;
      case 'RESET':
        if (ofSource) state.guestReset = true;
        break;
      default:
    }
  }

  /** A switchover leaves the guest in `finish-migrate`; QEMU may say so only after its blackout. */
  async #askWhyStopped(source: QemuSide): Promise<void> {
    const guest = await source.status().catch(() => undefined);
    if (!guest || guest.running || ['finish-migrate', 'postmigrate'].includes(guest.status)) return;
    if (this.state.stopped === undefined) return;
    this.state.stopped = undefined;
    this.state.paused = guest.status;
    this.#changed();
  }

  #timeOf(event: QmpEvent): number {
    if (this.#oneClock && event.qemuTimeUs !== undefined) return event.qemuTimeUs / 1000;
    return event.arrivedAtMs;
  }

  #changed(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }
}
