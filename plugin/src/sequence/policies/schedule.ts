/**
 * Steps from a file, as the managers of QEMU have them (schedule/format tells how they are written):
 * when a step is due its parameters are set or its action is taken. `plugin/schedules` has those of
 * vdsm, nova and KubeVirt.
 */
import { formatMs } from '../../report/format.js';
import type { Tuning } from '../control.js';
import type { Decision, Policy, View } from '../policy.js';
import type { Schedule, Step, Trigger } from './schedule/format.js';

const GiB = 2 ** 30;

/** @param timeScale 0.1: everything that is given as a time comes ten times as early */
export function schedulePolicy(schedule: Schedule, timeScale = 1): Policy {
  return {
    name: `schedule (${schedule.name})`,
    begin: (goal) => ({
      tuning: {
        downtimeLimitMs: goal.downtimeLimitMs,
        maxBandwidthBytesPerSecond: goal.bandwidthBytesPerSecond,
        ...tuningOf(schedule.steps.filter(({ when }) => when.kind === 'at' && when.ms === 0)),
      },
      autoConverge: schedule.autoConverge,
      held: false,
      reason: `it begins with the first step of ${schedule.name}`,
    }),
    decide: (view) => decide(view, schedule, timeScale),
  };
}

function tuningOf(steps: readonly Step[]): Tuning {
  return Object.assign({}, ...steps.map(({ tuning }) => tuning)) as Tuning;
}

function decide(view: View, { steps, leastGib }: Schedule, timeScale: number): Decision {
  const gib = Math.max(leastGib, (view.ramBytes ?? 0) / GiB);
  const due = steps.filter(({ when }) => isDue(when, view, gib, timeScale));
  const last = due.at(-1);
  if (!last) return { action: { kind: 'wait' }, reason: 'no step is due yet' };
  const reason = `step ${steps.indexOf(last) + 1} of ${steps.length} is due: ${describe(last.when)}`;
  if (last.action !== undefined) return { action: actionOf(last.action), reason };
  const tuning = tuningOf(due);
  const isSo = Object.entries(tuning).every(
    ([name, value]) => view.parameters[name as keyof Tuning] === value,
  );
  return { action: isSo ? { kind: 'wait' } : { kind: 'tune', tuning }, reason };
}

function actionOf(action: NonNullable<Step['action']>): Decision['action'] {
  return { kind: action === 'release' ? 'switchover' : action };
}

function isDue(when: Trigger, view: View, gib: number, timeScale: number): boolean {
  switch (when.kind) {
    case 'at':
      return view.elapsedMs >= when.ms * timeScale * (when.perGib ? gib : 1);
    case 'after-passes':
      return (view.passes.at(-1)?.pass ?? 0) > when.passes;
    case 'without-progress':
      return view.elapsedMs - progressedAt(view) >= when.ms * timeScale;
  }
}

/** When less was left than ever before. */
function progressedAt({ progress }: View): number {
  return progress.atMs;
}

function describe(when: Trigger): string {
  switch (when.kind) {
    case 'at':
      return `${formatMs(when.ms)}${when.perGib ? ' per GiB' : ''} have passed`;
    case 'after-passes':
      return `more than ${when.passes} passes`;
    case 'without-progress':
      return `no progress for ${formatMs(when.ms)}`;
  }
}
