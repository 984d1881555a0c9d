/**
 * Watches a guest for as long as one likes: harvests while it does not migrate, gives the containers up
 * when somebody migrates it, follows that, and goes on when it is over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HarvestRefusedError } from 'linux-vfio-ts';
import { PrecopyError, messageOf } from '../errors.js';
import { expectGuest } from '../probe/run-state.js';
import { sampleOf, migrationIsOver } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import { watchLive } from './live.js';
import { notice, type WatchOptions } from './options.js';
import { watchVersion } from './records.js';

/**
 * Returns when the guest has moved away.
 *
 * @throws the signal's reason, with everything undone; PrecopyError NOT_SUPPORTED, NO_ACCESS, MONITOR,
 *   USAGE; errors of linux-vfio-ts and of the monitor
 */
export async function watchGuest(options: WatchOptions): Promise<void> {
  const { side, signal, show } = options;
  // One that is migrated here now has a guest when that is over.
  if (!(await isMigrating(side))) expectGuest((await side.status()).status);
  for (;;) {
    signal.throwIfAborted();
    if (!(await isMigrating(side))) {
      try {
        await watchLive(options);
      } catch (error) {
        signal.throwIfAborted();
        if (!endedByMigration(error) && !(await isMigrating(side))) throw error;
        show(notice(`${messageOf(error)} Nothing is harvested until it is over.`));
      }
    }
    await followMigration(options);
    if (await hasMovedAway(side)) {
      show(notice('The guest has moved to the destination: there is nothing left to watch.'));
      return;
    }
    show(notice('The migration is over, and the guest is here: watching again.'));
  }
}

async function isMigrating(side: QemuSide): Promise<boolean> {
  const { status = 'none' } = await side.migration();
  return !migrationIsOver(status);
}

/** The guard shut the gate; that migration may be over already. */
function endedByMigration(error: unknown): boolean {
  return error instanceof PrecopyError && error.cause instanceof HarvestRefusedError;
}

/** Asks QEMU now and then until its migration is over. */
async function followMigration({ side, intervalMs, signal, show }: WatchOptions): Promise<void> {
  for (;;) {
    const info = await side.migration();
    const { status = 'none' } = info;
    const sample = sampleOf(info);
    show({
      ...{ type: 'migration', version: watchVersion, atMs: Date.now() },
      status,
      passes: sample?.dirtySyncCount ?? null,
      remainingBytes: sample?.remainingBytes ?? null,
      bandwidthBytesPerSecond: sample?.bandwidthBytesPerSecond ?? null,
      dirtyBytesPerSecond: sample?.dirtyBytesPerSecond ?? null,
      expectedDowntimeMs: sample?.expectedDowntimeMs ?? null,
    });
    if (migrationIsOver(status)) return;
    await sleep(intervalMs, undefined, { signal });
  }
}

/** Run states in which QEMU has given its guest away. */
async function hasMovedAway(side: QemuSide): Promise<boolean> {
  const { status } = await side.status();
  return status === 'postmigrate' || status === 'finish-migrate';
}
