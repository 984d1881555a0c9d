/** One connection to a guest's monitor: probe, rehearse, follow migrations; until it ends. */
import type { EventSubscription, QmpEvent } from 'qemu-qmp-client-ts';
import type { Connected } from '../cli/connect.js';
import type { Config } from '../config/schema.js';
import { messageOf } from '../errors.js';
import { Journal } from '../journal/journal.js';
import type { Virsh } from '../libvirt/virsh.js';
import type { ProcessIdentity } from '../process-identity.js';
import { assess } from '../probe/assess.js';
import { probe } from '../probe/observe.js';
import { migrationIsOver } from '../sequence/preflight.js';
import { migrationEventData } from '../sequence/qemu-replies.js';
import { QemuSide } from '../sequence/side.js';
import { followedEvents, MigrationFollower } from './follow.js';
import { openJournal } from './journals.js';
import { keepRehearsing } from './rehearsals.js';
import { readStanding, worstExpectation } from './standing.js';
import { steer } from './steer.js';

export interface SessionOptions {
  readonly connected: Connected;
  readonly virsh: Virsh;
  readonly uuid: string;
  readonly name: string;
  readonly qemu: ProcessIdentity;
  readonly config: Config;
  /** QEMU has ended, or we are to. */
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
}

/** @returns when the connection ends or the signal fires; never rejects for what QEMU does */
export async function runSession(options: SessionOptions): Promise<void> {
  const session = new Session(options);
  await session.run();
}

interface Following {
  readonly follower: MigrationFollower;
  readonly journal: Journal;
  readonly file: string;
  /** Settles when the policy has no more to say. */
  steering: Promise<void>;
}

class Session {
  readonly #options: SessionOptions;
  readonly #side: QemuSide;
  readonly #events: EventSubscription;
  /** Fires when this connection ends. */
  readonly #ended = new AbortController();
  /** QAPI `MigrationStatus` of a migration that is under way. */
  #migrating: string | undefined;
  #following: Following | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#side = sideOf(options.connected, new Journal());
    this.#events = options.connected.client.events.subscribe(followedEvents);
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const end = (): void => {
      this.#ended.abort();
      this.#events.close();
    };
    signal.addEventListener('abort', end, { once: true });
    try {
      if (signal.aborted) return;
      const following = this.#followAll();
      await this.#lookAtOnce();
      const rehearsing = keepRehearsing({
        side: this.#side,
        uuid: this.#options.uuid,
        qemu: this.#options.qemu,
        settings: this.#options.config.rehearse,
        signal: this.#ended.signal,
        pausedBecause: () => this.#migrating,
        log: this.#options.log,
      });
      await following;
      end();
      await rehearsing;
    } finally {
      signal.removeEventListener('abort', end);
      end();
      this.#following?.journal[Symbol.dispose]();
    }
  }

  /** What the guest can do, once; a destination that still waits is looked at when it runs. */
  async #lookAtOnce(): Promise<void> {
    const { log } = this.#options;
    try {
      const { status = 'none' } = await this.#side.migration();
      if (!migrationIsOver(status)) this.#migrating = status;
      const report = await probe(this.#side);
      const { verdict, findings } = assess(report);
      log(`probed: ${verdict}, guest ${report.qemu.status}`);
      for (const { severity, what } of findings) if (severity !== 'tells') log(what);
    } catch (error) {
      log(`not probed: ${messageOf(error)}`);
    }
  }

  async #followAll(): Promise<void> {
    try {
      for await (const event of this.#events) await this.#take(event);
    } catch (error) {
      this.#options.log(`the monitor is gone: ${messageOf(error)}`);
    }
  }

  async #take(event: QmpEvent): Promise<void> {
    if (event.name === 'MIGRATION') {
      const { status } = migrationEventData.parse(event.data);
      this.#migrating = migrationIsOver(status) ? undefined : status;
      // An incoming migration has no passes; whoever is attached to its source follows it.
      if (this.#migrating !== undefined && this.#following === undefined) await this.#begin(event);
    }
    const following = this.#following;
    const outcome = following?.follower.take(event);
    if (following === undefined || outcome === undefined) return;
    this.#following = undefined;
    const result = await following.follower.end(outcome, timeOf(event));
    await following.steering;
    following.journal[Symbol.dispose]();
    this.#options.log(
      `migration ${outcome} after ${result.totalMs} ms and ${result.passes} passes: ${following.file}`,
    );
  }

  async #begin(event: QmpEvent): Promise<void> {
    const { connected, uuid, name, qemu, config, log } = this.#options;
    try {
      const { status } = await this.#side.status();
      if (status === 'inmigrate') return;
      const { journal, file } = openJournal(config.journals, uuid, timeOf(event));
      journal.start('attach', { domain: uuid, name, pid: connected.peer?.pid });
      const side = sideOf(connected, journal);
      const follower = new MigrationFollower(side, journal, timeOf(event));
      const following: Following = { follower, journal, file, steering: Promise.resolve() };
      this.#following = following;
      const expectation = worstExpectation(readStanding(uuid, qemu));
      const { why = 'nothing was rehearsed yet' } = expectation?.forecast ?? {};
      log(`a migration began: ${file}. Expected: ${why}`);
      // Not waited for: events are taken meanwhile.
      void follower.readSettings();
      if (config.migration.policy === 'qemu') return;
      following.steering = steer({
        virsh: this.#options.virsh,
        uuid,
        // The follower journals the events already.
        side: sideOf(connected, new Journal()),
        settings: config.migration,
        expectation,
        journal,
        isOver: () => this.#following !== following,
      });
    } catch (error) {
      log(`the migration can't be followed: ${messageOf(error)}`);
    }
  }
}

function sideOf({ client, address, peer }: Connected, journal: Journal): QemuSide {
  return new QemuSide('source', client, address, peer, journal);
}

function timeOf(event: QmpEvent): number {
  return event.qemuTimeUs === undefined ? event.arrivedAtMs : event.qemuTimeUs / 1000;
}
