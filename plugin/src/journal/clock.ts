/** The two clocks of a journal, and how a jump of the wall clock is found. */

export interface Clock {
  /** ms since the epoch; can be set, and then jumps. */
  wallMs(): number;
  /** ms of CLOCK_MONOTONIC: only ever goes on, the same for all processes until the next boot. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
};

/** What one reading of both clocks gave. */
export interface ClockReading {
  readonly wallMs: number;
  readonly monotonicMs: number;
  /** How far the wall clock was set since the reading before; 0 if it was not. */
  readonly jumpMs: number;
}

/** Less is what reading two clocks of whole and fractional ms one after the other can give. */
const leastJumpMs = 20;
/** A reading that took longer was interrupted between its two clocks and says nothing of a jump. */
const interruptedMs = 1;

/** Reads both clocks and notices when one went on by more than the other (set by hand, NTP step, suspend). */
export class ClockReader {
  readonly #clock: Clock;
  #offsetMs: number | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  read(): ClockReading {
    const before = this.#clock.monotonicMs();
    const wallMs = this.#clock.wallMs();
    const monotonicMs = this.#clock.monotonicMs();
    const offsetMs = wallMs - monotonicMs;
    const reading = { wallMs, monotonicMs: round(monotonicMs) };
    if (monotonicMs - before > interruptedMs) return { ...reading, jumpMs: 0 };
    const jumpMs = offsetMs - (this.#offsetMs ?? offsetMs);
    // Small differences are adopted as well: a clock that is slewed drifts without ever jumping.
    this.#offsetMs = offsetMs;
    return { ...reading, jumpMs: Math.abs(jumpMs) >= leastJumpMs ? Math.round(jumpMs) : 0 };
  }
}

/** Whole microseconds: more digits would only make a journal longer. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
