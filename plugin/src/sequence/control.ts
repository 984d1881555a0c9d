/**
 * What a sequencer needs of whoever runs the migration: QEMU through two monitors, a source whose
 * destination somebody else prepared, or a manager such as libvirt. A control carries out; it never
 * decides (policy.ts does) and never journals decisions.
 *
 *   preflight ─ setUp ─ start ─┬─ tune, info, parameters ... ─┬─ (guest stops) ─ restore
 *                              └─ switchToPostcopy, cancel ───┘
 *
 * A method that a way of migrating does not have (see `abilities`) throws NOT_SUPPORTED.
 */
import type { MigrationEvents } from './migration-events.js';
import type { MigrationInfo } from './qemu-replies.js';
import type { MigrationSettings } from './settings.js';
import type { QemuSide } from './side.js';
import type { Unfinished } from './unfinished.js';

/** The knobs that decide when QEMU switches over, and how much it does until then. */
export interface Parameters {
  /** `downtime-limit`, ms. */
  readonly downtimeLimitMs: number;
  /** `max-bandwidth`, bytes/s; 0: no limit. It does not bind in the blackout. */
  readonly maxBandwidthBytesPerSecond: number;
  /**
   * `avail-switchover-bandwidth`, bytes/s; 0: QEMU takes what it measured. Undefined where QEMU has no
   * such parameter (before 8.2).
   */
  readonly switchoverBytesPerSecond: number | undefined;
  /**
   * How far QEMU may throttle the vCPUs, percent; 0: hardly (QEMU's least is 1 %). Undefined where the
   * capability auto-converge is off: it can't be turned on while a migration runs.
   */
  readonly throttlePercent: number | undefined;
}

/** A change of some of them; what is absent stays. */
export type Tuning = {
  readonly [name in keyof Parameters]?: NonNullable<Parameters[name]> | undefined;
};

/**
 * What not every control can do, or not with every QEMU:
 *
 *   tune                  downtime limit and bandwidth while the migration runs
 *   switchover-bandwidth  `avail-switchover-bandwidth` (QEMU 8.2 and later)
 *   throttle              auto-converge is on, so that its throttle can be steered
 *   postcopy              the capability postcopy-ram is on at both ends
 *   pause                 `migrate-pause` and `migrate-recover` of a postcopy migration
 *   resume                an interrupted run can be taken up (`resume`)
 *   hold-destination      the destination can be kept from starting, for verify
 */
export type Ability =
  | 'tune'
  | 'switchover-bandwidth'
  | 'throttle'
  | 'postcopy'
  | 'pause'
  | 'resume'
  | 'hold-destination';

export interface MigrationControl extends Disposable {
  /** For messages: `QMP`, `libvirt`. */
  readonly name: string;
  /** Known for certain after `setUp` (or, of a migration that runs already, from the beginning). */
  readonly abilities: ReadonlySet<Ability>;
  /** The monitor through which the source is watched. */
  readonly source: QemuSide;
  /** Undefined where the destination's monitor is not ours: then no verify, and the downtime is the source's. */
  readonly destination: QemuSide | undefined;
  /** Passes, states, STOP on the source, RESUME on the destination; followed from before `start`. */
  readonly events: MigrationEvents;

  /**
   * Looks whether the migration can work with these settings; changes nothing.
   *
   * @throws PrecopyError NOT_SUPPORTED with each obstacle and its fix
   */
  preflight(settings: MigrationSettings): Promise<Preflight>;
  /**
   * Makes both sides ready, and remembers all that it changes, for `restore`.
   *
   * @param tuning what shall be in force from the start; what this QEMU does not know is left out
   * @throws PrecopyError MIGRATION_FAILED if a side refuses; what was changed is put back by `restore`
   */
  setUp(settings: MigrationSettings, tuning: Tuning): Promise<void>;
  /** Takes the place of `setUp` and `start` where an earlier run of ours has ended without its end. */
  resume(earlier: Unfinished): Promise<void>;
  /** Starts the migration; resolves once the source has accepted it. */
  start(): Promise<void>;
  /** `query-migrate` on the source. */
  info(): Promise<MigrationInfo>;
  /** The parameters in force. */
  parameters(): Promise<Parameters>;
  /** Changes parameters of the running migration; at once, in one command where QEMU has one. */
  tune(tuning: Tuning): Promise<void>;
  /** Starts the guest on the destination now; the rest of its RAM follows on demand. */
  switchToPostcopy(): Promise<void>;
  /**
   * Ends the migration; the guest stays on the source.
   *
   * @throws PrecopyError MIGRATION_FAILED if there is no way back, or if the guest could then run twice
   */
  cancel(): Promise<void>;
  /**
   * Breaks a link that carries nothing any more (`yank`), also while QEMU's main loop waits for it: a
   * precopy then fails and the guest stays on the source; a postcopy can be recovered.
   *
   * @throws PrecopyError MIGRATION_FAILED if the guest could then run twice
   */
  breakLink(): Promise<void>;
  /** Breaks off the channel of a postcopy migration, which can be recovered. */
  pause(): Promise<void>;
  /** Resumes a postcopy migration whose channel broke, over a new one at the same address. */
  recover(): Promise<void>;
  /**
   * Where a manager runs the migration: waits until it has agreed that the migration is over, after QEMU
   * said so.
   *
   * @throws PrecopyError MIGRATION_FAILED if it took it back
   */
  finished?(): Promise<void>;
  /** The destination's guest starts only with `startDestination`. */
  readonly destinationHeld: boolean;
  /** Keeps the destination's guest from starting by itself; to be called before `start`. */
  holdDestination(): Promise<void>;
  /** Starts a destination that was held. */
  startDestination(): Promise<void>;
  /**
   * After a failure: sees to it that the guest runs, unless it may run at the destination.
   *
   * @returns where the guest is, a sentence for the user
   */
  secureGuest(): Promise<string>;
  /** Puts back every parameter and capability that was changed. What can't be is journalled as a warning. */
  restore(): Promise<void>;
}

/** What is known before anything was changed. */
export interface Preflight {
  /** The guest ran when we came: it must run somewhere when we go. */
  readonly guestRan: boolean;
  /** RAM that migrates, bytes; undefined where it could not be found out. */
  readonly ramBytes: number | undefined;
  /** What does not forbid the migration but should be known. */
  readonly warnings: readonly string[];
}
