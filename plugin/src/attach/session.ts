/** One connection to a guest's monitor: probe, rehearse, follow migrations; until it ends. */
import type { EventSubscription, QmpEvent } from 'qemu-qmp-client-ts';
import type { Connected } from '../cli/connect.js';
import type { Config } from '../config/schema.js';
import { messageOf } from '../errors.js';
import { rememberMigration } from '../history/recorder.js';
import { Journal } from '../journal/journal.js';
import type { JournalRecord } from '../journal/records.js';
import type { Virsh } from '../libvirt/virsh.js';
import type { ProcessIdentity } from '../process-identity.js';
import { assess } from '../probe/assess.js';
import { probe } from '../probe/observe.js';
import { migrationEventData, migrationIsOver } from '../sequence/qemu-replies.js';
import { QemuSide } from '../sequence/side.js';
import { followedEvents, MigrationFollower } from './follow.js';
import { journalUnderWay, openJournal } from './journals.js';
import { Rehearsals } from './rehearsals.js';
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
  /** Fires when the migration is over, or the connection by which it is followed. */
  readonly over: AbortController;
  /** Whatever still writes to the journal. */
  readonly writers: Promise<void>[];
}

class Session {
  readonly #options: SessionOptions;
  readonly #side: QemuSide;
  readonly #events: EventSubscription;
  readonly #rehearsals: Rehearsals;
  /** Fires when this connection ends. */
  readonly #ended = new AbortController();
  /** QAPI `MigrationStatus` of a migration that is under way. */
  #migrating: string | undefined;
  #following: Following | undefined;
  /** Settles when #following is set, or it is known why not. */
  #beginning: Promise<void> | undefined;
  /** Settles when the journals of migrations that are over are closed. */
  #closing: Promise<unknown> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#side = sideOf(options.connected, new Journal());
    this.#events = options.connected.client.events.subscribe(followedEvents);
    this.#rehearsals = new Rehearsals({
      ...options,
      side: this.#side,
      signal: this.#ended.signal,
      pausedBecause: () => this.#migrating,
    });
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
      const rehearsing = this.#rehearsals.keepOn();
      await following;
      end();
      await rehearsing;
    } finally {
      signal.removeEventListener('abort', end);
      end();
      if (this.#following) await this.#close(this.#following);
      await this.#closing;
    }
  }

  /** What the guest can do, once; a destination that still waits is looked at when it runs. */
  async #lookAtOnce(): Promise<void> {
    const { log } = this.#options;
    try {
      const { status = 'none' } = await this.#side.migration();
      if (!migrationIsOver(status)) {
        this.#migrating = status;
        // Begun before we came, or while the monitor was gone.
        await this.#begin(Date.now());
      }
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
      if (this.#migrating !== undefined && this.#following === undefined) {
        await this.#begin(timeOf(event));
      }
    }
    await this.#beginning;
    const following = this.#following;
    const outcome = following?.follower.take(event);
    if (following === undefined || outcome === undefined) return;
    this.#following = undefined;
    following.over.abort();
    let said = `migration ${outcome}`;
    try {
      const { totalMs, passes } = await following.follower.end(outcome, timeOf(event));
      said += ` after ${totalMs} ms and ${passes} passes`;
    } finally {
      // Not waited for: a next migration may begin at once.
      const closed = this.#close(following).then(() => {
        this.#options.log(`${said}: ${following.file}`);
      });
      this.#closing = Promise.all([this.#closing, closed]);
    }
  }

  async #close({ over, writers, journal }: Following): Promise<void> {
    over.abort();
    await Promise.all(writers);
    journal[Symbol.dispose]();
  }

  #begin(atMs: number): Promise<void> {
    this.#beginning ??= this.#beginOnce(atMs).finally(() => {
      this.#beginning = undefined;
    });
    return this.#beginning;
  }

  async #beginOnce(atMs: number): Promise<void> {
    const { connected, uuid, name, qemu, config, log } = this.#options;
    const rehearsal = this.#rehearsals.underWay;
    try {
      const { status } = await this.#side.status();
      if (status === 'inmigrate') return;
      const earlier = await this.#earlier();
      const { journal, file } = earlier ?? openJournal(config.journals, uuid, atMs);
      journal.start('attach', { domain: uuid, name, pid: connected.peer?.pid });
      const side = sideOf(connected, journal);
      side.journalPresence();
      await rememberMigration(journal, side);
      const follower = new MigrationFollower(side, journal, atMs);
      const over = new AbortController();
      // None is waited for here: events are taken meanwhile.
      const writers = [follower.readSettings(), noteInterrupted(rehearsal, journal)];
      const following: Following = { follower, journal, file, over, writers };
      this.#following = following;
      const standing = readStanding(uuid, qemu);
      const expectation = worstExpectation(standing);
      const unknown = ['nothing was rehearsed yet', standing?.obstacle?.why].filter(Boolean);
      const what = earlier ? 'a migration is taken up again' : 'a migration began';
      log(`${what}: ${file}. Expected: ${expectation?.forecast.why ?? unknown.join(': ')}`);
      if (config.migration.policy === 'qemu') {
        writers.push(follower.observe(over.signal));
        return;
      }
      const steering = steer({
        virsh: this.#options.virsh,
        uuid,
        // The follower journals the events already.
        side: sideOf(connected, new Journal()),
        settings: config.migration,
        expectation,
        journal,
        earlier: earlier?.records ?? [],
        isOver: () => over.signal.aborted,
      });
      writers.push(steering);
    } catch (error) {
      log(`the migration can't be followed: ${messageOf(error)}`);
    }
  }

  /** What a controller before this one, or this one on a connection that was lost, wrote of this migration. */
  async #earlier(): Promise<
    { journal: Journal; file: string; records: JournalRecord[] } | undefined
  > {
    const { connected, uuid, config, log } = this.#options;
    const { 'total-time': totalMs } = await this.#side.migration();
    if (totalMs === undefined) return undefined;
    try {
      const beganAtMs = Date.now() - totalMs;
      const found = await journalUnderWay(config.journals, uuid, connected.peer?.pid, beganAtMs);
      return found && { journal: Journal.resume(found.file), ...found };
    } catch (error) {
      log(`the journal of an earlier controller is left alone: ${messageOf(error)}`);
      return undefined;
    }
  }
}

/** How the rehearsal ended in which the migration began: it gave the dirty bitmap up, or says what it did. */
async function noteInterrupted(rehearsal: Rehearsals['underWay'], journal: Journal): Promise<void> {
  const obstacle = await rehearsal;
  if (obstacle === undefined) return;
  const message = `A rehearsal was under way when the migration began. ${obstacle.why}`;
  journal.append({ type: 'warning', message });
}

function sideOf({ client, address, peer }: Connected, journal: Journal): QemuSide {
  return new QemuSide('source', client, address, peer, journal);
}

function timeOf(event: QmpEvent): number {
  return event.qemuTimeUs === undefined ? event.arrivedAtMs : event.qemuTimeUs / 1000;
}
