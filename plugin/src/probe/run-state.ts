/** Whether a QEMU has a guest that can be migrated, by its run state. Pure. */
import { PrecopyError } from '../errors.js';

/**
 * Run states (QAPI `RunState`) of a guest that another host can take over; `prelaunch` is one that was not
 * started yet (-S).
 */
const migratable = new Set([
  'running',
  'paused',
  'prelaunch',
  'suspended',
  'io-error',
  'watchdog',
  'guest-panicked',
]);

/** Why no guest can be migrated from here, and what to do about it. */
export interface RunStateObstacle {
  readonly what: string;
  readonly fix: string;
}

/** Undefined where the run state does not keep a guest from migrating. */
export function runStateObstacle(status: string): RunStateObstacle | undefined {
  if (migratable.has(status)) return undefined;
  const what = `QEMU is in the run state "${status}", so it has no guest to migrate.`;
  switch (status) {
    case 'inmigrate':
      return { what, fix: 'It waits for a migration itself: name the source of that with --qmp.' };
    case 'postmigrate':
      return {
        what,
        fix: 'Its guest was migrated: name the QEMU where it runs now with --qmp. If it runs nowhere else, "cont" on this monitor takes it back.',
      };
    case 'finish-migrate':
      return { what, fix: 'It is giving its guest away: wait until that migration has ended.' };
    default:
      return { what, fix: 'Name a QEMU whose guest runs or is paused with --qmp.' };
  }
}

/** @throws PrecopyError NOT_SUPPORTED where there is no guest of which a migration could be forecast */
export function expectGuest(status: string): void {
  const obstacle = runStateObstacle(status);
  if (obstacle === undefined) return;
  throw new PrecopyError('NOT_SUPPORTED', obstacle.what, obstacle.fix);
}
