import type { ModelGuest, ModelParameters } from './types.js';

/** Part of its work that a guest gets done when its vCPUs are throttled so far; idle time goes first. */
export function throttledShare({ busyShare = 1 }: ModelGuest, percent: number): number {
  const running = 1 - percent / 100;
  return busyShare <= running ? 1 : running / busyShare;
}

/** cpu_throttle_set() takes 1 to 99. */
const clampPercent = (percent: number): number => Math.min(99, Math.max(1, percent));

/**
 * Slowing the vCPUs down: auto-converge (`mig_throttle_guest_down`) or dirty-limit, triggered by
 * `migration_trigger_throttle` when more is dirtied than the trigger allows, twice.
 */
export class Throttle {
  readonly #guest: ModelGuest;
  #parameters: ModelParameters;
  #highCount = 0;
  #percent = 0;
  #limited = false;
  #factor = 1;

  constructor(guest: ModelGuest, parameters: ModelParameters) {
    this.#guest = guest;
    this.#parameters = parameters;
  }

  /** The trigger and the steps count from now on; a throttle that is there already stays. */
  change(parameters: ModelParameters): void {
    this.#parameters = parameters;
  }

  /** vCPU throttle of auto-converge, percent. */
  get percent(): number {
    return this.#percent;
  }

  /** Part of its work that the guest still gets done. */
  get cpuShare(): number {
    return throttledShare(this.#guest, this.#percent) * this.#factor;
  }

  /** Whether a later synchronisation can still slow the guest further. */
  get exhausted(): boolean {
    const { autoConverge, dirtyLimit } = this.#parameters;
    if (autoConverge) return this.#percent >= clampPercent(autoConverge.maxPercent);
    return dirtyLimit === undefined || this.#limited;
  }

  /**
   * Called at synchronisations more than 1 s apart.
   *
   * @param dirtyBytes dirtied since the last call
   * @param sentBytes sent since the last call
   */
  consider(dirtyBytes: number, sentBytes: number): void {
    const { autoConverge, dirtyLimit } = this.#parameters;
    const trigger = autoConverge ?? dirtyLimit;
    if (trigger === undefined) return;
    const allowedBytes = (sentBytes * trigger.triggerPercent) / 100;
    if (dirtyBytes <= allowedBytes || ++this.#highCount < 2) return;
    this.#highCount = 0;
    if (autoConverge) this.#slowDown(dirtyBytes, allowedBytes);
    else this.#limit();
  }

  #slowDown(dirtyBytes: number, allowedBytes: number): void {
    const { autoConverge } = this.#parameters;
    if (!autoConverge) return;
    if (this.#percent === 0) {
      this.#percent = clampPercent(autoConverge.initialPercent);
      return;
    }
    let increment = autoConverge.incrementPercent;
    if (autoConverge.tailslow) {
      const now = 100 - this.#percent;
      increment = Math.min(now - now * (allowedBytes / dirtyBytes), increment);
    }
    // QEMU's percentages are integers.
    this.#percent = clampPercent(
      Math.min(this.#percent + Math.trunc(increment), autoConverge.maxPercent),
    );
  }

  /**
   * QEMU stretches each vCPU's time between two fillings of its dirty ring until its rate, taken over
   * a second, is the quota. Taken here to be so at once.
   */
  #limit(): void {
    const { dirtyLimit } = this.#parameters;
    if (!dirtyLimit || this.#limited) return;
    this.#limited = true;
    const rate = this.#guest.sources.reduce(
      (sum, { kind, curve }) => sum + (kind === 'cpu' ? curve.pagesIn(1000) : 0),
      0,
    );
    const quota = dirtyLimit.bytesPerSecondPerVcpu * this.#guest.vcpus;
    this.#factor = Math.min(1, quota / Math.max(1, rate * this.#guest.pageBytes));
  }
}
