/** A probe as text: the verdict first, what to do next, the evidence below. */
import type { ContainerSupport, DeviceSupport, Evidence } from 'linux-vfio-ts';
import type { Assessment, Finding, ProbeReport } from '../probe/report.js';
import { formatBytes } from './format.js';

export function probeLines(report: ProbeReport, { verdict, findings }: Assessment): string[] {
  const { qemu, kernel } = report;
  const lines = [`verdict: ${verdict}`];
  if (!('refused' in kernel)) lines.push(`dirty tracking: ${kernel.support.summary}`);
  lines.push(
    ...findings.flatMap(findingLines),
    '',
    `QEMU ${qemu.version}, ${qemu.pid === undefined ? 'pid unknown' : `pid ${qemu.pid}`}: guest ${qemu.status}, migration ${qemu.migration}, ${formatBytes(Number(report.ramBytes))} of RAM`,
    ...report.viommus.map(({ path, type }) => `  ${path} (${type}): vIOMMU`),
    ...report.devices.flatMap(({ path, type, properties }) => [
      `  ${path} (${type})`,
      ...Object.entries(properties).map(([name, value]) => `    ${name}=${String(value)}`),
    ]),
  );
  if ('refused' in kernel) return lines;
  lines.push(
    `kernel ${kernel.support.kernelRelease}, asked through duplicates of that QEMU's fds`,
    ...kernel.support.containers.flatMap(containerLines),
    ...kernel.support.iommufds.flatMap(({ fd, evidence }) => [
      `  iommufd fd ${fd}`,
      ...evidenceLines(evidence),
    ]),
    ...kernel.support.devices.flatMap(deviceLines),
  );
  return lines;
}

const marks = { blocks: 'problem', warns: 'warning', tells: 'note' } as const;

function findingLines({ severity, what, fix }: Finding): string[] {
  return [`${marks[severity]}: ${what}`, ...(fix === undefined ? [] : [`  fix: ${fix}`])];
}

function containerLines(container: ContainerSupport): string[] {
  const state = container.trackingNow === true ? ', tracking is on now' : '';
  return [`  container fd ${container.fd}${state}`, ...evidenceLines(container.evidence)];
}

function deviceLines(device: DeviceSupport): string[] {
  const name = device.name === undefined ? '' : ` (${device.name})`;
  return [`  device fd ${device.fd}${name}`, ...evidenceLines(device.evidence)];
}

function evidenceLines(evidence: readonly Evidence[]): string[] {
  const width = Math.max(...evidence.map(({ says }) => says.length));
  return evidence.map(({ says, because }) => `    ${says.padEnd(width)}  ${because}`);
}
