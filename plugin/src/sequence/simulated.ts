/** A policy in the model of QEMU instead of a real one: to try it out, and to replay a journal. */
import {
  changedParameters,
  type ModelParameters,
  type ParameterChanges,
  type PolicyStep,
  type PolicyView,
  type SimulatedPolicy,
} from '../forecast/qemu-model.js';
import type { Ability, Parameters, Tuning } from './control.js';
import { holdTuning, releaseTuning, switchoverTuning } from './hold.js';
import type { Action, Expectation, Goal, Policy } from './policy.js';
import { throttleSteps } from './qmp-parameters.js';
import { ViewBuilder } from './view.js';

export interface PolicyInModel {
  /** What the simulation begins with. */
  readonly parameters: ModelParameters;
  readonly policy: SimulatedPolicy;
}

/** @param parameters those of QEMU before the policy changes them */
export function inModel(
  policy: Policy,
  goal: Goal,
  parameters: ModelParameters,
  known: { readonly ramBytes?: number; readonly expectation?: Expectation } = {},
): PolicyInModel {
  const beginning = policy.begin(goal, parametersOf(parameters));
  const begun = changedParameters(
    {
      ...parameters,
      autoConverge:
        beginning.autoConverge === true
          ? (parameters.autoConverge ?? throttleSteps(0))
          : beginning.autoConverge === false
            ? undefined
            : parameters.autoConverge,
    },
    changesFor(beginning.tuning),
  );
  const initial = parametersOf(begun);
  const abilities = [
    'tune',
    'switchover-bandwidth',
    ...(begun.autoConverge ? (['throttle'] as const) : []),
  ] as const;
  const builder = new ViewBuilder();
  builder.apply({
    type: 'goal',
    monotonicMs: 0,
    ...{ policy: policy.name, goal, initial, abilities },
    ramBytes: known.ramBytes,
    expectation: known.expectation,
  });
  builder.apply({
    type: 'phase',
    monotonicMs: 0,
    phase: beginning.held ? 'held' : 'precopy',
    why: beginning.reason,
  });
  return {
    parameters: begun,
    policy: (seen) => {
      note(builder, seen);
      const view = builder.view(seen.nowMs);
      if (!view) return undefined;
      const { action, reason } = policy.decide(view, goal);
      builder.apply({
        type: 'decision',
        monotonicMs: seen.nowMs,
        policy: policy.name,
        action,
        reason,
      });
      return stepFor(action, goal, initial, new Set(abilities), reason);
    },
  };
}

function note(
  builder: ViewBuilder,
  { asked, nowMs: monotonicMs, pass, sample, parameters }: PolicyView,
): void {
  builder.apply({ type: 'parameters', monotonicMs, parameters: parametersOf(parameters) });
  if (asked === 'pass') {
    const { kind, pass: number } = pass;
    builder.apply({ type: 'pass', monotonicMs, pass: number, kind, sample, late: false });
  } else builder.apply({ type: 'observation', monotonicMs, sample });
}

function stepFor(
  action: Action,
  goal: Goal,
  initial: Parameters,
  abilities: ReadonlySet<Ability>,
  reason: string,
): PolicyStep | undefined {
  switch (action.kind) {
    case 'wait':
      return undefined;
    case 'tune':
      return { parameters: changesFor(action.tuning) };
    case 'hold':
      return { parameters: changesFor({ ...holdTuning(abilities), ...action.tuning }) };
    case 'release':
      return { parameters: changesFor({ ...releaseTuning(goal, initial), ...action.tuning }) };
    case 'switchover':
      return { parameters: changesFor(switchoverTuning(initial)) };
    case 'postcopy':
      // The model knows no postcopy: it takes it for a switchover.
      return { parameters: changesFor(switchoverTuning(initial)) };
    case 'cancel':
      return { cancel: reason };
  }
}

function changesFor(tuning: Tuning): ParameterChanges {
  const { downtimeLimitMs, maxBandwidthBytesPerSecond, switchoverBytesPerSecond, throttlePercent } =
    tuning;
  return {
    ...(downtimeLimitMs === undefined ? {} : { downtimeLimitMs }),
    ...(maxBandwidthBytesPerSecond === undefined ? {} : { maxBandwidthBytesPerSecond }),
    ...(switchoverBytesPerSecond === undefined
      ? {}
      : { availSwitchoverBytesPerSecond: switchoverBytesPerSecond }),
    ...(throttlePercent === undefined ? {} : { autoConverge: throttleSteps(throttlePercent) }),
  };
}

function parametersOf(model: ModelParameters): Parameters {
  const { autoConverge } = model;
  return {
    downtimeLimitMs: model.downtimeLimitMs,
    maxBandwidthBytesPerSecond: model.maxBandwidthBytesPerSecond,
    switchoverBytesPerSecond: model.availSwitchoverBytesPerSecond,
    throttlePercent:
      autoConverge && (autoConverge.triggerPercent === 100 ? 0 : autoConverge.maxPercent),
  };
}
