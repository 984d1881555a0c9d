/** What must hold before anything is changed. */
import { PrecopyError } from '../errors.js';
import { explainBlocker } from '../probe/blockers.js';
import type { MigrationInfo, StatusInfo } from './qemu-replies.js';

/** What both QEMUs say before a migration. */
export interface PreflightView {
  sourceStatus: StatusInfo;
  sourceMigration: MigrationInfo;
  destinationStatus: StatusInfo;
  sourceAddress: string;
  destinationAddress: string;
}

/** Run states (QAPI `RunState`) of a guest that another host can take over. */
const migratable = new Set([
  'running',
  'paused',
  'suspended',
  'io-error',
  'watchdog',
  'guest-panicked',
]);

/** Whether QEMU is not migrating in this state (QAPI `MigrationStatus`). */
export function migrationIsOver(status: string): boolean {
  return ['none', 'cancelled', 'failed', 'completed'].includes(status);
}

/** Why this migration can't work; undefined if nothing speaks against it. Pure. */
export function findObstacle(view: PreflightView): PrecopyError | undefined {
  const { sourceStatus, sourceMigration, destinationStatus } = view;
  const under = sourceMigration.status ?? 'none';
  if (!migratable.has(sourceStatus.status)) {
    return new PrecopyError(
      'NOT_SUPPORTED',
      `The source ${view.sourceAddress} is in the run state "${sourceStatus.status}", so it has no guest to migrate.`,
      sourceStatus.status === 'inmigrate'
        ? 'It waits for a migration itself: --qmp and --to-qmp may be swapped.'
        : 'Name a QEMU whose guest runs or is paused with --qmp.',
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
  if (destinationStatus.status !== 'inmigrate') {
    return new PrecopyError(
      'NOT_SUPPORTED',
      `The destination ${view.destinationAddress} is in the run state "${destinationStatus.status}" and does not wait for a migration.`,
      "Start it with the source's own arguments and -incoming defer.",
    );
  }
  return undefined;
}
