/** What must hold before anything is changed. */
import { PrecopyError } from '../errors.js';
import { explainBlocker } from '../probe/blockers.js';
import { probe } from '../probe/observe.js';
import { runStateObstacle } from '../probe/run-state.js';
import { compareSettings, compareSides } from './compare-sides.js';
import type { Preflight } from './control.js';
import { migrationIsOver, type MigrationInfo, type StatusInfo } from './qemu-replies.js';
import type { MigrationSettings } from './settings.js';
import { sideFacts } from './side-facts.js';
import type { QemuSide } from './side.js';
import { vfioMisfits } from './vfio-misfits.js';

/** What both QEMUs say before a migration. */
export interface PreflightView {
  sourceStatus: StatusInfo;
  sourceMigration: MigrationInfo;
  sourceAddress: string;
  /** Undefined where the destination's monitor is not ours. */
  destination: { status: StatusInfo; address: string } | undefined;
}

/** Why this migration can't work; undefined if nothing speaks against it. Pure. */
export function findObstacle(view: PreflightView): PrecopyError | undefined {
  const { sourceStatus, sourceMigration, destination } = view;
  const under = sourceMigration.status ?? 'none';
  const noGuest = runStateObstacle(sourceStatus.status);
  if (noGuest) {
    return new PrecopyError(
      'NOT_SUPPORTED',
      `The source ${view.sourceAddress}: ${noGuest.what}`,
      sourceStatus.status === 'inmigrate'
        ? 'It waits for a migration itself: --qmp and --to-qmp may be swapped.'
        : noGuest.fix,
    );
  }
  if (!migrationIsOver(under)) {
    return new PrecopyError(
      'NOT_SUPPORTED',
      `The source ${view.sourceAddress} is migrating already (query-migrate: ${under}).`,
      'Wait until that migration ends, or end it with migrate_cancel.',
    );
  }
  const blockers = sourceMigration['blocked-reasons'] ?? [];
  if (blockers.length > 0) {
    const explained = blockers.map(explainBlocker);
    return new PrecopyError(
      'NOT_SUPPORTED',
      `QEMU refuses to migrate this guest: ${explained.map(({ reason, meaning }) => `"${reason}" (${meaning})`).join('; ')}`,
      explained.map(({ fix }) => fix).join(' '),
    );
  }
  if (destination && destination.status.status !== 'inmigrate') {
    return new PrecopyError(
      'NOT_SUPPORTED',
      `The destination ${destination.address} is in the run state "${destination.status.status}" and does not wait for a migration.`,
      "Start it with the source's own arguments and -incoming defer.",
    );
  }
  return undefined;
}

/**
 * Looks at both ends; changes nothing.
 *
 * @throws PrecopyError NOT_SUPPORTED with every obstacle and its fix
 */
export async function lookBefore(
  source: QemuSide,
  destination: QemuSide | undefined,
  settings: MigrationSettings,
): Promise<Preflight> {
  const [sourceStatus, sourceMigration, destinationStatus] = await Promise.all([
    source.status(),
    source.migration(),
    destination?.status(),
  ]);
  const obstacle = findObstacle({
    sourceStatus,
    sourceMigration,
    sourceAddress: source.address,
    destination:
      destination && destinationStatus
        ? { status: destinationStatus, address: destination.address }
        : undefined,
  });
  if (obstacle) throw obstacle;
  const [ours, theirs, probed, theirMigration] = await Promise.all([
    sideFacts(source),
    destination ? sideFacts(destination) : undefined,
    probe(source),
    destination?.migration(),
  ]);
  const postcopy =
    settings.capabilities['postcopy-ram'] ?? ours.settings.capabilities['postcopy-ram'] ?? false;
  const misfits = [
    ...(theirs ? compareSides(ours, theirs) : []),
    ...compareSettings(settings, ours, theirs),
    ...vfioMisfits(probed, theirMigration?.['blocked-reasons'] ?? [], postcopy),
  ];
  const blocking = misfits.filter(({ severity }) => severity === 'blocks');
  if (blocking.length > 0) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `This migration can't work: ${blocking.map(({ what }) => what).join(' ')}`,
      [...new Set(blocking.map(({ fix }) => fix))].join(' '),
    );
  }
  return {
    guestRan: sourceStatus.running,
    ramBytes: [...ours.ramBlocks.values()].reduce((sum, bytes) => sum + bytes, 0),
    warnings: misfits.map(({ what, fix }) => `${what} ${fix}`),
  };
}
