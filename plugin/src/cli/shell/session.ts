import { PrecopyError } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import type { JournalRecord, RecordOf } from '../../journal/records.js';
import { formatBytes, formatMs, formatRate } from '../../report/format.js';
import type { Tuning } from '../../sequence/control.js';
import type { Request } from '../../sequence/policy.js';
import type { QmpControl } from '../../sequence/qmp-control.js';
import type { Sequencer } from '../../sequence/sequencer.js';
import { describeError } from '../output.js';
import type { ShellCommand } from './commands.js';

/** QEMU answers at once while the guest runs; in the blackout it does not. */
const answerTimeoutMs = 5000;

/** How a migration ended. */
export interface MigrationEnd {
  /** What is to be said of it. */
  readonly says: string;
  /** Neither completed, nor cancelled by somebody who wanted that; or nobody knows. */
  readonly failed: boolean;
}

/** A migration that a session can ask for something. */
export interface SteeredMigration {
  readonly sequencer: Sequencer;
  readonly ended: Promise<MigrationEnd>;
}

export interface SessionOptions {
  control: QmpControl;
  journal: Journal;
  /** Starts the migration, held. */
  start: () => Promise<SteeredMigration>;
}

/** Carries out the shell's commands on one migration. */
export class ShellSession {
  readonly #options: SessionOptions;
  #migration: SteeredMigration | undefined;
  #over = false;
  #failed = false;
  #lastPass: RecordOf<'pass'> | undefined;
  #parameters: RecordOf<'parameters'> | undefined;
  #phase = 'not started';
  readonly #waiters = new Set<(record: JournalRecord) => void>();

  constructor(options: SessionOptions) {
    this.#options = options;
    options.journal.subscribe((record) => {
      if (record.type === 'pass') this.#lastPass = record;
      if (record.type === 'parameters') this.#parameters = record;
      if (record.type === 'phase') this.#phase = record.phase;
      for (const waiter of [...this.#waiters]) waiter(record);
    });
  }

  /** Its migration ended in another way than was wanted, or nobody knows how. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Goes on with a migration that runs already. */
  adopt(migration: SteeredMigration): void {
    this.#migration = migration;
    this.#phase = 'precopy';
    void migration.ended
      .then(({ failed }) => (this.#failed = failed))
      .finally(() => (this.#over = true))
      .catch(() => undefined);
  }

  /** @returns what is to be said; @throws PrecopyError USAGE if that can't be done now */
  async run(command: ShellCommand): Promise<string> {
    switch (command.kind) {
      case 'help':
      case 'exit':
        return '';
      case 'start':
        return await this.#start();
      case 'status':
        return await this.#status();
      case 'why':
        return this.#lastPass?.why?.sentence ?? 'There was no pass yet.';
      case 'wait':
        return (await this.#running().ended).says;
      case 'step':
        return await this.#step();
      case 'tune':
        return await this.#tune(command.tuning);
      case 'release':
      case 'switchover':
      case 'hold':
      case 'postcopy':
      case 'cancel':
        await this.#ask({ kind: command.kind });
        return `${command.kind}: asked for`;
    }
  }

  /** Nothing may stay held when nobody is there to release it. @returns what is to be said of the end */
  async leave(): Promise<string> {
    if (!this.#migration) return '';
    if (!this.#over && this.#phase === 'held') await this.run({ kind: 'release' });
    return (await this.#migration.ended).says;
  }

  async #start(): Promise<string> {
    if (this.#migration) throw usage('It was started already.');
    this.adopt(await this.#options.start());
    this.#phase = 'held';
    if (!this.#lastPass) await this.#until(({ type }) => type === 'pass', answerTimeoutMs);
    return 'started, held';
  }

  #running(): SteeredMigration {
    if (this.#migration) return this.#migration;
    throw usage('No migration is under way: "start" starts it.');
  }

  async #step(): Promise<string> {
    const before = this.#lastPass?.pass ?? 0;
    await this.#ask({ kind: 'hold' });
    const { sequencer } = this.#running();
    const ended = this.#until((record) => record.type === 'pass' && record.pass > before);
    sequencer.request({ kind: 'step' });
    await ended;
    if (this.#over || this.#lastPass === undefined) return 'the migration went on to its end';
    return this.#lastPass.why?.sentence ?? `pass ${this.#lastPass.pass}`;
  }

  async #tune(tuning: Tuning): Promise<string> {
    await this.#ask({ kind: 'tune', tuning });
    return '';
  }

  /** Resolves when it was carried out. */
  async #ask(request: Request): Promise<void> {
    const { sequencer } = this.#running();
    if (this.#over) throw usage('The migration is over.');
    if (this.#options.control.events.state.postcopy) {
      throw usage(
        'The guest goes on at the destination already (postcopy): there is no way back, and nothing to steer any more.',
      );
    }
    const done = this.#until(
      ({ type }) => type === 'parameters' || type === 'warning' || type === 'result',
      ['postcopy', 'cancel'].includes(request.kind) ? 0 : answerTimeoutMs,
    );
    sequencer.request(request);
    await done;
  }

  async #until(test: (record: JournalRecord) => boolean, timeoutMs?: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.#waiters.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const look = (record: JournalRecord): void => {
        if (test(record)) end();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
      this.#waiters.add(look);
      void this.#migration?.ended.finally(end).catch(() => undefined);
    });
  }

  async #status(): Promise<string> {
    const info = await this.#options.control.info();
    const lines = [`${this.#phase}; QEMU says ${info.status ?? 'none'}`];
    const sample = this.#lastPass?.sample;
    if (info.ram) {
      lines.push(
        `pass ${info.ram['dirty-sync-count']}, ${formatBytes(info.ram.remaining)} left, ${formatBytes(info.ram.transferred)} sent`,
      );
    }
    if (sample) lines.push(`dirty rate ${formatRate(sample.dirtyBytesPerSecond)}`);
    const now = this.#parameters?.parameters;
    if (now) {
      const throttle = now.throttlePercent === undefined ? 'off' : `${now.throttlePercent} %`;
      lines.push(
        `downtime-limit ${formatMs(now.downtimeLimitMs)}, bandwidth ${now.maxBandwidthBytesPerSecond === 0 ? 'unlimited' : formatRate(now.maxBandwidthBytesPerSecond)}, throttle ${throttle}`,
      );
    }
    return lines.join('\n');
  }
}

function usage(what: string): PrecopyError {
  return new PrecopyError('USAGE', what, '');
}

/** What is said of a migration's end. */
export async function describeEnd(migration: Promise<unknown>): Promise<MigrationEnd> {
  try {
    await migration;
    return { says: 'the migration is over', failed: false };
  } catch (error) {
    const wanted = error instanceof PrecopyError && error.code === 'CANCELLED';
    return { says: describeError(error), failed: !wanted };
  }
}
