import { formatBytes, formatRate } from '../../report/format.js';
import { heldBandwidth, holdFromStart, stepBandwidth } from '../hold.js';
import type { Decision, Goal, Policy, Request, View } from '../policy.js';

/**
 * The person at the shell decides: the migration begins held, and what is asked for is done. Without
 * anything asked for, it only sees to it that what is held does not get through.
 */
export const manualPolicy: Policy = {
  name: 'manual',
  begin: () => ({
    tuning: { ...holdFromStart(), throttlePercent: 0 },
    autoConverge: true,
    held: true,
    reason: 'It is held until somebody releases it.',
  }),
  decide: (view, goal) =>
    (view.request && asked(view.request, view, goal)) ?? slower(view) ?? nothingAsked,
};

const nothingAsked: Decision = { action: { kind: 'wait' }, reason: 'Nothing was asked for.' };
const byHand = 'Asked for by hand.';

function asked(request: Request, view: View, goal: Goal): Decision {
  switch (request.kind) {
    case 'step':
      return step(view, goal);
    case 'hold': {
      const bandwidth = slowerBandwidth(view);
      const tuning = bandwidth === undefined ? {} : { maxBandwidthBytesPerSecond: bandwidth };
      return { action: { kind: 'hold', tuning }, reason: byHand };
    }
    default:
      return { action: request, reason: byHand };
  }
}

function step({ latest, parameters }: View, goal: Goal): Decision {
  const left = latest?.sample.remainingBytes ?? 0;
  const now = parameters.maxBandwidthBytesPerSecond;
  const bandwidth = stepBandwidth(left, now, goal.bandwidthBytesPerSecond);
  const reason = `${byHand.slice(0, -1)}: one pass, ${formatBytes(left)} left.`;
  if (bandwidth === now) return { action: { kind: 'wait' }, reason };
  return { action: { kind: 'tune', tuning: { maxBandwidthBytesPerSecond: bandwidth } }, reason };
}

function slower(view: View): Decision | undefined {
  const bandwidth = view.phase === 'held' ? slowerBandwidth(view) : undefined;
  if (bandwidth === undefined) return undefined;
  return {
    action: { kind: 'tune', tuning: { maxBandwidthBytesPerSecond: bandwidth } },
    reason: `${formatBytes(view.latest?.sample.remainingBytes ?? 0)} left: sent at ${formatRate(bandwidth)} only, since nothing left would end the hold.`,
  };
}

function slowerBandwidth({ latest, parameters }: View): number | undefined {
  if (!latest) return undefined;
  return heldBandwidth(latest.sample.remainingBytes, parameters.maxBandwidthBytesPerSecond);
}
