/** What another policy would have done with a recorded migration, through the model of QEMU. Pure. */
import { PrecopyError } from '../errors.js';
import { simulatePrecopy, type ModelResult } from '../forecast/qemu-model.js';
import type { JournalRecord } from '../journal/records.js';
import type { MigrationResult } from '../journal/result.js';
import { noPostcopyHere, withTimeLimit } from './policies/timeout.js';
import type { Policy } from './policy.js';
import { modelOf, type RecordedModel } from './recorded-model.js';
import { tickMs } from './sequencer.js';
import { inModel } from './simulated.js';

export interface Replay {
  readonly recorded: { readonly policy: string; readonly result: MigrationResult | undefined };
  /** The recorded policy in the model: how far the model is off. Undefined if we have no such policy. */
  readonly again: Replayed | undefined;
  readonly other: Replayed;
  /** What the records can't tell. */
  readonly caveats: readonly string[];
}

export interface Replayed {
  readonly policy: string;
  readonly result: ModelResult;
  /** What it did, and why, in order. */
  readonly decisions: readonly ReplayedDecision[];
}

export interface ReplayedDecision {
  /** ms since `migrate`. */
  readonly atMs: number;
  readonly what: string;
  readonly reason: string;
}

/**
 * @param recordedPolicy that of the journal, where it is one of ours
 * @throws PrecopyError NOT_SUPPORTED if the journal has too little for a model
 */
export function replay(
  records: readonly JournalRecord[],
  other: Policy,
  recordedPolicy: Policy | undefined,
): Replay {
  const model = modelOf(records);
  if (!model) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      'The journal has too little to replay: no goal, or fewer than two passes while the guest ran.',
      'Replay needs the journal of a migration that went through several passes.',
    );
  }
  const [again, instead] = [recordedPolicy && run(model, recordedPolicy), run(model, other)];
  const wantsPostcopy = [again, instead].some((replayed) =>
    replayed?.decisions.some(({ reason }) => reason.endsWith(noPostcopyHere)),
  );
  return {
    recorded: {
      policy: model.goal.policy,
      result: records.findLast((record) => record.type === 'result')?.result,
    },
    again,
    other: instead,
    caveats: [
      ...model.caveats,
      ...(wantsPostcopy
        ? ['The model knows no postcopy: it shows as cancelled what would have gone over to it.']
        : []),
    ],
  };
}

function run(model: RecordedModel, policy: Policy): Replayed {
  const decisions: ReplayedDecision[] = [];
  const { goal, ramBytes, expectation } = model.goal;
  const limited = withTimeLimit(policy);
  let last = '';
  let nowMs = 0;
  const noting: Policy = {
    ...limited,
    name: policy.name,
    begin: (wanted, parameters) => limited.begin(wanted, parameters),
    decide: (view, wanted) => {
      const decision = limited.decide(view, wanted);
      const { action, reason } = decision;
      if (action.kind !== 'wait' || reason !== last) {
        decisions.push({ atMs: nowMs, what: action.kind, reason });
        last = reason;
      }
      return decision;
    },
  };
  const { parameters, policy: steps } = inModel(noting, goal, model.parameters, {
    ...(ramBytes === undefined ? {} : { ramBytes }),
    ...(expectation === undefined ? {} : { expectation }),
  });
  const result = simulatePrecopy(
    { ...model.input, parameters },
    {
      tickMs,
      policy: (seen) => {
        nowMs = seen.nowMs;
        return steps(seen);
      },
    },
  );
  return { policy: policy.name, result, decisions };
}
