/** What preflight makes of the probes of both ends. */
import assert from 'node:assert/strict';
import { explainBlocker } from '#plugin/probe/blockers.js';
import { probeVersion, type ProbeReport } from '#plugin/probe/report.js';
import { vfioMisfits } from '#plugin/sequence/vfio-misfits.js';

const nic = { path: '/machine/peripheral/nic0', type: 'vfio-pci', properties: {} };

function probed(changes: Partial<ProbeReport> = {}): ProbeReport {
  return {
    version: probeVersion,
    address: 'unix:/run/vm.qmp',
    qemu: { version: '10.0.0', pid: 42, status: 'running', migration: 'none' },
    blockers: [],
    leftover: false,
    devices: [nic],
    viommus: [],
    ramBytes: 1n << 30n,
    kernel: { refused: 'ptrace scope.' },
    ...changes,
  };
}

describe('what keeps a guest with VFIO devices from migrating', () => {
  it('is nothing of a guest without', () => {
    assert.deepEqual(vfioMisfits(probed({ devices: [] }), undefined, true), []);
  });

  it('is postcopy, where it is wanted', () => {
    const severities = (postcopy: boolean): string[] =>
      vfioMisfits(probed(), undefined, postcopy).map(({ severity }) => severity);
    assert.deepEqual(severities(false), ['warns']);
    assert.deepEqual(severities(true), ['warns', 'blocks']);
  });

  it('is a destination whose device has no state to load, and not one that could only not send it', () => {
    const blocks = (reason: string): boolean =>
      vfioMisfits(probed(), probed({ blockers: [explainBlocker(reason)] }), false).some(
        ({ severity, what }) => severity === 'blocks' && what.includes(reason),
      );
    assert.equal(blocks("0000:3b:00.1: VFIO device doesn't support migration"), true);
    assert.equal(blocks('0000:3b:00.1: Migration is disabled for VFIO device'), true);
    assert.equal(blocks("VFIO device doesn't support device and IOMMU dirty tracking"), false);
  });
});
