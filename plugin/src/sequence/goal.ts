import type { Parameters } from './control.js';
import type { Goal } from './policy.js';

/** A goal as far as the user said; the rest follows from how QEMU is set. */
export type Wish = { readonly [name in keyof Goal]?: Goal[name] | undefined };

/**
 * The goal: what was wished for, else QEMU's own parameters. Bandwidth stays what it begins with unless
 * a higher limit was given.
 *
 * @param parameters those in force before anything was changed
 */
export function goalFrom(wish: Wish, parameters: Parameters): Goal {
  const bandwidth = wish.bandwidthBytesPerSecond ?? parameters.maxBandwidthBytesPerSecond;
  const limit = wish.bandwidthLimitBytesPerSecond ?? bandwidth;
  return {
    downtimeLimitMs: wish.downtimeLimitMs ?? parameters.downtimeLimitMs,
    totalLimitMs: wish.totalLimitMs,
    slowdownLimitPercent: wish.slowdownLimitPercent ?? 99,
    bandwidthBytesPerSecond: bandwidth,
    bandwidthLimitBytesPerSecond: limit,
    linkBytesPerSecond: wish.linkBytesPerSecond,
    onTimeout: wish.onTimeout ?? 'cancel',
  };
}
