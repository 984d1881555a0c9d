/** What keeps a guest with VFIO devices from migrating. Pure. */
import { assess } from '../probe/assess.js';
import { explainBlocker, keepsFromLoading } from '../probe/blockers.js';
import type { ProbeReport } from '../probe/report.js';
import type { Misfit } from './compare-sides.js';

/** @param reasons the destination's `blocked-reasons`; none where its monitor is not ours */
export function vfioMisfits(
  source: ProbeReport,
  reasons: readonly string[],
  postcopy: boolean,
): Misfit[] {
  if (source.devices.length === 0) return [];
  const ofSource = assess(source).findings.flatMap(({ severity, what, fix = '' }): Misfit[] =>
    severity === 'tells' ? [] : [{ severity, what, fix }],
  );
  // vfio_save_prepare() of hw/vfio/migration.c, since QEMU 8.2; before, nobody said so.
  const withPostcopy: Misfit[] = postcopy
    ? [
        {
          severity: 'blocks',
          what: 'QEMU does not migrate VFIO devices with postcopy-ram: they would write to pages that are not there yet.',
          fix: 'Leave postcopy out (--postcopy, --on-timeout postcopy), and switch the capability postcopy-ram off where it is on.',
        },
      ]
    : [];
  const ofDestination = reasons
    .filter(keepsFromLoading)
    .map(explainBlocker)
    .map(({ reason, meaning, fix }): Misfit => ({
      severity: 'blocks',
      what: `The destination can't load the state of a VFIO device: "${reason}". ${meaning}`,
      fix: `On the destination: ${fix}`,
    }));
  return [...ofSource, ...withPostcopy, ...ofDestination];
}
