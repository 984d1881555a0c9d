/**
 * The default policy. It sees after two or three passes whether the guest will get below what fits into
 * the downtime limit, and if not does what is cheapest for the guest and suffices: all of the limit at
 * once, more bandwidth up to its own limit, then a throttle, strong and short.
 *
 * adaptive/sight     what the view means
 * adaptive/curve     what the passes tell of the guest's dirtying
 * adaptive/prospect  what the next rounds will leave
 * adaptive/budget    what fits into the blackout
 * adaptive/throttle  how far the vCPUs must and may be throttled
 */
import { formatBytes, formatMs, formatRate } from '../../report/format.js';
import type { Tuning } from '../control.js';
import type { Decision, Goal, Policy, View } from '../policy.js';
import { qemuLimitMs } from './adaptive/budget.js';
import type { Curve } from './adaptive/curve.js';
import { prospect } from './adaptive/prospect.js';
import { look, speedAt, type Sight } from './adaptive/sight.js';
import { neededThrottle, strongestThrottle } from './adaptive/throttle.js';

/**
 * While each round leaves much less than the one before, going on costs little (what fits into the
 * blackout is sent within the downtime limit) and makes the downtime shorter: QEMU is given this part
 * of the limit at first.
 */
const aimShare = 0.25;
/** A round that leaves more than this part of what the one before left is not worth waiting for. */
const worthwhile = 0.5;
/**
 * More rounds than this are not waited for. Each that was waited for in vain makes one the fewer: the
 * curve promised too much.
 */
const patienceRounds = 8;
const leastPatienceRounds = 2;
/** A parameter that would change by less stays as it is. */
const sameShare = 0.1;
/**
 * A single long window tells the least that the guest can dirty in shorter ones. Where even that is too
 * much, it is taken to be so many times as fast there: too strong a throttle costs less than a weak one.
 */
const fearedBend = 3;
/** max-bandwidth binds if this part of it is reached. */
const bindingShare = 0.8;

export const adaptivePolicy: Policy = {
  name: 'adaptive',
  begin: (goal) => ({
    tuning: {
      downtimeLimitMs: Math.max(1, Math.round(aimShare * goal.downtimeLimitMs)),
      maxBandwidthBytesPerSecond: goal.bandwidthBytesPerSecond,
      // QEMU throttles at the second synchronisation that found much dirtied: the first round's end
      // may be the first of them. Until more is known, by the least that QEMU has.
      throttlePercent: 1,
    },
    autoConverge: strongestThrottle(goal) > 0,
    held: false,
    reason: 'at first QEMU gets a quarter of the downtime limit',
  }),
  decide,
};

function decide(view: View, goal: Goal): Decision {
  const sight = look(view, goal);
  if (!sight) return wait('the first round is under way');
  const state = `${formatBytes(sight.left)} left, ${sight.fits}`;
  const timeMs = timeLeftMs(view, goal);
  if (sight.left <= sight.thresholdBytes) {
    if (getsShorter(sight) && sight.left / sight.bytesPerMs < timeMs) {
      return wait(`${state}; the next round will leave less than half`);
    }
    return limitsOf(view, goal, sight, `${state}: switch over`);
  }
  const { rounds, ms } = sight.ahead;
  if (rounds !== undefined && rounds <= patience(view) && ms < timeMs) {
    return parked(view, `${state}; it takes some ${rounds} more rounds (${formatMs(ms)})`);
  }
  const faster = moreBandwidth(view, goal, sight, state);
  if (faster) return faster;
  // QEMU throttles after two rounds at the earliest; by then the first will have told more.
  if (view.passes.length < 2) return wait(`${state}; the first round is under way`);
  return moreThrottle(view, goal, sight, state) ?? givenUp(view, goal, sight, state);
}

/** For rounds: what the total time limit leaves beside the blackout. */
function timeLeftMs({ elapsedMs }: View, goal: Goal): number {
  return (goal.totalLimitMs ?? Infinity) - elapsedMs - goal.downtimeLimitMs;
}

function patience({ passes }: View): number {
  return Math.max(leastPatienceRounds, patienceRounds - passes.length);
}

function wait(reason: string): Decision {
  return { action: { kind: 'wait' }, reason };
}

/** The next round will bring so much that it is worth its time; never under a throttle. */
function getsShorter({ left, leftBefore, curve, bytesPerMs, throttlePercent }: Sight): boolean {
  if (throttlePercent > 1 || left > worthwhile * leftBefore) return false;
  return curve(left / bytesPerMs) < worthwhile * left;
}

/** All of the downtime limit, by the bandwidth that was seen: QEMU's own estimate falls now and then. */
function fullLimits(view: View, goal: Goal, { switchoverBytesPerMs }: Sight): Tuning {
  return {
    downtimeLimitMs: qemuLimitMs(view, goal, switchoverBytesPerMs),
    ...(view.abilities.has('switchover-bandwidth')
      ? { switchoverBytesPerSecond: Math.round(switchoverBytesPerMs * 1000) }
      : {}),
  };
}

function limitsOf(view: View, goal: Goal, sight: Sight, reason: string): Decision {
  const tuning = changes(view, fullLimits(view, goal, sight));
  return tuning ? { action: { kind: 'release', tuning }, reason } : wait(reason);
}

/** A guest that gets there by itself is not to be throttled, not even by the least. */
function parked(view: View, reason: string): Decision {
  const { throttlePercent } = view.parameters;
  if (throttlePercent !== 1) return wait(reason);
  return { action: { kind: 'tune', tuning: { throttlePercent: 0 } }, reason };
}

function feared({ curve, bendKnown }: Sight): Curve {
  return bendKnown ? curve : (ms) => curve(fearedBend * ms);
}

function moreBandwidth(view: View, goal: Goal, sight: Sight, state: string): Decision | undefined {
  const { left, bytesPerMs, thresholdBytes, busyShare, throttlePercent } = sight;
  const curve = feared(sight);
  const now = view.parameters.maxBandwidthBytesPerSecond;
  const most = goal.bandwidthLimitBytesPerSecond || Infinity;
  if (now === 0 || now >= most || bytesPerMs * 1000 < bindingShare * now) return undefined;
  const share = speedAt(throttlePercent, busyShare);
  for (let factor = 1.25; ; factor *= 1.25) {
    const bandwidth = Math.min(most, now * factor);
    const rate = bandwidth / 1000;
    const { rounds } = prospect(curve, left, rate, share, (thresholdBytes * rate) / bytesPerMs);
    const enough = rounds !== undefined && rounds <= patienceRounds / 2;
    if (!enough && bandwidth < most && factor < 100) continue;
    const tuning = {
      ...fullLimits(view, goal, sight),
      maxBandwidthBytesPerSecond: Math.round(bandwidth),
    };
    const reason = `${state}: it does not converge at ${formatRate(now)}, so ${formatRate(bandwidth)} are used`;
    return { action: { kind: 'tune', tuning }, reason };
  }
}

/** What does not suffice is taken back where it costs the guest its work. */
function givenUp(view: View, goal: Goal, sight: Sight, state: string): Decision {
  const reason = `${state}: it does not converge by what the goal allows`;
  if ((view.parameters.throttlePercent ?? 0) <= 1) return limitsOf(view, goal, sight, reason);
  const tuning = { ...fullLimits(view, goal, sight), throttlePercent: 1 };
  return { action: { kind: 'tune', tuning }, reason: `${reason}, so the throttle is taken back` };
}

function moreThrottle(view: View, goal: Goal, sight: Sight, state: string): Decision | undefined {
  const { left, bytesPerMs, thresholdBytes, busyShare } = sight;
  const asked = view.parameters.throttlePercent;
  const most = strongestThrottle(goal);
  if (!view.abilities.has('throttle') || asked === undefined || most < 1) return undefined;
  if (asked > 1 && sight.throttlePercent < asked) {
    return wait(`${state}; QEMU has not throttled the vCPUs by ${asked} % yet`);
  }
  const need = neededThrottle(feared(sight), left, bytesPerMs, thresholdBytes, busyShare, most);
  // Where it does not suffice either, a throttle would only cost the guest its work.
  if (!need) return undefined;
  if (need.percent <= asked) return wait(`${state}; the vCPUs are throttled by ${asked} %`);
  const tuning = { ...fullLimits(view, goal, sight), throttlePercent: need.percent };
  const reason = `${state}: it does not converge by itself, so the vCPUs are throttled by ${need.percent} % for some ${formatMs(need.ms)}`;
  return { action: { kind: 'tune', tuning }, reason };
}

/** The part of the tuning that is not in force yet, but for small differences. */
function changes({ parameters }: View, tuning: Tuning): Tuning | undefined {
  const differs = (['downtimeLimitMs', 'switchoverBytesPerSecond'] as const).some((name) => {
    const [wanted, now] = [tuning[name], parameters[name]];
    if (wanted === undefined || now === undefined) return false;
    return Math.abs(wanted - now) > sameShare * Math.max(wanted, now);
  });
  return differs ? tuning : undefined;
}
