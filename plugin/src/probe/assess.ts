/** From what was observed to a verdict. Pure. */
import type { Assessment, ContainerReport, Finding, ProbeReport } from './report.js';

export function assess(report: ProbeReport): Assessment {
  const findings: Finding[] = [
    ...report.blockers.map(({ reason, meaning, fix }): Finding => ({
      severity: 'blocks',
      what: `QEMU refuses to migrate: "${reason}". ${meaning}`,
      fix,
    })),
    ...deviceFindings(report),
    ...report.containers.flatMap(containerFindings),
  ];
  // Without a VFIO device there is nothing to ask the kernel about.
  const unanswered = report.devices.length > 0 ? report.refused : undefined;
  if (unanswered) {
    findings.push({
      severity: 'warns',
      what: `The kernel could not be asked about this QEMU's VFIO containers. ${unanswered.message}`,
      fix: undefined,
    });
  }
  return {
    verdict: findings.some(({ severity }) => severity === 'blocks')
      ? 'not migratable'
      : unanswered
        ? 'unknown'
        : 'migratable',
    findings,
  };
}

function deviceFindings(report: ProbeReport): Finding[] {
  if (report.devices.length === 0 && report.containers.length === 0) {
    return [
      {
        severity: 'tells',
        what: 'This guest has no VFIO device: only its CPUs and emulated devices dirty memory.',
        fix: undefined,
      },
    ];
  }
  return [];
}

function containerFindings(container: ContainerReport): Finding[] {
  const where = `Container fd ${container.origin.fd}`;
  const findings: Finding[] = [];
  if (!container.info.migration) {
    findings.push({
      severity: 'warns',
      what: `${where} has no MIGRATION capability: it can not track dirty pages, so that QEMU sends all memory that the device can reach in the blackout unless the device logs its writes itself.`,
      fix: 'Use kernel 5.8 or later with type1 v2.',
    });
  } else if (container.info.iovaRanges) {
    findings.push({
      severity: 'warns',
      what: `${where} has an IOMMU-backed device (capability IOVA_RANGE): its dirty page scope is "all", so that every pass sees all mapped memory dirty unless the device logs its writes itself.`,
      fix: 'Plan the downtime for the whole RAM, or move that device to a container of its own or to iommufd with dirty tracking.',
    });
  }
  return findings;
}
