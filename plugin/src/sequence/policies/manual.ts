import { holdFromStart } from '../hold.js';
import type { Decision, Policy, Request } from '../policy.js';

/** The person at the shell decides: the migration begins held, and what is asked for is done. */
export const manualPolicy: Policy = {
  name: 'manual',
  begin: () => ({
    tuning: { ...holdFromStart(), throttlePercent: 0 },
    autoConverge: true,
    held: true,
    reason: 'It is held until somebody releases it.',
  }),
  decide: ({ request }) =>
    request ? asked(request) : { action: { kind: 'wait' }, reason: 'Nothing was asked for.' },
};

function asked(request: Request): Decision {
  return { action: request, reason: 'Asked for by hand.' };
}
