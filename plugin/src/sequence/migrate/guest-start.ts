import { PrecopyError } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import type { MigrationControl } from '../control.js';

/** How often a destination that has loaded everything and says nothing is asked, ms. */
const askEveryMs = 1000;
/** How long it may need to start its guest. */
const startTimeoutMs = 60_000;

/**
 * Waits until the guest runs at the destination, which has loaded everything, and starts it where that
 * QEMU does not by itself: with -S, or after a `stop` while it waited for the migration, it loads and
 * stays `paused`. A guest that stood still on the source when it was sent stands still there, too.
 *
 * @throws PrecopyError MIGRATION_FAILED if it does not start; the error by which its monitor was lost
 */
export async function guestStarted(control: MigrationControl, journal: Journal): Promise<void> {
  const { events, destination } = control;
  const { state } = events;
  const warn = (message: string): void => {
    journal.append({ type: 'warning', message });
  };
  const untilMs = performance.now() + startTimeoutMs;
  let told = false;
  for (;;) {
    await events
      .until(
        ({ resumed, destinationLost }) => resumed ?? destinationLost,
        AbortSignal.timeout(askEveryMs),
      )
      .catch(() => undefined);
    if (state.resumed !== undefined || !destination) return;
    if (state.destinationLost) throw state.destinationLost;
    const { status, running } = await destination.status();
    if (running) {
      state.resumed ??= Date.now();
      return;
    }
    if (status !== 'inmigrate' && (state.paused !== undefined || status !== 'paused')) {
      const why = state.paused === undefined ? '' : `: on the source it was ${state.paused}`;
      warn(`The guest is at the destination and stands still there (${status})${why}.`);
      return;
    }
    if (status === 'paused' && !told) {
      told = true;
      warn(
        'The destination loaded everything and did not start its guest by itself (-S?): it is told to.',
      );
      await control.startDestination();
    } else if (performance.now() > untilMs) {
      throw new PrecopyError(
        'MIGRATION_FAILED',
        `The destination has everything and its guest does not start (${status}).`,
        'Look at its log, and resume the guest there with "cont".',
      );
    }
  }
}
