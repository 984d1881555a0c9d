/**
 * A migration that libvirt runs, peer to peer: libvirt prepares the destination, carries the device
 * configuration over, and cleans up at both ends; we give it the limits and watch. What changes
 * something goes through libvirt's own commands, what only asks through the domain's monitor.
 */
import { PrecopyError, messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { JournalRecord } from '../journal/records.js';
import type {
  Ability,
  MigrationControl,
  Parameters,
  Preflight,
  Tuning,
} from '../sequence/control.js';
import { MigrationEvents } from '../sequence/migration-events.js';
import { lookBefore } from '../sequence/preflight.js';
import { fromQemu } from '../sequence/qmp-parameters.js';
import { checked, migrationParameters, type MigrationInfo } from '../sequence/qemu-replies.js';
import { readSettings, type MigrationSettings } from '../sequence/settings.js';
import type { QemuSide } from '../sequence/side.js';
import { parseJobInfo } from './job-info.js';
import { speedText } from './speed.js';
import { LibvirtError, Virsh } from './virsh.js';

/** QEMU's capabilities that virsh migrate has an option for. */
const optionOf: Readonly<Record<string, string>> = {
  'auto-converge': '--auto-converge',
  'postcopy-ram': '--postcopy',
  multifd: '--parallel',
};
/** What is set for the domain, and stays set where a migration does not take it away. */
const limitCommands = ['migrate-setspeed', 'migrate-setmaxdowntime'] as const;
type LimitCommand = (typeof limitCommands)[number];
/** Those that libvirt switches on by itself where QEMU has them. */
const libvirtsOwn: ReadonlySet<string> = new Set(['events', 'return-path']);

export interface LibvirtControlOptions {
  /** The source's libvirt. */
  readonly virsh: Virsh;
  readonly uuid: string;
  readonly source: QemuSide;
  /** The destination's libvirt, as the source's libvirtd reaches it; undefined: to adopt only. */
  readonly destinationUri: string | undefined;
  /** Where QEMU's channel goes (`--migrateuri`); undefined: libvirt chooses. */
  readonly migrateUri: string | undefined;
  /** More options of `virsh migrate`. */
  readonly virshOptions: readonly string[];
  readonly journal: Journal;
}

export class LibvirtControl implements MigrationControl {
  readonly name = 'libvirt';
  readonly source: QemuSide;
  readonly destination = undefined;
  readonly destinationHeld = false;
  readonly events: MigrationEvents;
  readonly abilities = new Set<Ability>();
  readonly #options: LibvirtControlOptions;
  readonly #migrateOptions: string[] = [];
  /** What `restore` puts back. */
  readonly #changed = new Map<LimitCommand, string>();
  #autoConverge = false;
  #lastInfo: MigrationInfo = {};
  #begunAt = 0;
  /** virsh migrate: resolves with why it failed, or with undefined. */
  #migration: Promise<Error | undefined> | undefined;

  constructor(options: LibvirtControlOptions) {
    this.#options = options;
    this.source = options.source;
    this.events = new MigrationEvents(options.source, undefined);
  }

  async preflight(settings: MigrationSettings): Promise<Preflight> {
    return await lookBefore(this.source, undefined, settings);
  }

  async setUp(settings: MigrationSettings, tuning: Tuning): Promise<void> {
    for (const [name, value] of Object.entries(settings.parameters)) {
      if (name !== 'multifd-channels') throw notThroughLibvirt(name);
      this.#migrateOptions.push('--parallel-connections', String(value));
    }
    for (const [name, on] of Object.entries(settings.capabilities)) {
      if (!on || libvirtsOwn.has(name)) continue;
      const option = optionOf[name];
      if (option === undefined) throw notThroughLibvirt(name);
      if (name === 'auto-converge' && !this.#mayThrottle(tuning)) continue;
      this.#migrateOptions.push(option);
      if (name === 'auto-converge') this.#autoConverge = true;
      if (name === 'postcopy-ram') this.abilities.add('postcopy');
    }
    this.abilities.add('tune');
    await this.tune(tuning);
  }

  /** libvirt has no way to say how far QEMU may throttle: all the way, or not at all. */
  #mayThrottle({ throttlePercent = 99 }: Tuning): boolean {
    return throttlePercent >= 99;
  }

  /**
   * Takes over a migration that libvirt runs already, whoever asked for it.
   *
   * @param earlier what a control before this one journalled of it
   */
  async adopt(earlier: readonly JournalRecord[] = []): Promise<void> {
    for (const record of earlier) {
      if (record.type !== 'before') continue;
      for (const command of limitCommands) {
        const value = record.settings.parameters[command];
        if (value !== undefined) this.#changed.set(command, String(value));
      }
    }
    const { capabilities } = await readSettings(this.source);
    this.#autoConverge = capabilities['auto-converge'] === true;
    this.abilities.add('tune');
    if (capabilities['postcopy-ram'] === true) this.abilities.add('postcopy');
  }

  /** Resolves when QEMU has begun; before that libvirt prepares the destination, for seconds. */
  async start(): Promise<void> {
    const { destinationUri, migrateUri, virshOptions, uuid } = this.#options;
    if (destinationUri === undefined) throw new Error('A control that adopts starts nothing.');
    const args = [
      ...['migrate', '--live', '--p2p', '--domain', uuid, '--desturi', destinationUri],
      ...(migrateUri === undefined ? [] : ['--migrateuri', migrateUri]),
      ...this.#migrateOptions,
      ...virshOptions,
    ];
    const ended = new AbortController();
    this.#migration = this.#effect(args, Infinity)
      .then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => {
        ended.abort();
      });
    const begun = this.events
      .until(({ sourceStatus }) => sourceStatus, ended.signal)
      .catch(() => undefined);
    if ((await begun) !== undefined) {
      this.#begunAt = Date.now();
      return;
    }
    const failure = await this.#migration;
    if (failure) throw refused(failure);
  }

  /** @throws PrecopyError MIGRATION_FAILED if libvirt took it back after QEMU had completed */
  async finished(): Promise<void> {
    const completedAt = Date.now();
    const failure = await this.#migration;
    if (failure) throw refused(failure);
    this.#lastInfo = {
      ...this.#lastInfo,
      ...(await this.#statistics()),
      status: 'completed',
      'total-time': Math.max(1, completedAt - this.#begunAt),
    };
  }

  /** libvirt hands them over to the destination, and ends the source's QEMU. */
  async #statistics(): Promise<Partial<MigrationInfo>> {
    const { destinationUri, uuid, journal } = this.#options;
    try {
      const args = [
        'domjobinfo',
        '--domain',
        uuid,
        '--completed',
        '--keep-completed',
        '--rawstats',
      ];
      return parseJobInfo(await new Virsh(destinationUri).run(args));
    } catch (error) {
      // The source's libvirtd reaches it, which need not be so from here.
      const message = `The destination's libvirt does not tell how the migration went: ${messageOf(error)}`;
      journal.append({ type: 'warning', message });
      return {};
    }
  }

  async info(): Promise<MigrationInfo> {
    try {
      this.#lastInfo = await this.source.migration();
    } catch (error) {
      // libvirt ends the source's QEMU as soon as the destination runs.
      if (this.events.state.sourceStatus !== 'completed') throw error;
    }
    return this.#lastInfo;
  }

  async parameters(): Promise<Parameters> {
    const reply = await this.source.query('query-migrate-parameters');
    const parameters = fromQemu(
      checked(migrationParameters, reply, 'query-migrate-parameters'),
      this.#autoConverge,
    );
    return { ...parameters, switchoverBytesPerSecond: undefined };
  }

  async tune({ downtimeLimitMs, maxBandwidthBytesPerSecond }: Tuning): Promise<void> {
    if (maxBandwidthBytesPerSecond !== undefined) {
      const speed = speedText(maxBandwidthBytesPerSecond);
      await this.#change('migrate-setspeed', 'migrate-getspeed', speed);
    }
    if (downtimeLimitMs !== undefined) {
      const limit = String(Math.max(1, Math.round(downtimeLimitMs)));
      await this.#change('migrate-setmaxdowntime', 'migrate-getmaxdowntime', limit);
    }
  }

  async #change(
    set: LimitCommand,
    get: 'migrate-getspeed' | 'migrate-getmaxdowntime',
    value: string,
  ): Promise<void> {
    const { virsh, uuid, journal } = this.#options;
    if (!this.#changed.has(set)) {
      const before = (await virsh.run([get, '--domain', uuid])).trim();
      this.#changed.set(set, before);
      const settings = { capabilities: {}, parameters: { [set]: before } };
      journal.append({ type: 'before', side: 'source', guestRan: true, settings });
    }
    await this.#effect([set, '--domain', uuid, value]);
  }

  async switchToPostcopy(): Promise<void> {
    await this.#effect(['migrate-postcopy', '--domain', this.#options.uuid]);
  }

  async cancel(): Promise<void> {
    await this.events.cancelling(() => this.breakLink());
  }

  /** Nothing of libvirt's does that; what can be done is to end its job. */
  async breakLink(): Promise<void> {
    await this.#effect(['domjobabort', '--domain', this.#options.uuid]);
  }

  pause(): Promise<void> {
    return Promise.reject(notThroughLibvirt('pausing postcopy'));
  }

  resume(): Promise<void> {
    return Promise.reject(notThroughLibvirt('taking a migration up'));
  }

  recover(): Promise<void> {
    return Promise.reject(notThroughLibvirt('recovering postcopy'));
  }

  holdDestination(): Promise<void> {
    return Promise.reject(notThroughLibvirt('holding the destination'));
  }

  startDestination(): Promise<void> {
    return Promise.reject(notThroughLibvirt('starting the destination'));
  }

  /** libvirt resumes the source when a migration fails: nothing is to be done but to wait for it. */
  async secureGuest(): Promise<string> {
    const { virsh, uuid, destinationUri } = this.#options;
    try {
      if (this.#migration && !(await this.#isOver())) await this.cancel();
    } catch {
      // It ended in the meantime, or can't be ended any more.
    }
    await this.#migration;
    try {
      const state = await virsh.run(['domstate', '--domain', uuid]);
      return `The guest is on the source: ${state.trim()}.`;
    } catch (error) {
      if (error instanceof LibvirtError && error.domainIsGone) {
        return `libvirt has no such domain on the source any more: look for it at ${destinationUri ?? 'the destination'}.`;
      }
      return `How the guest on the source stands could not be found out: ${messageOf(error)}`;
    }
  }

  async #isOver(): Promise<boolean> {
    return await Promise.race([
      (this.#migration ?? Promise.resolve()).then(() => true),
      new Promise<boolean>((resolve) => {
        setImmediate(resolve, false);
      }),
    ]);
  }

  async restore(): Promise<void> {
    const { uuid, journal } = this.#options;
    for (const [set, value] of this.#changed) {
      try {
        await this.#effect([set, '--domain', uuid, value]);
      } catch (error) {
        // It moved away, and with it what was set.
        if (error instanceof LibvirtError && error.domainIsGone) return;
        const message = `${set} could not be put back to ${value}: ${messageOf(error)}`;
        journal.append({ type: 'warning', message });
      }
    }
    this.#changed.clear();
  }

  /** A command that changes something; journalled whether it succeeds or not. */
  async #effect(args: readonly string[], limitMs?: number): Promise<void> {
    const [command = '', ...rest] = args;
    const entry = {
      type: 'effect',
      side: 'source',
      command: `virsh ${command}`,
      arguments: rest,
    } as const;
    // Before it, since `migrate` takes as long as the migration.
    if (limitMs !== undefined) this.#options.journal.append(entry);
    try {
      await this.#options.virsh.run(args, undefined, limitMs);
      if (limitMs === undefined) this.#options.journal.append(entry);
    } catch (error) {
      this.#options.journal.append({ ...entry, error: messageOf(error) });
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.events[Symbol.dispose]();
  }
}

function refused(cause: Error): PrecopyError {
  return new PrecopyError(
    'MIGRATION_FAILED',
    `libvirt did not carry the migration out. ${cause.message}`,
    "Both libvirtds' logs and QEMU's (/var/log/libvirt/qemu) may say more.",
    { cause },
  );
}

function notThroughLibvirt(what: string): PrecopyError {
  return new PrecopyError(
    'NOT_SUPPORTED',
    `libvirt has no way for ${what}.`,
    'Leave it out, or migrate through monitors of both QEMUs (--to-qmp).',
  );
}
