import type { Policy } from '../policy.js';
import { manualPolicy } from './manual.js';

/** Of a migration whose person at the shell is gone: a held guest is released with the goal's limits. */
export const abandonedPolicy: Policy = {
  ...manualPolicy,
  decide: ({ phase }) =>
    phase === 'held'
      ? { action: { kind: 'release' }, reason: 'Nobody steers it any more.' }
      : { action: { kind: 'wait' }, reason: 'It was released.' },
};
