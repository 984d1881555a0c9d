/** From what was observed to a verdict. Pure. */
import { pastTheViommu } from './blockers.js';
import type { Assessment, Finding, ProbeReport } from './report.js';
import { runStateObstacle } from './run-state.js';
import { viommuBefore } from './viommu.js';

export function assess(report: ProbeReport): Assessment {
  const findings: Finding[] = report.blockers.map(({ reason, meaning, fix }) => ({
    severity: 'blocks',
    what: `QEMU refuses to migrate: "${reason}". ${meaning}`,
    fix,
  }));
  const withoutGuest = runStateObstacle(report.qemu.status);
  if (withoutGuest !== undefined) findings.unshift({ severity: 'blocks', ...withoutGuest });
  findings.push(...viommuFindings(report));
  if (report.leftover) {
    findings.push({
      severity: 'tells',
      what: 'A rehearsal of this guest was killed, or a migration began in it, and its dirty tracking may be on. That harms no migration.',
      fix: 'The next precopy rehearse or migrate of this QEMU switches it off.',
    });
  }
  let answered = true;
  if (!('refused' in report.kernel)) {
    findings.push(...report.kernel.support.problems);
    answered = report.kernel.support.verdict !== 'unknown';
  } else if (report.devices.length > 0) {
    answered = false;
    findings.push({
      severity: 'warns',
      what: `The kernel could not be asked about this QEMU's VFIO files. ${report.kernel.refused}`,
      fix: undefined,
    });
  }
  if (report.devices.length === 0 && 'refused' in report.kernel) {
    findings.push({
      severity: 'tells',
      what: 'This guest has no VFIO device: only its CPUs and emulated devices dirty memory.',
      fix: undefined,
    });
  }
  const blocked = findings.some(({ severity }) => severity === 'blocks');
  return {
    verdict: blocked ? 'not migratable' : answered ? 'migratable' : 'unknown',
    findings,
  };
}

/** Unless QEMU says it itself: it names only the first reason that it finds, and that may be another one. */
function viommuFindings(report: ProbeReport): Finding[] {
  const viommu = viommuBefore(report);
  if (viommu === undefined) return [];
  if (report.blockers.some(({ reason }) => reason.includes('vIOMMU'))) return [];
  return [
    {
      severity: 'warns',
      what: `The guest has a vIOMMU (${viommu.type}). A VFIO device behind it has an address space, and so a container, of its own, and QEMU 10.0 refuses to migrate it, or with enable-migration=on to start.`,
      fix: pastTheViommu,
    },
  ];
}
