/** Follows one migration that somebody else started, from its first event to its end, into a journal. */
import type { QmpEvent } from 'qemu-qmp-client-ts';
import { messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { MigrationResult } from '../journal/records.js';
import { pause } from '../pause.js';
import { sourceEnd } from '../sequence/migration-events.js';
import { PassFollower } from '../sequence/pass-follower.js';
import { fromQemu } from '../sequence/qmp-parameters.js';
import {
  capabilityList,
  checked,
  migrationEventData,
  migrationParameters,
  migrationPassData,
  sampleOf,
  type MigrationInfo,
  migrationIsOver,
} from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import type { PassContext } from '../sequence/passes.js';
import { comparisonOf } from '../sequence/why-not.js';

/** What must be subscribed to. */
export const followedEvents: readonly string[] = [
  'MIGRATION',
  'MIGRATION_PASS',
  'STOP',
  'RESUME',
  'VFIO_MIGRATION',
];

/** How often it is said how far a migration is: a first round alone can take minutes. */
const observeMs = 1000;

export class MigrationFollower {
  readonly #side: QemuSide;
  readonly #journal: Journal;
  readonly #passes: PassFollower;
  readonly #startedAtMs: number;
  #settings: Omit<PassContext, 'sourceStopped'> = {
    autoConverge: false,
    downtimeLimitMs: 0,
    switchoverBytesPerSecond: 0,
    switchoverAck: false,
    comparison: '<=',
    stopCopyBytes: undefined,
  };
  #lastParameters = '';
  #sourceStopped = false;
  /** The policy has this controller cancel it. */
  #cancelling = false;

  /** @param side one whose effects and events go to `journal` */
  constructor(side: QemuSide, journal: Journal, startedAtMs: number) {
    this.#side = side;
    this.#journal = journal;
    this.#startedAtMs = startedAtMs;
    this.#passes = new PassFollower(
      () => this.#look(),
      () => ({ ...this.#settings, sourceStopped: this.#sourceStopped }),
      journal,
    );
    journal.subscribe((record) => {
      if (record.type === 'decision' && record.action.kind === 'cancel') this.#cancelling = true;
      if (record.type === 'effect' && record.command === 'virsh domjobabort') {
        this.#cancelling = record.error === undefined;
      }
    });
  }

  /** Asks for what passes are judged by; a follower that can't know goes on without. */
  async readSettings(): Promise<void> {
    try {
      const capabilities = await this.#side.query('query-migrate-capabilities');
      const on = new Set(
        checked(capabilityList, capabilities, 'query-migrate-capabilities')
          .filter(({ state }) => state)
          .map(({ capability }) => capability),
      );
      this.#settings = {
        ...this.#settings,
        comparison: comparisonOf(this.#side.client.greeting.version),
        switchoverAck: on.has('switchover-ack'),
        autoConverge: on.has('auto-converge'),
      };
      await this.#readParameters();
    } catch (error) {
      this.#journal.append({
        type: 'warning',
        message: `The migration's parameters could not be read: ${messageOf(error)}`,
      });
    }
  }

  /** Says how far it is, until the signal fires; for a migration that nobody here steers. */
  async observe(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(observeMs, signal);
      if (signal.aborted) return;
      await this.#observeOnce(signal);
    }
  }

  async #observeOnce(signal: AbortSignal): Promise<void> {
    const stopped = (): boolean => this.#sourceStopped || signal.aborted;
    // In the blackout QEMU answers late, and nothing that is of it.
    if (stopped()) return;
    try {
      const sample = sampleOf(await this.#look());
      if (sample && !stopped()) this.#journal.append({ type: 'observation', sample });
    } catch {
      // A monitor that is gone is noticed by whoever waits for its events.
    }
  }

  /** Anybody may change the parameters under way: what is looked at is judged by those of that moment. */
  async #look(): Promise<MigrationInfo> {
    const [info] = await Promise.all([this.#side.migration(), this.#readParameters()]);
    return info;
  }

  async #readParameters(): Promise<void> {
    const reply = checked(
      migrationParameters,
      await this.#side.query('query-migrate-parameters'),
      'query-migrate-parameters',
    );
    const parameters = fromQemu(reply, this.#settings.autoConverge);
    this.#settings = {
      ...this.#settings,
      downtimeLimitMs: parameters.downtimeLimitMs,
      switchoverBytesPerSecond: parameters.switchoverBytesPerSecond ?? 0,
    };
    const text = JSON.stringify(parameters);
    if (text !== this.#lastParameters) this.#journal.append({ type: 'parameters', parameters });
    this.#lastParameters = text;
  }

  /** @returns the final status, with the event that tells it */
  take(event: QmpEvent): MigrationResult['outcome'] | undefined {
    this.#side.journalEvent(event);
    switch (event.name) {
      case 'STOP':
        this.#sourceStopped = true;
        return undefined;
      case 'RESUME':
        this.#sourceStopped = false;
        return undefined;
      case 'MIGRATION_PASS':
        this.#passes.pass(
          migrationPassData.parse(event.data).pass,
          this.#sourceStopped,
          event.qemuTimeUs,
        );
        return undefined;
      case 'MIGRATION': {
        const { status } = migrationEventData.parse(event.data);
        return migrationIsOver(status) ? sourceEnd(status, this.#cancelling) : undefined;
      }
      default:
        return undefined;
    }
  }

  /** Writes the result, as far as QEMU still tells it: a manager ends the source soon after. */
  async end(outcome: MigrationResult['outcome'], endedAtMs: number): Promise<MigrationResult> {
    await this.#passes.settled();
    const info = await this.#side.migration().catch((): MigrationInfo => ({}));
    const last = this.#passes.lastSample;
    const result: MigrationResult = {
      outcome,
      totalMs: info['total-time'] ?? Math.round(endedAtMs - this.#startedAtMs),
      passes: this.#passes.passes,
      transferredBytes: info.ram?.transferred ?? last?.transferredBytes ?? 0,
      // RESUME on the destination is for its own monitor to tell.
      downtime: undefined,
      qemuDowntimeMs: info.downtime,
      expectedDowntimeMs: last?.expectedDowntimeMs,
      blackoutRamBytes: info.ram?.['downtime-bytes'],
    };
    this.#journal.append({ type: 'result', result });
    return result;
  }
}
