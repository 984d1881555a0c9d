/** What preflight makes of the source's probe and of what the destination says. */
import assert from 'node:assert/strict';
import type { ProbeReport } from '#plugin/probe/report.js';
import { vfioMisfits } from '#plugin/sequence/vfio-misfits.js';
import { reportOf, vfioNic } from '../../../support/probe-report.js';

function probed(devices: ProbeReport['devices'] = [vfioNic]): ProbeReport {
  return reportOf({ refused: 'ptrace scope.' }, { devices });
}

describe('what keeps a guest with VFIO devices from migrating', () => {
  it('is nothing of a guest without', () => {
    assert.deepEqual(vfioMisfits(probed([]), [], true), []);
  });

  it('is postcopy, where it is wanted', () => {
    const severities = (postcopy: boolean): string[] =>
      vfioMisfits(probed(), [], postcopy).map(({ severity }) => severity);
    assert.deepEqual(severities(false), ['warns']);
    assert.deepEqual(severities(true), ['warns', 'blocks']);
  });

  it('is a destination whose device has no state to load, and not one that could only not send it', () => {
    const blocks = (reason: string): boolean =>
      vfioMisfits(probed(), [reason], false).some(
        ({ severity, what }) => severity === 'blocks' && what.includes(reason),
      );
    assert.equal(blocks("0000:3b:00.1: VFIO device doesn't support migration"), true);
    assert.equal(blocks('0000:3b:00.1: Migration is disabled for VFIO device'), true);
    assert.equal(blocks("VFIO device doesn't support device and IOMMU dirty tracking"), false);
  });
});
