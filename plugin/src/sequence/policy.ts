/**
 * When to do what: `decide(view, goal)` is pure. It sees only what the journal has, so that a recorded
 * migration can be decided again, by the same policy or by another.
 */
import type { Forecast } from '../forecast/outcome/types.js';
import type { Ability, Parameters, Tuning } from './control.js';
import type { MigrationSample, PassKind } from './passes.js';
import type { Phase } from './phase.js';

/** A pass as a policy sees it. */
export interface ViewedPass {
  /** dirty-sync-count, of the last one where several were recorded together. */
  readonly pass: number;
  readonly kind: PassKind;
  /** ms since `migrate`. */
  readonly atMs: number;
  /** What QEMU said right after it. */
  readonly sample: MigrationSample;
}

/** What a person asked for; the policy `manual` carries it out. */
export type Request =
  | { readonly kind: 'hold' | 'release' | 'switchover' | 'postcopy' | 'cancel' }
  /** One more pass of a held migration; done when it has come. */
  | { readonly kind: 'step' }
  | { readonly kind: 'tune'; readonly tuning: Tuning };

/** What a rehearsal found out, if there was one. */
export interface Expectation {
  readonly forecast: Forecast;
  /** The dirty curve D(t): how much is dirtied in windows of some lengths, ascending. */
  readonly curve: readonly ExpectedPoint[];
  /** What the devices' drivers report to be left for the blackout, bytes: QEMU counts that itself. */
  readonly stopCopyBytes: number;
}

export interface ExpectedPoint {
  readonly windowMs: number;
  readonly bytes: number;
}

/** What a policy knows of a migration from its beginning on. */
export interface Given {
  readonly policy: string;
  readonly goal: Goal;
  readonly initial: Parameters;
  readonly abilities: readonly Ability[];
  readonly ramBytes: number | undefined;
  readonly expectation: Expectation | undefined;
}

/** Where the migration stands, from recorded data only. */
export interface View {
  /** ms since `migrate`. */
  readonly elapsedMs: number;
  readonly phase: Phase;
  /** Passes so far, oldest first. */
  readonly passes: readonly ViewedPass[];
  /** The last sample of a running guest, possibly between two passes. */
  readonly latest: { readonly atMs: number; readonly sample: MigrationSample } | undefined;
  /** The least that was ever left to send, and since when. */
  readonly progress: { readonly atMs: number; readonly bytes: number };
  /** Bandwidths that QEMU measured in its last windows, bytes/s, oldest first. */
  readonly bandwidths: readonly number[];
  /** In force now. */
  readonly parameters: Parameters;
  /** Those that the migration began with. */
  readonly initial: Parameters;
  readonly abilities: ReadonlySet<Ability>;
  /** RAM that migrates, bytes. */
  readonly ramBytes: number | undefined;
  readonly expectation: Expectation | undefined;
  /** What the person asked for and has not got yet. */
  readonly request: Request | undefined;
}

/** What the user wants of this migration. */
export interface Goal {
  /** Longest downtime to accept, ms. */
  readonly downtimeLimitMs: number;
  /** `migrate` to the end, ms; undefined: as long as it takes. */
  readonly totalLimitMs: number | undefined;
  /** How far the guest's vCPUs may be slowed down, percent of their time; 0: not at all. */
  readonly slowdownLimitPercent: number;
  /** Bandwidth to begin with, bytes/s; 0: no limit. */
  readonly bandwidthBytesPerSecond: number;
  /** Most bandwidth to use while the guest runs, bytes/s; 0: no limit. */
  readonly bandwidthLimitBytesPerSecond: number;
  /** What the link takes in the blackout, where max-bandwidth does not bind, bytes/s; if known. */
  readonly linkBytesPerSecond: number | undefined;
  /** What to do when `totalLimitMs` is over. `release`: switch over, whatever the downtime will be. */
  readonly onTimeout: 'cancel' | 'postcopy' | 'release';
}

export type Action =
  /** Leave QEMU to itself until the next pass or sample. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'tune'; readonly tuning: Tuning }
  /** Keep the guest in precopy, as far as QEMU lets it be kept. */
  | { readonly kind: 'hold'; readonly tuning?: Tuning }
  /** Give QEMU the goal's limits; it switches over when they can be met. */
  | { readonly kind: 'release'; readonly tuning?: Tuning }
  /** Have QEMU switch over now, whatever the downtime will be. */
  | { readonly kind: 'switchover' }
  | { readonly kind: 'postcopy' }
  | { readonly kind: 'cancel' };

export interface Decision {
  readonly action: Action;
  /** A sentence with the figures that led to it. */
  readonly reason: string;
}

/** What must stand before `migrate` is sent. */
export interface Beginning {
  readonly tuning: Tuning;
  /** The capability auto-converge, which can't be changed later; undefined: as the user has it. */
  readonly autoConverge: boolean | undefined;
  /** The migration begins held. */
  readonly held: boolean;
  readonly reason: string;
}

export interface Policy {
  readonly name: string;
  /** @param parameters those in force before anything was changed */
  begin(goal: Goal, parameters: Parameters): Beginning;
  /** Pure: the same view and goal give the same decision. */
  decide(view: View, goal: Goal): Decision;
}
