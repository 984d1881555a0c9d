/** The parameters of a sequencer as QEMU's QMP has them (`MigrationParameters`, qapi/migration.json). */
import type { Parameters, Tuning } from './control.js';
import type { MigrationParameters } from './qemu-replies.js';

/** All that `tune` can touch, in QEMU's names. */
export const tunableParameters = [
  'downtime-limit',
  'max-bandwidth',
  'avail-switchover-bandwidth',
  'cpu-throttle-initial',
  'cpu-throttle-increment',
  'cpu-throttle-tailslow',
  'max-cpu-throttle',
  'throttle-trigger-threshold',
] as const;

/** QEMU's least throttle, percent (`CPU_THROTTLE_PCT_MIN`). */
const leastThrottlePercent = 1;

/** @param autoConverge the capability is on */
export function fromQemu(reply: MigrationParameters, autoConverge: boolean): Parameters {
  const most = reply['max-cpu-throttle'] ?? leastThrottlePercent;
  return {
    downtimeLimitMs: reply['downtime-limit'],
    maxBandwidthBytesPerSecond: reply['max-bandwidth'],
    switchoverBytesPerSecond: reply['avail-switchover-bandwidth'],
    throttlePercent: autoConverge ? (most > leastThrottlePercent ? most : 0) : undefined,
  };
}

export function toQemu(tuning: Tuning): Record<string, number | boolean> {
  const { downtimeLimitMs, maxBandwidthBytesPerSecond, switchoverBytesPerSecond } = tuning;
  return {
    ...(downtimeLimitMs === undefined ? {} : { 'downtime-limit': Math.round(downtimeLimitMs) }),
    ...(maxBandwidthBytesPerSecond === undefined
      ? {}
      : { 'max-bandwidth': Math.round(maxBandwidthBytesPerSecond) }),
    ...(switchoverBytesPerSecond === undefined
      ? {}
      : { 'avail-switchover-bandwidth': Math.round(switchoverBytesPerSecond) }),
    ...(tuning.throttlePercent === undefined ? {} : throttle(tuning.throttlePercent)),
  };
}

/**
 * QEMU throttles the vCPUs only by itself: when more was dirtied than `throttle-trigger-threshold`
 * percent of what was sent, twice (migration_trigger_throttle), to `cpu-throttle-initial` at first and
 * then by `cpu-throttle-increment` more, up to `max-cpu-throttle`. With the steps as large as the range
 * and the most easily triggered threshold it goes to `percent` in one step, downwards too.
 */
function throttle(percent: number): Record<string, number | boolean> {
  const most = Math.min(99, Math.max(leastThrottlePercent, Math.round(percent)));
  return {
    'cpu-throttle-initial': most,
    'max-cpu-throttle': most,
    'cpu-throttle-increment': 99,
    'cpu-throttle-tailslow': false,
    'throttle-trigger-threshold': most > leastThrottlePercent ? 1 : 100,
  };
}
