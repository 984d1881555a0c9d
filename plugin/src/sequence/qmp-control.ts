import { PrecopyError } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { Ability, MigrationControl, Parameters, Preflight, Tuning } from './control.js';
import { handOver, openIncoming, type Endpoints } from './incoming.js';
import { parseChannel, requireChannelFor } from './channel.js';
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
  readonly abilities = new Set<Ability>();
  readonly #endpoints: Endpoints;
  readonly #journal: Journal;
  #capabilities: Readonly<Record<string, boolean>> = {};
  #guestRan = false;
  #started = false;
  #destinationHeld = false;
  /** What must be undone at the end, whatever the end; run in reverse order. */
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  constructor(options: QmpControlOptions) {
    this.source = options.source;
    this.destination = options.destination;
    this.#endpoints = options.endpoints;
    this.#journal = options.journal;
    this.events = new MigrationEvents(options.source, options.destination);
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
      const saved = await applySettings(side, settings, also, this.#journal);
      this.#cleanups.push(() => restoreSettings(side, saved, this.#journal));
    }
    await this.#learnAbilities();
    await this.tune(this.#possible(tuning));
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
    this.#started = true;
    this.#guestRan = true;
    const none = { capabilities: {}, parameters: {} };
    const saved = await applySettings(this.source, none, tunableParameters, this.#journal);
    this.#cleanups.push(() => restoreSettings(this.source, saved, this.#journal));
    await this.#learnAbilities();
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
  }

  async #channel(): Promise<string> {
    if (!this.destination) return await this.#handOver(this.#endpoints.uri ?? '');
    const incoming = await openIncoming(this.source, this.destination, this.#endpoints);
    this.#cleanups.push(() => {
      incoming[Symbol.dispose]();
    });
    return await this.#handOver(incoming.uri);
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
    await this.source.effect('migrate_cancel');
  }

  async pause(): Promise<void> {
    await this.source.effect('migrate-pause');
  }

  async recover(uri: string): Promise<void> {
    await this.destination?.effect('migrate-recover', { uri });
    await this.source.effect('migrate', { uri, resume: true });
  }

  async holdDestination(): Promise<void> {
    // `stop` on a QEMU that waits for a migration only takes back its autostart (qmp_stop).
    await this.destination?.effect('stop');
    this.#destinationHeld = true;
  }

  async startDestination(): Promise<void> {
    await this.destination?.effect('cont');
  }

  async secureGuest(): Promise<string> {
    return await secureGuest({
      source: this.source,
      destination: this.destination,
      events: this.events,
      guestRan: this.#guestRan,
      started: this.#started,
      destinationHeld: this.#destinationHeld,
    });
  }

  async restore(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  [Symbol.dispose](): void {
    this.events[Symbol.dispose]();
  }
}
