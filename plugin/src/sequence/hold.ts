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
