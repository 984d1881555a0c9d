/** The errors that a migration ends with, in the words that its user gets. */
import type { VerifyResult } from '../../audit/verify.js';
import { PrecopyError, messageOf } from '../../errors.js';
import type { MigrationControl } from '../control.js';

/**
 * A monitor's connection ended while the migration ran. Nothing was undone: connect again and resume.
 */
export class MonitorLostError extends PrecopyError {
  constructor(cause: unknown) {
    super(
      'MONITOR',
      `The connection to a monitor ended during the migration: ${messageOf(cause)}`,
      'The migration goes on by itself. Take it up again with precopy migrate --resume and its journal.',
      { cause },
    );
  }
}

/** What is known when the source has stopped migrating without having sent everything. */
export interface Unsuccessful {
  readonly control: MigrationControl;
  /** Why the policy or a person cancelled it. */
  readonly cancelReason: string | undefined;
  /** The user's, by which it can be cancelled too. */
  readonly signal: AbortSignal;
  /** What was found of the link when it was broken off. */
  readonly deadLink: string | undefined;
}

/** Why it did not complete. Asks QEMU for its reason where nothing else tells. */
export async function notCompleted(
  status: 'failed' | 'cancelled',
  at: Unsuccessful,
): Promise<PrecopyError> {
  const { control, deadLink } = at;
  const { sourceLost, destinationLost, cancelling } = control.events.state;
  // libvirt has no other way to break a link off than to cancel.
  const linkBroken = deadLink !== undefined && !cancelling;
  if (status === 'cancelled' && !linkBroken) return cancelled(whoCancelled(at));
  if (deadLink !== undefined && !sourceLost) {
    return new PrecopyError(
      'MIGRATION_FAILED',
      `${deadLink}, so the migration was broken off.`,
      'Look at the network and at the destination QEMU; --stall-timeout sets how long to wait.',
    );
  }
  if (sourceLost) {
    return new PrecopyError(
      'MIGRATION_FAILED',
      `The monitor of the source ${control.source.address} went away during the migration: ${messageOf(sourceLost)}`,
      "Look at the source QEMU's log. If it still runs, connect again: query-status and query-migrate tell how it stands.",
      { cause: sourceLost },
    );
  }
  const reason = (await control.info())['error-desc'];
  const why = reason === undefined ? '.' : `: ${reason}.`;
  const also = destinationLost ? ' The destination QEMU is gone, or its monitor is.' : '';
  return new PrecopyError(
    'MIGRATION_FAILED',
    `QEMU gave the migration up${why}${also}`,
    "Look at the destination QEMU's log for the reason, and start a new destination to try again.",
  );
}

function whoCancelled({ cancelReason, signal }: Unsuccessful): string {
  if (cancelReason !== undefined) return `: ${cancelReason.replace(/\.$/, '')}`;
  return signal.aborted ? `: ${messageOf(signal.reason)}` : ' by somebody else';
}

function cancelled(why: string): PrecopyError {
  return new PrecopyError(
    'CANCELLED',
    `The migration was cancelled${why}.`,
    'Start it again when you are ready.',
  );
}

/** The run was stopped at a point where QEMU had nothing to cancel. */
export function interrupted(signal: AbortSignal, cause: unknown): PrecopyError {
  return new PrecopyError(
    'CANCELLED',
    `Stopped: ${messageOf(signal.reason)}.`,
    'Start it again when you are ready.',
    { cause },
  );
}

/** An earlier run ended before it had started the migration. */
export function notStarted(): PrecopyError {
  return new PrecopyError(
    'MIGRATION_FAILED',
    'The run ended before the migration was started.',
    'Start it again: what had been set was put back.',
  );
}

export function notLoaded(why: string, cause?: unknown): PrecopyError {
  return new PrecopyError(
    'MIGRATION_FAILED',
    `The source sent everything, but the destination did not load it: ${why}.`,
    "Look at the destination QEMU's log for the reason.",
    { cause },
  );
}

/** @param moved guest RAM moved while devices wrote to it */
export function verifyDiffers(result: VerifyResult, moved = false): PrecopyError {
  return new PrecopyError(
    'VERIFY_DIFFERS',
    `${result.differingPages} pages of the destination's RAM differ from the source's, although QEMU reports the migration as completed.`,
    moved
      ? 'Guest RAM moved meanwhile, and QEMU loses dirty bits by that: migrate again once the guest has booted.'
      : "A page was written without being reported dirty, or its dirty bit was taken by somebody else: look for another reader of the dirty bitmap, then at the device driver's dirty tracking.",
    { cause: result },
  );
}

/** The same error, with a sentence that says where the guest is. */
export function withWhereabouts(error: PrecopyError, whereabouts: string): PrecopyError {
  return new PrecopyError(error.code, `${error.message} ${whereabouts}`, error.next, {
    cause: error.cause,
  });
}
