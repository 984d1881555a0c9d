import { setTimeout as sleep } from 'node:timers/promises';
import { PrecopyError, messageOf } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import { formatMs } from '../../report/format.js';
import type { MigrationControl } from '../control.js';
import type { SourceEnd } from '../migration-events.js';

export interface PostcopyOptions {
  readonly control: MigrationControl;
  readonly journal: Journal;
  readonly enter: (phase: 'postcopy' | 'recover', why: string) => void;
  /** After how long without a byte a link is taken for dead, ms; undefined: never. */
  readonly stallLimitMs: number | undefined;
}

/** Before each attempt to make a new channel. */
const recoverDelaysMs = [100, 500, 1000, 2000, 5000, 10_000, 10_000, 10_000];
/** How long an attempt may take, whatever the link: at least, and where that is not said. */
const leastAttemptMs = 10_000;
const usualAttemptMs = 30_000;
/** How long QEMU may take to give a new channel up. */
const pauseTimeoutMs = 5000;

/**
 * Follows a postcopy to the source's end. The guest runs at the destination already; only a new channel
 * can bring a broken one back.
 *
 * @throws PrecopyError MIGRATION_FAILED if no new channel could be made
 */
export async function followPostcopy(options: PostcopyOptions): Promise<SourceEnd> {
  const { events } = options.control;
  for (;;) {
    const status = await events.until(
      ({ sourceStatus }) =>
        events.overOnSource ??
        (sourceStatus === 'postcopy-paused' || isRecovering(sourceStatus)
          ? ('broken' as const)
          : undefined),
    );
    if (status !== 'broken') return status;
    options.enter('recover', 'the channel broke');
    // A run before this one may have begun to.
    const underWay = isRecovering(events.state.sourceStatus);
    if (!underWay || !(await holds(options))) await recover(options);
    if (events.overOnSource === undefined) options.enter('postcopy', 'over a new channel');
  }
}

function isRecovering(sourceStatus: string | undefined): boolean {
  return sourceStatus === 'postcopy-recover' || sourceStatus === 'postcopy-recover-setup';
}

/**
 * Waits until the source goes on over a new channel.
 *
 * @returns false if that one broke, or nothing came over it; the source is then paused again, if it can be
 */
async function holds({ control, journal, stallLimitMs }: PostcopyOptions): Promise<boolean> {
  const { events } = control;
  const warn = (message: string): void => {
    journal.append({ type: 'warning', message });
  };
  const settled = ['postcopy-active', 'postcopy-paused', 'completed', 'failed'];
  try {
    const status = await events.until(
      ({ sourceStatus }) => settled.find((name) => name === sourceStatus) ?? events.overOnSource,
      AbortSignal.timeout(attemptMs(stallLimitMs)),
    );
    if (status !== 'postcopy-paused') return true;
    warn('The new channel broke as well.');
  } catch (error) {
    const tookTooLong = error instanceof Error && error.name === 'TimeoutError';
    const why = tookTooLong ? `not within ${formatMs(attemptMs(stallLimitMs))}` : messageOf(error);
    warn(`The source does not go on over the new channel: ${why}`);
    try {
      await control.pause();
      await events.until(
        ({ sourceStatus }) => (isRecovering(sourceStatus) ? undefined : true),
        AbortSignal.timeout(pauseTimeoutMs),
      );
    } catch (cause) {
      warn(`This QEMU does not give it up (8.2 and later do): ${messageOf(cause)}`);
    }
  }
  return false;
}

function attemptMs(stallLimitMs: number | undefined): number {
  return Math.max(leastAttemptMs, stallLimitMs ?? usualAttemptMs);
}

async function recover(options: PostcopyOptions): Promise<void> {
  const { control, journal, stallLimitMs } = options;
  const { events } = control;
  for (const delayMs of recoverDelaysMs) {
    // Whoever wants an end here can't have one: without a new channel the guest stands still for ever.
    await sleep(delayMs);
    // Over a monitor that is gone nothing can be said to QEMU; it may be back soon.
    if (events.state.destinationLost ?? events.state.sourceLost) break;
    try {
      await control.recover();
      await events.until(
        ({ sourceStatus }) => (sourceStatus === 'postcopy-paused' ? undefined : true),
        AbortSignal.timeout(attemptMs(stallLimitMs)),
      );
      if (await holds(options)) return;
    } catch (error) {
      journal.append({ type: 'warning', message: `No new channel yet: ${messageOf(error)}` });
    }
  }
  throw new PrecopyError(
    'MIGRATION_FAILED',
    'The channel of the postcopy migration broke, and no new one could be made.',
    'Both QEMUs must stay as they are. Once they reach each other again, go on with migrate-recover on the destination and migrate with resume=true on the source.',
  );
}
