/** From what was observed to a verdict. Pure. */
import type { Assessment, Finding, ProbeReport } from './report.js';

export function assess(report: ProbeReport): Assessment {
  const findings: Finding[] = report.blockers.map(({ reason, meaning, fix }) => ({
    severity: 'blocks',
    what: `QEMU refuses to migrate: "${reason}". ${meaning}`,
    fix,
  }));
  if (report.leftover) {
    findings.push({
      severity: 'tells',
      what: 'A rehearsal of this guest was killed, and left its dirty tracking on. That harms no migration.',
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
