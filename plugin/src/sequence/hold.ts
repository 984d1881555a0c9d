/**
 * Keeping a guest in precopy and letting it go, by parameters alone: QEMU has no command for either.
 *
 * `downtime-limit=0` does not hold (QEMU then completes with whatever is left after the first round),
 * and in pre-switchover the guest would be stopped already. What holds is a threshold of next to
 * nothing: 1 ms at 1000 bytes/s. A guest that dirties nothing gets through even then, since QEMU
 * completes when there is nothing left to send (migration_iteration_run).
 */
import type { Ability, Parameters, Tuning } from './control.js';
import type { Goal } from './policy.js';

/** 1 ms at 1000 bytes/s: one byte. The least that QEMU takes for a downtime limit that is not 0. */
const heldDowntimeMs = 1;
const heldSwitchoverBytesPerSecond = 1000;
/**
 * The threshold is 0 until QEMU's first bandwidth window of 100 ms has passed, and a first round that
 * is over by then completes: begin slowly.
 */
const heldStartBytesPerSecond = 2 ** 20;
/** `MAX_MIGRATE_DOWNTIME` of migration/options.c, 2000 s. */
const longestDowntimeMs = 2_000_000;

/** What holds the guest that is being migrated. */
export function holdTuning(abilities: ReadonlySet<Ability>): Tuning {
  return {
    downtimeLimitMs: heldDowntimeMs,
    ...(abilities.has('switchover-bandwidth')
      ? { switchoverBytesPerSecond: heldSwitchoverBytesPerSecond }
      : {}),
  };
}

/** What holds it from the start. */
export function holdFromStart(): Tuning {
  return {
    downtimeLimitMs: heldDowntimeMs,
    switchoverBytesPerSecond: heldSwitchoverBytesPerSecond,
    maxBandwidthBytesPerSecond: heldStartBytesPerSecond,
  };
}

/** What is left is never to be through within so long: QEMU completes when nothing is left. */
const soonMs = 2000;
/** Else it is sent so slowly that it lasts so long. */
const stretchedMs = 20_000;
/** QEMU sends at least so much: a flush in each of its windows of 100 ms. */
const creepBytesPerSecond = 4096;
/** One page in 60 ms: a pass still ends. */
const leastStepBytesPerSecond = 65_536;
/** In a pass that is stepped, what is left is sent in this time, again and again: it brakes in time. */
const brakeMs = 500;
/** How much faster it gets each time; the pages of zeros at the beginning must not count as time left. */
const speedUp = 4;

/**
 * A slower max-bandwidth that keeps a held guest from getting through, bytes/s.
 *
 * @param now max-bandwidth in force; 0: none
 * @returns undefined if it need not be slower, or can't be
 */
export function heldBandwidth(leftBytes: number, now: number): number | undefined {
  const current = now === 0 ? Infinity : now;
  if (leftBytes >= (current * soonMs) / 1000) return undefined;
  const wanted = Math.max(creepBytesPerSecond, Math.round((leftBytes * 1000) / stretchedMs));
  return wanted < current ? wanted : undefined;
}

/**
 * The max-bandwidth at which one pass goes on without the next ones being through before anybody can
 * stop them, bytes/s.
 *
 * @param most that the goal allows; 0: no limit
 */
export function stepBandwidth(leftBytes: number, now: number, most: number): number {
  const braked = Math.max(leastStepBytesPerSecond, (leftBytes * 1000) / brakeMs);
  const faster = Math.max(leastStepBytesPerSecond, speedUp * (now === 0 ? Infinity : now));
  return Math.round(Math.min(braked, faster, most === 0 ? Infinity : most));
}

/** Back to the limits of the goal. */
export function releaseTuning(goal: Goal, initial: Parameters): Tuning {
  return {
    downtimeLimitMs: goal.downtimeLimitMs,
    ...(initial.switchoverBytesPerSecond === undefined ? {} : { switchoverBytesPerSecond: 0 }),
  };
}

/** Nothing is too much for the blackout: QEMU switches over at its next look. */
export function switchoverTuning(initial: Parameters): Tuning {
  return {
    downtimeLimitMs: longestDowntimeMs,
    ...(initial.switchoverBytesPerSecond === undefined ? {} : { switchoverBytesPerSecond: 0 }),
  };
}

/** Whether QEMU was told to switch over whatever the downtime. */
export function switchesOverAnyhow(parameters: Parameters): boolean {
  return parameters.downtimeLimitMs === longestDowntimeMs;
}
