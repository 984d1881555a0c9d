/** Applies the configured policy to a migration that libvirt runs already, through libvirt. */
import type { Config } from '../config/schema.js';
import { messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { JournalRecord } from '../journal/records.js';
import { LibvirtControl } from '../libvirt/control.js';
import type { Virsh } from '../libvirt/virsh.js';
import { goalFrom } from '../sequence/goal.js';
import type { Phase } from '../sequence/phase.js';
import { findPolicy } from '../sequence/policies/find.js';
import type { Expectation } from '../sequence/policy.js';
import { withTimeLimit } from '../sequence/policies/timeout.js';
import { Sequencer } from '../sequence/sequencer.js';
import { RunSoFar } from '../sequence/unfinished.js';
import type { QemuSide } from '../sequence/side.js';

export interface SteerOptions {
  readonly virsh: Virsh;
  readonly uuid: string;
  readonly side: QemuSide;
  readonly settings: Config['migration'];
  /** What the last rehearsals of this guest say. */
  readonly expectation: Expectation | undefined;
  readonly journal: Journal;
  /** Records of the same migration, where a controller before this one steered it; else none. */
  readonly earlier: readonly JournalRecord[];
  readonly isOver: () => boolean;
}

/** Resolves when there is nothing more to decide; what fails is journalled, and QEMU goes on by itself. */
export async function steer(options: SteerOptions): Promise<void> {
  const { virsh, uuid, side, settings, expectation, journal, earlier, isOver } = options;
  using control = new LibvirtControl({
    virsh,
    uuid,
    source: side,
    destinationUri: undefined,
    migrateUri: undefined,
    virshOptions: [],
    journal,
  });
  try {
    await control.adopt(earlier);
    const policy = withTimeLimit(findPolicy(settings.policy));
    const parameters = await control.parameters();
    const begun = earlier.find((record) => record.type === 'goal');
    const initial = begun?.initial ?? parameters;
    const goal = goalFrom(
      {
        downtimeLimitMs: settings.downtimeLimit,
        totalLimitMs: settings.timeout,
        bandwidthBytesPerSecond: settings.bandwidth,
        onTimeout: settings.onTimeout,
      },
      initial,
    );
    let phase: Phase = 'precopy';
    const enter = (next: Phase, why: string): void => {
      phase = next;
      journal.append({ type: 'phase', phase, why });
    };
    const sequencer = new Sequencer({
      control,
      policy,
      journal,
      given: {
        policy: policy.name,
        goal,
        initial,
        abilities: [...control.abilities],
        ramBytes: undefined,
        expectation,
      },
      seen: begun && RunSoFar.of(earlier).follow(journal).view,
      phases: { current: () => phase, enter },
    });
    journal.append({ type: 'parameters', parameters });
    enter('precopy', begun ? 'taken up again' : 'libvirt had started the migration');
    await sequencer.follow(isOver);
  } catch (error) {
    if (isOver()) return;
    journal.append({
      type: 'warning',
      message: `The policy can't be applied: ${messageOf(error)}`,
    });
  } finally {
    await control.restore();
  }
}
