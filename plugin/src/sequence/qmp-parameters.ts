/** The parameters of a sequencer as QEMU's QMP has them (`MigrationParameters`, qapi/migration.json). */
import type { AutoConverge } from '../forecast/qemu-model.js';
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
  const parked = reply['throttle-trigger-threshold'] === 100;
  return {
    downtimeLimitMs: reply['downtime-limit'],
    maxBandwidthBytesPerSecond: reply['max-bandwidth'],
    switchoverBytesPerSecond: reply['avail-switchover-bandwidth'],
    throttlePercent: autoConverge ? (parked ? 0 : reply['max-cpu-throttle']) : undefined,
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

function throttle(percent: number): Record<string, number | boolean> {
  const steps = throttleSteps(percent);
  return {
    'cpu-throttle-initial': steps.initialPercent,
    'max-cpu-throttle': steps.maxPercent,
    'cpu-throttle-increment': steps.incrementPercent,
    'cpu-throttle-tailslow': steps.tailslow,
    'throttle-trigger-threshold': steps.triggerPercent,
  };
}

/**
 * QEMU throttles the vCPUs only by itself: when more was dirtied than `throttle-trigger-threshold`
 * percent of what was sent, twice (migration_trigger_throttle), to `cpu-throttle-initial` at first and
 * then by `cpu-throttle-increment` more, up to `max-cpu-throttle`. With the steps as large as the range
 * and the most easily triggered threshold it goes to `percent` in one step, downwards too.
 *
 * @param percent 0: as little as QEMU can (1 %), and that only when more is dirtied than sent
 */
export function throttleSteps(percent: number): AutoConverge {
  const most = Math.min(99, Math.max(leastThrottlePercent, Math.round(percent)));
  return {
    initialPercent: most,
    maxPercent: most,
    incrementPercent: 99,
    tailslow: false,
    triggerPercent: percent > 0 ? 1 : 100,
  };
}
