/** Reports of a probe, for tests of what is made of them. */
import { probeVersion, type ProbeReport } from '#plugin/probe/report.js';

export const vfioNic = { path: '/machine/peripheral/nic0', type: 'vfio-pci', properties: {} };

export function reportOf(
  kernel: ProbeReport['kernel'],
  more: Partial<ProbeReport> = {},
): ProbeReport {
  return {
    version: probeVersion,
    address: 'unix:/run/vm.qmp',
    qemu: { version: '10.0.0', pid: 42, status: 'running', migration: 'none' },
    blockers: [],
    leftover: false,
    devices: [],
    viommus: [],
    ramBytes: 1n << 30n,
    kernel,
    ...more,
  };
}
