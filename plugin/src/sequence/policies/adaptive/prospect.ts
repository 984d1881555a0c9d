/** What the next rounds will leave, by the curve: each lasts as long as sending what the last one left. */
import type { Curve } from './curve.js';

export interface Prospect {
  /** Rounds until what is left fits; undefined: it never will. */
  readonly rounds: number | undefined;
  /** How long they take, ms; of those that were looked at, where it never fits. */
  readonly ms: number;
  /** What the last of them leaves, bytes. */
  readonly bytes: number;
}

const mostRounds = 40;

/**
 * @param leftBytes to send now
 * @param bytesPerMs how fast
 * @param share part of the guest's speed at which it runs meanwhile, 1 without throttle
 * @param thresholdBytes what fits into the blackout
 */
export function prospect(
  curve: Curve,
  leftBytes: number,
  bytesPerMs: number,
  share: number,
  thresholdBytes: number,
): Prospect {
  let ms = 0;
  let bytes = leftBytes;
  for (let rounds = 0; rounds <= mostRounds; rounds += 1) {
    if (bytes <= thresholdBytes) return { rounds, ms, bytes };
    const roundMs = bytes / bytesPerMs;
    ms += roundMs;
    const next = curve(share * roundMs);
    // Hardly less than before: it will go on like this.
    if (rounds > 0 && next > 0.97 * bytes) return { rounds: undefined, ms, bytes: next };
    bytes = next;
  }
  return { rounds: undefined, ms, bytes };
}
