import { formatMs } from '../../report/format.js';
import { switchesOverAnyhow } from '../hold.js';
import type { Decision, Goal, Policy, View } from '../policy.js';

/** How the reason of a cancel ends that stands for postcopy. */
export const noPostcopyHere = ', and postcopy is not possible here';

/**
 * The policy with the goal's time limit: what to do when it is over goes before all else. A policy that wants
 * postcopy where QEMU can't has come to its end; only a person is asked again.
 */
export function withTimeLimit(policy: Policy): Policy {
  return {
    name: policy.name,
    begin: (goal, parameters) => policy.begin(goal, parameters),
    decide: (view, goal) => {
      const decision = overdue(view, goal) ?? policy.decide(view, goal);
      if (decision.action.kind !== 'postcopy' || view.abilities.has('postcopy')) return decision;
      if (view.request !== undefined) return decision;
      return {
        action: { kind: 'cancel' },
        reason: `${decision.reason}${noPostcopyHere}`,
      };
    },
  };
}

function overdue({ elapsedMs, phase, parameters }: View, goal: Goal): Decision | undefined {
  const { totalLimitMs, onTimeout } = goal;
  if (totalLimitMs === undefined || elapsedMs < totalLimitMs) return undefined;
  if (phase !== 'precopy' && phase !== 'held') return undefined;
  if (onTimeout === 'release' && switchesOverAnyhow(parameters)) {
    return { action: { kind: 'wait' }, reason: 'QEMU was told to switch over.' };
  }
  return {
    action: { kind: onTimeout === 'release' ? 'switchover' : onTimeout },
    reason: `the time limit of ${formatMs(totalLimitMs)} passed`,
  };
}
