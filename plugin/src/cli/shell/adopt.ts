import type { Journal } from '../../journal/journal.js';
import type { Goal } from '../../sequence/policy.js';
import { PassFollower } from '../../sequence/pass-follower.js';
import { PhaseMachine } from '../../sequence/phase.js';
import { manualPolicy } from '../../sequence/policies/manual.js';
import { migrationIsOver } from '../../sequence/qemu-replies.js';
import type { QmpControl } from '../../sequence/qmp-control.js';
import { Sequencer } from '../../sequence/sequencer.js';
import { readSettings } from '../../sequence/settings.js';
import { comparisonOf } from '../../sequence/why-not.js';
import type { SteeredMigration } from './session.js';

/** Takes a migration over that somebody else started, as it stands. */
export async function adoptMigration(
  control: QmpControl,
  journal: Journal,
  goal: Goal,
): Promise<SteeredMigration> {
  await control.adopt();
  const { capabilities } = await readSettings(control.source);
  if (capabilities['events'] !== true) {
    const message =
      'The capability "events" is off, and can not be turned on while the migration runs: passes are not seen, and "step" does not end.';
    journal.append({ type: 'warning', message });
  }
  const initial = await control.parameters();
  const { events } = control;
  const passes = new PassFollower(
    () => control.info(),
    () => ({
      sourceStopped: events.state.stopped !== undefined,
      autoConverge: initial.throttlePercent !== undefined,
      downtimeLimitMs: initial.downtimeLimitMs,
      switchoverBytesPerSecond: initial.switchoverBytesPerSecond ?? 0,
      switchoverAck: false,
      comparison: comparisonOf(control.source.client.greeting.version),
      stopCopyBytes: undefined,
    }),
    journal,
  );
  events.onPass = (pass, stopped, qemuUs) => {
    passes.pass(pass, stopped, qemuUs);
  };
  const phases = new PhaseMachine('precopy');
  const sequencer = new Sequencer({
    control,
    journal,
    policy: manualPolicy,
    given: {
      policy: manualPolicy.name,
      goal,
      initial,
      abilities: [...control.abilities],
      ramBytes: undefined,
      expectation: undefined,
    },
    phases: {
      current: () => phases.phase,
      enter: (phase, why) => {
        phases.enter(phase);
        journal.append({ type: 'phase', phase, why });
      },
    },
  });
  journal.append({ type: 'parameters', parameters: initial });
  const isOver = (): boolean => {
    const { sourceStatus, sourceLost } = events.state;
    return (
      sourceLost !== undefined || (sourceStatus !== undefined && migrationIsOver(sourceStatus))
    );
  };
  const follow = async (): Promise<string> => {
    try {
      await sequencer.follow(isOver);
      await events.until(() => (isOver() ? true : undefined));
    } finally {
      await control.restore();
    }
    return `the migration is over: ${events.state.sourceStatus ?? 'the monitor is gone'}`;
  };
  return { sequencer, ended: follow() };
}
