/**
 * Keeps our harvests out of migrations. GET_BITMAP clears what it reads, so a read while QEMU tracks
 * takes dirty bits away from the migration, and the destination's RAM is corrupt although QEMU reports
 * success. Migrations can be started by anybody, at any moment, through another monitor.
 *
 * The guard watches the MIGRATION events of that QEMU and shuts the harvest gate on the first one. A
 * read that was in the kernel at that moment can't be stopped, only found: QEMU's `setup` event carries
 * the time at which the migration began, before it switches tracking on, so every read that ended after
 * it may have taken bits. Stolen bits can't be given back, so that migration is cancelled.
 *
 * Others can switch the events off. So QEMU is asked now and then, too; of a migration that shows only there,
 * no more is known than that it began after QEMU last said that there was none.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { readOverlaps, type BitmapReadTimes, type HarvestGate } from 'linux-vfio-ts';
import type { EventSubscription, QmpEvent } from 'qemu-qmp-client-ts';
import { PrecopyError, messageOf } from '../errors.js';
import {
  capabilityList,
  checked,
  migrationEventData,
  migrationIsOver,
} from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import type { StolenBitsAction } from './stolen-bits.js';

/** What the guard did about a migration that began while a bitmap was read. */
export interface StolenBits {
  /** QEMU's time stamp of `setup`, ms since the epoch; without that event, the earliest that it can have been. */
  trackingBeganAtMs: number;
  /** The read that ended after it. */
  read: BitmapReadTimes;
  /**
   * `cancelled`: by us. `too late`: it had completed already. `not cancelled`: it could not be, without the
   * guest running twice, or QEMU did not do it. But for the first, its destination can't be trusted.
   */
  outcome: 'cancelled' | 'too late' | 'not cancelled' | 'left running';
  message: string;
}

export interface TrackingGuardOptions {
  /** Default `cancel`. */
  onStolenBits?: StolenBitsAction | undefined;
  /** Told at once, and loudly shown by whoever runs the guard. */
  report: (stolen: StolenBits) => void;
}

/** When QEMU may have begun to track, at the earliest, ms since the epoch, and by what that is known. */
interface TrackingBegan {
  readonly atMs: number;
  readonly by: string;
}

const watched: readonly string[] = ['MIGRATION'];

/** How long QEMU may take to end a migration that is cancelled, and how often it is asked. */
const cancelTimeoutMs = 60_000;
const cancelPollMs = 20;

/** How many finished reads are remembered, to be compared with an event that arrives after them. */
const rememberedReads = 64;

export class TrackingGuard implements AsyncDisposable {
  readonly #side: QemuSide;
  readonly #gate: HarvestGate;
  readonly #options: TrackingGuardOptions;
  readonly #events: EventSubscription;
  readonly #reads: BitmapReadTimes[] = [];
  readonly #readListener: Disposable;
  #began: TrackingBegan | undefined;
  /** When QEMU was last asked of those times that it said that nothing migrates. */
  #quietAtMs = Date.now();
  /** One migration is dealt with once, however many reads overlap it. */
  #dealtWith = false;
  #working: Promise<void> = Promise.resolve();
  #switchedEventsOn = false;

  private constructor(side: QemuSide, gate: HarvestGate, options: TrackingGuardOptions) {
    this.#side = side;
    this.#gate = gate;
    this.#options = options;
    this.#events = side.client.events.subscribe(watched);
    this.#readListener = gate.onRead((times) => {
      this.#reads.push(times);
      if (this.#reads.length > rememberedReads) this.#reads.shift();
      this.#compare(times);
    });
    void this.#follow();
  }

  /**
   * Watches from now on. QEMU emits MIGRATION events only with the migration capability `events`,
   * which is switched on if it is off, and off again at the end.
   *
   * @throws PrecopyError NOT_SUPPORTED if a migration is under way: the gate is then shut
   */
  static async watch(
    side: QemuSide,
    gate: HarvestGate,
    options: TrackingGuardOptions,
  ): Promise<TrackingGuard> {
    const guard = new TrackingGuard(side, gate, options);
    try {
      await guard.#expectNoMigration();
      await guard.#enableEvents();
      // Asked again: a migration that began before the events were on shows here.
      await guard.#expectNoMigration();
    } catch (error) {
      await guard[Symbol.asyncDispose]();
      throw error;
    }
    return guard;
  }

  /**
   * Asks QEMU whether it migrates, for the case that no event says it.
   *
   * @throws HarvestRefusedError if it does, or did since the guard began
   */
  async look(): Promise<void> {
    const askedAtMs = Date.now();
    const { status = 'none' } = await this.#side.migration();
    // An event that came before the answer is dealt with first: it knows the time.
    await nextTurn();
    if (migrationIsOver(status)) {
      this.#quietAtMs = askedAtMs;
      this.#noneIsUnderWay();
    } else this.#migrates(status, { atMs: this.#quietAtMs, by: 'QEMU last said that it does not' });
    this.#gate.check();
  }

  /** Resolves when a cancellation that is under way has ended. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #enableEvents(): Promise<void> {
    if (await eventsAreOn(this.#side)) return;
    await switchEvents(this.#side, true);
    this.#switchedEventsOn = true;
  }

  async #expectNoMigration(): Promise<void> {
    const { status = 'none' } = await this.#side.migration();
    if (migrationIsOver(status)) return;
    this.#gate.shut(`QEMU is migrating (${status})`);
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `QEMU is migrating (${status}), and its dirty bitmap belongs to that migration.`,
      'Wait until it has ended.',
    );
  }

  async #follow(): Promise<void> {
    try {
      for await (const event of this.#events) this.#migrationEvent(event);
    } catch {
      // Without events nobody would tell of a migration; whoever holds the monitor learns why.
      this.#gate.shut('the monitor is gone, so a migration could begin unnoticed');
    }
  }

  #migrationEvent(event: QmpEvent): void {
    const { status } = migrationEventData.parse(event.data);
    this.#side.journalEvent(event);
    if (migrationIsOver(status)) {
      this.#noneIsUnderWay();
      return;
    }
    const { qemuTimeUs, arrivedAtMs } = event;
    const atMs = qemuTimeUs === undefined ? arrivedAtMs : qemuTimeUs / 1000;
    this.#migrates(status, { atMs, by: "QEMU's setup event" });
  }

  #noneIsUnderWay(): void {
    this.#began = undefined;
    this.#dealtWith = false;
  }

  #migrates(status: string, began: TrackingBegan): void {
    this.#gate.shut(`QEMU is migrating (${status})`);
    if (this.#began !== undefined) return;
    this.#began = began;
    for (const read of this.#reads) this.#compare(read);
  }

  #compare(read: BitmapReadTimes): void {
    const began = this.#began;
    if (began === undefined || this.#dealtWith || !readOverlaps(read, began.atMs)) return;
    this.#dealtWith = true;
    this.#working = this.#deal(began, read);
  }

  async #deal({ atMs, by }: TrackingBegan, read: BitmapReadTimes): Promise<void> {
    const outcome = await this.#cancel();
    const what = `A migration of ${this.#side.address} began while a dirty bitmap was being read: the read ended ${(read.endedAtMs - atMs).toFixed(1)} ms after ${by}, so dirty pages may be missing from the migration.`;
    const then = {
      cancelled:
        'It was cancelled; the guest runs on the source. Start it again: nothing is harvested until it has ended.',
      'too late':
        'It had completed before it could be cancelled: do not use its destination; once you are sure that it does not run, resume the guest on the source.',
      'not cancelled':
        'It was not cancelled, as it was in its blackout or QEMU refused: do not trust its destination without verifying its RAM.',
      'left running':
        'It was left running as configured: do not trust its destination without verifying its RAM.',
    }[outcome];
    this.#options.report({ trackingBeganAtMs: atMs, read, outcome, message: `${what} ${then}` });
  }

  async #cancel(): Promise<StolenBits['outcome']> {
    if (this.#options.onStolenBits === 'report') return 'left running';
    try {
      const { status: guest } = await this.#side.status();
      // A destination that has everything starts, and so would a source that is cancelled then.
      if (guest === 'finish-migrate') return 'not cancelled';
      if (guest !== 'postmigrate') await this.#side.effect('migrate_cancel');
      for (let waitedMs = 0; waitedMs < cancelTimeoutMs; waitedMs += cancelPollMs) {
        const { status = 'none' } = await this.#side.migration();
        if (migrationIsOver(status)) return status === 'completed' ? 'too late' : 'cancelled';
        await sleep(cancelPollMs);
      }
    } catch (error) {
      this.#gate.shut(`a migration could not be cancelled: ${messageOf(error)}`);
    }
    return 'not cancelled';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#readListener[Symbol.dispose]();
    this.#events.close();
    // While somebody migrates QEMU refuses to change capabilities, and its end may be waited for by events.
    if (this.#switchedEventsOn && this.#gate.shutReason === undefined) {
      await switchEvents(this.#side, false).catch(() => undefined);
    }
  }
}

/** Whether QEMU emits MIGRATION events: the migration capability `events`. */
export async function eventsAreOn(side: QemuSide): Promise<boolean> {
  const capabilities = checked(
    capabilityList,
    await side.query('query-migrate-capabilities'),
    'query-migrate-capabilities',
  );
  return capabilities.some(({ capability, state }) => capability === 'events' && state);
}

export async function switchEvents(side: QemuSide, state: boolean): Promise<void> {
  await side.effect('migrate-set-capabilities', {
    capabilities: [{ capability: 'events', state }],
  });
}
