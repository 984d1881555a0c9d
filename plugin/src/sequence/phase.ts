/**
 * The states of one migration run by precopy, and which may follow which.
 *
 *   preflight → setup → precopy ⇄ held → switchover → verify → completed
 *                          │                │
 *                          └→ postcopy ⇄ recover      (the guest runs at the destination already)
 *
 * Each but the last can end in `failed` or `cancelled`; postcopy can not be cancelled.
 */
export const phases = [
  'preflight',
  'setup',
  'precopy',
  'held',
  'switchover',
  'postcopy',
  'recover',
  'verify',
  'completed',
  'failed',
  'cancelled',
] as const;

export type Phase = (typeof phases)[number];

const successors: Record<Phase, readonly Phase[]> = {
  preflight: ['setup', 'failed', 'cancelled'],
  setup: ['precopy', 'held', 'switchover', 'failed', 'cancelled'],
  precopy: ['held', 'switchover', 'postcopy', 'failed', 'cancelled'],
  // An idle guest can get through whatever the limits are.
  held: ['precopy', 'switchover', 'postcopy', 'failed', 'cancelled'],
  // QEMU goes back to a running source when the switchover itself fails. Postcopy begins with one.
  switchover: ['postcopy', 'verify', 'completed', 'failed', 'cancelled'],
  postcopy: ['recover', 'completed', 'failed'],
  recover: ['postcopy', 'completed', 'failed'],
  verify: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
};

/** The current phase; refuses a transition that can't happen. */
export class PhaseMachine {
  #phase: Phase;

  /** @param phase where the migration stands, of one that was not begun here */
  constructor(phase: Phase = 'preflight') {
    this.#phase = phase;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get ended(): boolean {
    return successors[this.#phase].length === 0;
  }

  canEnter(next: Phase): boolean {
    return successors[this.#phase].includes(next);
  }

  /** @throws Error if `next` can't follow the current phase: that is a bug of ours, never of input */
  enter(next: Phase): void {
    if (!this.canEnter(next)) {
      throw new Error(`A migration can't go from ${this.#phase} to ${next}.`);
    }
    this.#phase = next;
  }
}
