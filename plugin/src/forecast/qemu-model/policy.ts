import type { MigrationSample } from '../../sequence/passes.js';
import type { AutoConverge, ModelParameters, ModelPass } from './types.js';

/**
 * Looks at a simulated migration and may change it, as a controller does with a real one. It is asked
 * after each pass and, if wanted, every so many ms; never in the blackout, where QEMU answers nothing.
 * QEMU decides in the same breath in which it announces a pass: what is changed on a pass counts from
 * its next turn on, and a downtime limit only from the next bandwidth window on (100 ms).
 */
export type SimulatedPolicy = (view: PolicyView) => PolicyStep | undefined;

/** What a controller can see at that moment. */
export interface PolicyView {
  readonly asked: 'pass' | 'tick';
  /** Since `migrate`, ms. */
  readonly nowMs: number;
  /** The last pass; its `kind` is what the model knows, not what the sample lets one guess. */
  readonly pass: ModelPass;
  /** What query-migrate would answer. */
  readonly sample: MigrationSample;
  /** What has to be undercut, bytes; QEMU tells nobody. */
  readonly thresholdBytes: number;
  /** As they are now. */
  readonly parameters: ModelParameters;
}

export interface PolicyStep {
  /** migrate-set-parameters. */
  readonly parameters?: ParameterChanges | undefined;
  /** migrate_cancel, and why. */
  readonly cancel?: string | undefined;
}

/**
 * The parameters that QEMU heeds while it migrates. A hold is `downtimeLimitMs: 1` with
 * `availSwitchoverBytesPerSecond: 1000`, a release what they were before. Capabilities can't be changed
 * any more: `autoConverge` has no effect where that is off.
 */
export interface ParameterChanges extends Partial<
  Pick<
    ModelParameters,
    'maxBandwidthBytesPerSecond' | 'downtimeLimitMs' | 'availSwitchoverBytesPerSecond'
  >
> {
  readonly autoConverge?: Partial<AutoConverge> | undefined;
}

/** A step that a policy took. */
export interface PolicyStepTaken extends PolicyStep {
  /** Since `migrate`, ms. */
  readonly atMs: number;
}

export interface SimulateOptions {
  /** Default: nobody interferes. */
  readonly policy?: SimulatedPolicy | undefined;
  /** Ask the policy also every so many ms of simulated time, to within a turn of QEMU's loop. */
  readonly tickMs?: number | undefined;
}

export function changedParameters(
  now: ModelParameters,
  changes: ParameterChanges,
): ModelParameters {
  const { autoConverge, ...others } = changes;
  return {
    ...now,
    ...others,
    autoConverge: now.autoConverge && { ...now.autoConverge, ...autoConverge },
  };
}

/** Asks a policy when it is due, and keeps what it did. */
export class PolicySeat {
  readonly #policy: SimulatedPolicy | undefined;
  readonly #tickMs: number;
  #tickAtMs: number;
  #unseenPass = false;
  readonly #steps: PolicyStepTaken[] = [];

  constructor({ policy, tickMs = Infinity }: SimulateOptions) {
    this.#policy = policy;
    this.#tickMs = policy ? tickMs : Infinity;
    this.#tickAtMs = this.#tickMs;
  }

  get isTaken(): boolean {
    return this.#policy !== undefined;
  }

  /** When it is asked without a pass; Infinity: never. */
  get tickAtMs(): number {
    return this.#tickAtMs;
  }

  get steps(): readonly PolicyStepTaken[] {
    return this.#steps;
  }

  /** There was a pass, which it will be told of. */
  pass(): void {
    this.#unseenPass = true;
  }

  /** @param view called if it is due */
  ask(nowMs: number, view: (asked: PolicyView['asked']) => PolicyView): PolicyStep | undefined {
    if (this.#policy === undefined || !(this.#unseenPass || nowMs >= this.#tickAtMs)) {
      return undefined;
    }
    const asked = this.#unseenPass ? 'pass' : 'tick';
    this.#unseenPass = false;
    while (this.#tickAtMs <= nowMs) this.#tickAtMs += this.#tickMs;
    const step = this.#policy(view(asked));
    if (step) this.#steps.push({ atMs: nowMs, ...step });
    return step;
  }
}
