/** The states of one migration run by precopy, and which may follow which. */
export const phases = [
  'preflight',
  'setup',
  'precopy',
  'switchover',
  'verify',
  'completed',
  'failed',
  'cancelled',
] as const;

export type Phase = (typeof phases)[number];

const successors: Record<Phase, readonly Phase[]> = {
  preflight: ['setup', 'failed', 'cancelled'],
  setup: ['precopy', 'switchover', 'failed', 'cancelled'],
  precopy: ['switchover', 'failed', 'cancelled'],
  // QEMU goes back to a running source when the switchover itself fails.
  switchover: ['verify', 'completed', 'failed', 'cancelled'],
  verify: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
};

/** The current phase; refuses a transition that can't happen. */
export class PhaseMachine {
  #phase: Phase = 'preflight';

  get phase(): Phase {
    return this.#phase;
  }

  get ended(): boolean {
    return successors[this.#phase].length === 0;
  }

  /** @throws Error if `next` can't follow the current phase: that is a bug of ours, never of input */
  enter(next: Phase): void {
    if (!successors[this.#phase].includes(next)) {
      throw new Error(`A migration can't go from ${this.#phase} to ${next}.`);
    }
    this.#phase = next;
  }
}
