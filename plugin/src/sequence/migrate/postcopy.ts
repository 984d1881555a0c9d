import { setTimeout as sleep } from 'node:timers/promises';
import { PrecopyError, messageOf } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import type { MigrationControl } from '../control.js';
import type { SourceEnd } from '../migration-events.js';

export interface PostcopyOptions {
  readonly control: MigrationControl;
  readonly journal: Journal;
  readonly enter: (phase: 'postcopy' | 'recover', why: string) => void;
}

/** Before each attempt to make a new channel. */
const recoverDelaysMs = [100, 500, 1000, 2000, 5000, 10_000, 10_000, 10_000];
/** How long an attempt may take. */
const recoverTimeoutMs = 30_000;

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
        (sourceStatus === 'postcopy-paused' ? ('paused' as const) : undefined),
    );
    if (status !== 'paused') return status;
    options.enter('recover', 'the channel broke');
    await recover(options);
    if (events.overOnSource === undefined) options.enter('postcopy', 'over a new channel');
  }
}

async function recover({ control, journal }: PostcopyOptions): Promise<void> {
  const { events } = control;
  const warn = (message: string): void => {
    journal.append({ type: 'warning', message });
  };
  for (const delayMs of recoverDelaysMs) {
    // Whoever wants an end here can't have one: without a new channel the guest stands still for ever.
    await sleep(delayMs);
    if (events.state.destinationLost) break;
    try {
      await control.recover();
      const inTime = AbortSignal.timeout(recoverTimeoutMs);
      await events.until(
        ({ sourceStatus }) => (sourceStatus === 'postcopy-paused' ? undefined : true),
        inTime,
      );
      const settled = ['postcopy-active', 'postcopy-paused', 'completed', 'failed'];
      const status = await events.until(
        ({ sourceStatus }) => settled.find((name) => name === sourceStatus) ?? events.overOnSource,
        inTime,
      );
      if (status !== 'postcopy-paused') return;
      warn('The new channel broke as well.');
    } catch (error) {
      warn(`No new channel yet: ${messageOf(error)}`);
    }
  }
  throw new PrecopyError(
    'MIGRATION_FAILED',
    'The channel of the postcopy migration broke, and no new one could be made.',
    'Both QEMUs must stay as they are. Once they reach each other again, go on with migrate-recover on the destination and migrate with resume=true on the source.',
  );
}
