import { messageOf } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import { PassConditions } from '../../sequence/pass-conditions.js';
import { PassFollower } from '../../sequence/pass-follower.js';
import { PhaseMachine, type Phase } from '../../sequence/phase.js';
import type { Goal } from '../../sequence/policy.js';
import { manualPolicy } from '../../sequence/policies/manual.js';
import { sourceEnd } from '../../sequence/migration-events.js';
import { migrationIsOver } from '../../sequence/qemu-replies.js';
import type { QmpControl } from '../../sequence/qmp-control.js';
import { Sequencer } from '../../sequence/sequencer.js';
import { readSettings } from '../../sequence/settings.js';
import type { MigrationEnd, SteeredMigration } from './session.js';

export interface Adoption {
  readonly control: QmpControl;
  readonly journal: Journal;
  readonly goal: Goal;
  /** The monitor is gone, and the migration goes on without anybody who could release it. */
  readonly onLost: () => void;
}

/** Takes a migration over that somebody else started, as it stands. */
export async function adoptMigration(adoption: Adoption): Promise<SteeredMigration> {
  const { control, journal, goal, onLost } = adoption;
  await control.adopt();
  const { capabilities } = await readSettings(control.source);
  if (capabilities['events'] !== true) {
    const message =
      'The capability "events" is off, and can not be turned on while the migration runs: passes are not seen, and "step" does not end.';
    journal.append({ type: 'warning', message });
  }
  const conditions = new PassConditions(control, journal);
  await conditions.look();
  const initial = await control.parameters();
  journal.append({ type: 'parameters', parameters: initial });
  const { events } = control;
  const passes = new PassFollower(
    () => control.info(),
    () => conditions.now,
    journal,
  );
  events.onPass = (pass, stopped, qemuUs) => {
    passes.pass(pass, stopped, qemuUs);
  };
  const phases = new PhaseMachine('precopy');
  journal.append({ type: 'phase', phase: 'precopy', why: 'somebody else had started it' });
  const enter = (phase: Phase, why: string): void => {
    phases.enter(phase);
    journal.append({ type: 'phase', phase, why });
  };
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
    phases: { current: () => phases.phase, enter },
  });
  const finalStatus = (): string | undefined => {
    const { sourceStatus } = events.state;
    if (sourceStatus === undefined || !migrationIsOver(sourceStatus)) return undefined;
    return events.overOnSource ?? sourceStatus;
  };
  const isLost = (): boolean =>
    events.state.sourceLost !== undefined || control.source.client.state !== 'ready';
  const isOver = (): boolean => isLost() || finalStatus() !== undefined;
  const follow = async (): Promise<MigrationEnd> => {
    try {
      await sequencer.follow(isOver);
      await events.until(() => (isOver() ? true : undefined));
    } catch (error) {
      if (!isLost()) throw error;
    } finally {
      conditions[Symbol.dispose]();
      await control.restore();
    }
    const status = finalStatus();
    if (status === undefined) {
      onLost();
      const { sourceLost } = events.state;
      const says = `The monitor of the source ${control.source.address} is gone${sourceLost ? `: ${messageOf(sourceLost)}` : ''}. The migration goes on by itself, and this shell's guardian releases it if it is held. "precopy shell" takes it over again.`;
      return { says, failed: true };
    }
    const end = sourceEnd(status, false);
    if (!phases.canEnter(end)) enter('switchover', 'everything was sent');
    enter(end, `QEMU says ${events.state.sourceStatus ?? status}`);
    return { says: `the migration is over: ${status}`, failed: end === 'failed' };
  };
  return { sequencer, ended: follow() };
}
