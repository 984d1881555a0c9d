/** What a run that was killed, or gave way to a migration, left on a QEMU, and undoing it. */
import { BorrowableProcess, HarvestGate, LibcKernel } from 'linux-vfio-ts';
import { describeMemory } from '../audit/guest-memory.js';
import { PrecopyError } from '../errors.js';
import { probe } from '../probe/observe.js';
import { migrationIsOver } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import { DeviceSources } from './device-sources.js';
import { deviceTracking } from './device-tracking.js';
import {
  identityOf,
  livingIdentityOf,
  LogRecord,
  TrackingState,
  type FoundState,
} from './state-file.js';
import { switchEvents } from './tracking-guard.js';

/** For people, where something was left. */
export const leftoversUndone =
  'An earlier rehearsal of this guest was killed, or a migration began in it; its dirty tracking was switched off first.';

/**
 * Claims a QEMU to be watched; undoes what a killed run left.
 *
 * @throws PrecopyError NOT_SUPPORTED if another precopy watches it, or QEMU migrates; NO_ACCESS
 */
export async function claimGuest(
  side: QemuSide,
  pid: number,
): ReturnType<typeof TrackingState.claim> {
  return await TrackingState.claim(livingIdentityOf(pid), async (found) => {
    await undo(side, pid, found);
  });
}

/**
 * Undoes what a killed run left; does nothing while another precopy watches this QEMU.
 *
 * @returns whether something was left
 * @throws as {@link claimGuest}
 */
export async function undoLeftovers(side: QemuSide): Promise<boolean> {
  const identity = side.peer && identityOf(side.peer.pid);
  if (identity === undefined || !TrackingState.wasLeftOn(identity)) return false;
  const { cleanedUp } = await claimGuest(side, identity.pid);
  return cleanedUp;
}

async function undo(side: QemuSide, pid: number, { eventsWereOff }: FoundState): Promise<void> {
  const { status = 'none' } = await side.migration();
  if (!migrationIsOver(status)) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `QEMU is migrating (${status}), and its dirty bitmap belongs to that migration.`,
      'Wait until it has ended.',
    );
  }
  const report = await probe(side);
  const tracking = deviceTracking(report);
  if (tracking.kind === 'tracked') {
    const kernel = new LibcKernel();
    using qemu = await BorrowableProcess.open(kernel, pid);
    const layout = await describeMemory(side.monitor);
    // A log that is on, and not on record, is somebody else's.
    const ours = LogRecord.of(pid).read();
    const left = { ...tracking, logs: tracking.logs.filter((fd) => ours.includes(fd)) };
    await using devices = await DeviceSources.borrow({
      ...{ qemu, kernel, gate: new HarvestGate(), tracking: left, layout, mayBeOn: true },
    });
    devices.switchOff();
  }
  if (eventsWereOff) await switchEvents(side, false);
}
