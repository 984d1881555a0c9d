import { PrecopyError } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { Ability, MigrationControl, Parameters, Preflight, Tuning } from './control.js';
import { parseChannel, requireChannelFor } from './channel.js';
import { DestinationGate } from './destination-gate.js';
import {
  handOver,
  openIncoming,
  removeLeftFolder,
  reopenIncoming,
  type Endpoints,
  type Incoming,
} from './incoming.js';
import { MigrationEvents } from './migration-events.js';
import { lookBefore } from './preflight.js';
import { fromQemu, toQemu, tunableParameters } from './qmp-parameters.js';
import { checked, migrationParameters, type MigrationInfo } from './qemu-replies.js';
import { secureGuest } from './secure-guest.js';
import {
  applySettings,
  readSettings,
  restoreSettings,
  type MigrationSettings,
} from './settings.js';
import type { QemuSide } from './side.js';
import type { Unfinished } from './unfinished.js';

export interface QmpControlOptions {
  source: QemuSide;
  /** Undefined: somebody else prepared the destination, which listens at `uri`. */
  destination: QemuSide | undefined;
  endpoints: Endpoints;
  journal: Journal;
}

/** Runs a migration through QEMU's own monitors: both sides', or the source's alone. */
export class QmpControl implements MigrationControl {
  readonly name = 'QMP';
  readonly source: QemuSide;
  readonly destination: QemuSide | undefined;
  readonly events: MigrationEvents;
  readonly abilities = new Set<Ability>(['resume']);
  readonly #endpoints: Endpoints;
  readonly #journal: Journal;
  #capabilities: Readonly<Record<string, boolean>> = {};
  #guestRan = false;
  #started = false;
  /** QEMU took `migrate`. */
  #accepted = false;
  readonly #gate: DestinationGate;
  /** What must be undone at the end, whatever the end; run in reverse order. */
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  constructor(options: QmpControlOptions) {
    this.source = options.source;
    this.destination = options.destination;
    this.#endpoints = options.endpoints;
    this.#journal = options.journal;
    this.events = new MigrationEvents(options.source, options.destination);
    this.#gate = new DestinationGate(options.destination);
    if (options.destination) this.abilities.add('hold-destination');
  }

  async preflight(settings: MigrationSettings): Promise<Preflight> {
    const { uri } = this.#endpoints;
    if (!this.destination && uri === undefined) {
      throw new PrecopyError(
        'USAGE',
        'There is neither a monitor of the destination nor a place where it listens.',
        'Give --to-qmp, --uri, or both.',
      );
    }
    if (uri !== undefined) requireChannelFor(parseChannel(uri), settings.capabilities);
    const preflight = await lookBefore(this.source, this.destination, settings);
    this.#guestRan = preflight.guestRan;
    return preflight;
  }

  async setUp(settings: MigrationSettings, tuning: Tuning): Promise<void> {
    const sides = this.destination ? [this.destination, this.source] : [this.source];
    for (const side of sides) {
      const also = side === this.source ? tunableParameters : [];
      await this.#apply(side, settings, also);
    }
    await this.#learnAbilities();
    await this.tune(this.#possible(tuning));
  }

  async #apply(
    side: QemuSide,
    settings: MigrationSettings,
    also: readonly string[],
  ): Promise<void> {
    const saved = await applySettings(side, settings, also, this.#journal, (before) => {
      const { role } = side;
      const guestRan = this.#guestRan && side === this.source;
      this.#journal.append({ type: 'before', side: role, guestRan, settings: before });
    });
    this.#restoreAtEnd(side, saved);
  }

  #restoreAtEnd(side: QemuSide, saved: MigrationSettings): void {
    this.#cleanups.push(() => restoreSettings(side, saved, this.#journal));
  }

  #possible(tuning: Tuning): Tuning {
    const { switchoverBytesPerSecond, throttlePercent, ...others } = tuning;
    return {
      ...others,
      ...(this.abilities.has('switchover-bandwidth') ? { switchoverBytesPerSecond } : {}),
      ...(this.abilities.has('throttle') ? { throttlePercent } : {}),
    };
  }

  /**
   * Takes over a migration that runs already, whoever started it. Its parameters are put back at the
   * end like those of our own.
   */
  async adopt(): Promise<void> {
    this.#started = this.#accepted = true;
    this.#guestRan = true;
    const none = { capabilities: {}, parameters: {} };
    await this.#apply(this.source, none, tunableParameters);
    await this.#learnAbilities();
    await this.events.lookNow();
  }

  /** Goes on where an earlier run of ours left off. */
  async resume(earlier: Unfinished): Promise<void> {
    this.#guestRan = earlier.guestRan;
    this.#started = this.#accepted = earlier.uri !== undefined;
    if (earlier.destinationStarted) this.events.state.resumed ??= Date.now();
    this.events.state.postcopy ||= earlier.postcopy;
    this.events.state.cancelling ||= earlier.cancelling;
    this.#cleanups.push(() => {
      removeLeftFolder(earlier.uri);
    });
    if (earlier.destinationHeld) this.#gate.assumeShut();
    if (earlier.before.source) this.#restoreAtEnd(this.source, earlier.before.source);
    if (earlier.before.destination && this.destination) {
      this.#restoreAtEnd(this.destination, earlier.before.destination);
    }
    await this.#learnAbilities();
    await this.events.lookNow();
    if (this.events.state.sourceStatus === 'pre-switchover') {
      await this.source.effect('migrate-continue', { state: 'pre-switchover' });
    }
  }

  async #learnAbilities(): Promise<void> {
    ({ capabilities: this.#capabilities } = await readSettings(this.source));
    this.abilities.add('tune');
    if (this.#capabilities['auto-converge'] === true) this.abilities.add('throttle');
    if (this.#capabilities['postcopy-ram'] === true) this.abilities.add('postcopy').add('pause');
    if ((await this.parameters()).switchoverBytesPerSecond !== undefined) {
      this.abilities.add('switchover-bandwidth');
    }
  }

  async start(): Promise<void> {
    const uri = await this.#channel();
    this.#started = true;
    await this.source.effect('migrate', { uri });
    this.#accepted = true;
  }

  async #channel(): Promise<string> {
    if (!this.destination) return await this.#handOver(this.#endpoints.uri ?? '');
    const incoming = await openIncoming(this.source, this.destination, this.#endpoints);
    this.#removeAtEnd(incoming);
    return await this.#handOver(incoming.uri);
  }

  #removeAtEnd(incoming: Incoming): void {
    this.#cleanups.push(() => {
      incoming[Symbol.dispose]();
    });
  }

  async #handOver(uri: string): Promise<string> {
    return await handOver(this.source, parseChannel(uri));
  }

  async info(): Promise<MigrationInfo> {
    return await this.source.migration();
  }

  async parameters(): Promise<Parameters> {
    const reply = await this.source.query('query-migrate-parameters');
    return fromQemu(
      checked(migrationParameters, reply, 'query-migrate-parameters'),
      this.#capabilities['auto-converge'] === true,
    );
  }

  async tune(tuning: Tuning): Promise<void> {
    const parameters = toQemu(tuning);
    if (Object.keys(parameters).length === 0) return;
    await this.source.effect('migrate-set-parameters', parameters);
  }

  async switchToPostcopy(): Promise<void> {
    await this.source.effect('migrate-start-postcopy');
  }

  async cancel(): Promise<void> {
    if (this.events.state.postcopy) {
      throw new PrecopyError(
        'MIGRATION_FAILED',
        'The guest goes on at the destination already (postcopy), and the RAM of the source is old: there is no way back.',
        'Migrate the guest back once the migration has completed, if it shall not stay there.',
      );
    }
    await this.#wayBack();
    await this.events.cancelling(() => this.source.effect('migrate_cancel'));
  }

  async breakLink(): Promise<void> {
    if (!this.events.state.postcopy) await this.#wayBack();
    const link = { instances: [{ type: 'migration' }] };
    await this.source.effect('yank', link, { oob: this.source.client.oob });
  }

  async #wayBack(): Promise<void> {
    // What waits in pre-switchover has not sent the state of its devices: nothing can start there.
    const { state } = this.events;
    const sourceStopped = (): boolean =>
      state.stopped !== undefined && state.sourceStatus !== 'pre-switchover';
    await this.#gate.shutOrRefuse(this.#guestRan, sourceStopped);
  }

  async pause(): Promise<void> {
    await this.source.effect('migrate-pause', undefined, { oob: this.source.client.oob });
  }

  async recover(): Promise<void> {
    const uri = await this.#reopen();
    await this.source.effect('migrate', { uri: await this.#handOver(uri), resume: true });
  }

  /** Where the destination listens for the rest of a postcopy; where it is not ours, it must already. */
  async #reopen(): Promise<string> {
    const { destination } = this;
    if (!destination) return this.#endpoints.uri ?? '';
    const incoming = await reopenIncoming(this.source, destination, this.#endpoints);
    this.#removeAtEnd(incoming);
    return incoming.uri;
  }

  get destinationHeld(): boolean {
    return this.#gate.isShut;
  }

  async holdDestination(): Promise<void> {
    if ((await this.#gate.shut(this.#guestRan)) === 'shut') return;
    throw new PrecopyError(
      'MIGRATION_FAILED',
      `The destination ${this.destination?.address ?? ''} can't be kept from starting by itself.`,
      'See that its monitor answers and that it waits for a migration.',
    );
  }

  async startDestination(): Promise<void> {
    await this.#gate.open();
  }

  async secureGuest(): Promise<string> {
    return await secureGuest({
      source: this.source,
      destination: this.destination,
      events: this.events,
      guestRan: this.#guestRan,
      started: this.#started,
      destinationHeld: this.#gate.isShut,
      cancel: () => this.cancel(),
    });
  }

  async restore(): Promise<void> {
    // With a stream that may have come whole, a destination that starts by itself could be the second to run.
    if (!this.#accepted) await this.#gate.reopenUnused();
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  [Symbol.dispose](): void {
    this.events[Symbol.dispose]();
  }
}
