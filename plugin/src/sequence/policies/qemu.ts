import type { Policy } from '../policy.js';

/** Leaves everything to QEMU: the limits are set once, and what happens is observed. */
export const qemuPolicy: Policy = {
  name: 'qemu',
  begin: (goal) => ({
    tuning: {
      downtimeLimitMs: goal.downtimeLimitMs,
      maxBandwidthBytesPerSecond: goal.bandwidthBytesPerSecond,
    },
    autoConverge: undefined,
    held: false,
    reason: 'QEMU decides by itself; its limits are those of the goal.',
  }),
  decide: () => ({ action: { kind: 'wait' }, reason: 'QEMU decides by itself.' }),
};
