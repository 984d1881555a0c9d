import { windowMs } from './rate.js';

/** Passes can come every 0.5 ms; the threshold that they are compared with, every 100 ms. */
const hopelessMs = 5 * windowMs;

/** Whether a migration may still converge: less is left than ever, or the guest can be slowed further. */
export class Hope {
  readonly #giveUpAfterPasses: number;
  #passCount = 0;
  #atPass = 0;
  #atMs = 0;
  #leastBytes = Infinity;

  /** @param giveUpAfterPasses without any hope; Infinity: never */
  constructor(giveUpAfterPasses: number) {
    this.#giveUpAfterPasses = giveUpAfterPasses;
  }

  /**
   * Called at each synchronisation.
   *
   * @param leftBytes RAM and PRE_COPY data
   * @param canSlow throttling can still rise
   */
  pass(nowMs: number, passCount: number, leftBytes: number, canSlow: boolean): void {
    this.#passCount = passCount;
    // Less by more than rounding.
    const less = leftBytes <= 0.999 * this.#leastBytes && this.#leastBytes > 0;
    if (!less && !canSlow) return;
    this.#leastBytes = Math.min(this.#leastBytes, leftBytes);
    this.#atPass = passCount;
    this.#atMs = nowMs;
  }

  /** The parameters changed: what went before says nothing any more. */
  renew(nowMs: number): void {
    this.#leastBytes = Infinity;
    this.#atPass = this.#passCount;
    this.#atMs = nowMs;
  }

  isLost(nowMs: number): boolean {
    return (
      this.#passCount - this.#atPass >= this.#giveUpAfterPasses && nowMs - this.#atMs >= hopelessMs
    );
  }
}
