/** After a failure: the guest must run somewhere, and never at two places. */
import { PrecopyError, messageOf } from '../errors.js';
import type { MigrationEvents } from './migration-events.js';
import { migrationIsOver } from './qemu-replies.js';
import type { QemuSide } from './side.js';

/** How long QEMU may need to end a migration that was cancelled. */
const endTimeoutMs = 60_000;

export interface Failure {
  source: QemuSide;
  destination: QemuSide | undefined;
  events: MigrationEvents;
  /** The guest ran when we came. */
  guestRan: boolean;
  /** `migrate` was sent. */
  started: boolean;
  /** The destination starts only when we say so. */
  destinationHeld: boolean;
  /** Ends the migration, or throws if the guest could then run twice. */
  readonly cancel: () => Promise<void>;
}

/** Resumes the source if the destination certainly does not run. Returns where the guest is. */
export async function secureGuest(failure: Failure): Promise<string> {
  const { source, events, guestRan } = failure;
  try {
    if (events.state.sourceLost) return 'Whether the guest runs on the source is unknown.';
    // Once the destination has run, the source's RAM is old: it must never run again.
    if (events.state.postcopy && (events.state.resumed !== undefined || !isGone(failure))) {
      return isGone(failure)
        ? "The destination QEMU is gone and the guest with it; the source's memory is that of the moment when the destination took over."
        : 'The guest is on the destination (postcopy): it waits there for pages that it has not got yet.';
    }
    if (failure.started && !events.state.postcopy) await cancelIfUnderWay(failure);
    let { status, running } = await source.status();
    if (guestRan && !running) {
      const doubt = await destinationDoubt(failure);
      if (doubt !== undefined) {
        return `The guest stands still on the source (${status}) and was not resumed there, since ${doubt}: resume it with "cont" once you are sure that the destination does not run.`;
      }
      await resume(source);
      ({ status, running } = await source.status());
    }
    return `The guest is on the source: ${status}.`;
  } catch (error) {
    return `How the guest on the source stands could not be found out, or it can not be resumed: ${messageOf(error)}`;
  }
}

/** A failure of ours must not leave a migration under way that nobody looks after. */
async function cancelIfUnderWay({ source, events, cancel }: Failure): Promise<void> {
  const { status } = await source.migration();
  if (status === undefined || migrationIsOver(status)) return;
  await cancel();
  await events.until(
    ({ sourceStatus }) => (sourceStatus && migrationIsOver(sourceStatus) ? true : undefined),
    AbortSignal.timeout(endTimeoutMs),
  );
}

/** Why the destination might run the guest; undefined if it certainly does not. */
async function destinationDoubt(failure: Failure): Promise<string | undefined> {
  const { destination, destinationHeld, events } = failure;
  if (events.state.resumed !== undefined) return 'the guest has run on the destination';
  if (!destination) return "the destination's monitor is not known to precopy";
  if (isGone(failure)) return undefined;
  if (events.state.destinationLost && !destinationHeld) {
    return 'the monitor of the destination is gone but its QEMU may run';
  }
  if (events.state.destinationLost) return undefined;
  const { status, running } = await destination.status();
  if (running) return `the destination runs (${status})`;
  if (destinationHeld || status === 'inmigrate') return undefined;
  return `the destination is ${status}`;
}

/** QEMU 10.0 keeps a source whose destination died before it took over in postcopy-paused for ever. */
async function resume(source: QemuSide): Promise<void> {
  try {
    await source.effect('cont');
  } catch (cause) {
    const { status } = await source.migration();
    if (status !== 'postcopy-paused') throw cause;
    throw new PrecopyError(
      'MIGRATION_FAILED',
      'the destination died before it took the guest over, and this QEMU lets nobody resume a source in postcopy-paused (QEMU 11 goes back by itself)',
      '',
      { cause },
    );
  }
}

/** The destination's QEMU has certainly ended. */
function isGone({ destination }: Failure): boolean {
  if (destination?.gone) return true;
  return destination?.peer !== undefined && !processExists(destination.peer.pid);
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
