/** A probe as text: the verdict first, what to do next, the evidence below. */
import { formatBytes, formatHex } from './format.js';
import type { Assessment, ContainerReport, Finding, ProbeReport } from '../probe/report.js';

export function probeLines(report: ProbeReport, { verdict, findings }: Assessment): string[] {
  const { qemu } = report;
  return [
    `verdict: ${verdict}`,
    ...findings.flatMap(findingLines),
    '',
    `QEMU ${qemu.version}, ${qemu.pid === undefined ? 'pid unknown' : `pid ${qemu.pid}`}, guest ${qemu.status}, migration ${qemu.migration}`,
    ...report.devices.map(({ path, type, properties }) => {
      const list = Object.entries(properties).map(([name, value]) => `${name}=${String(value)}`);
      return `device ${path} (${type}) ${list.join(' ')}`;
    }),
    ...report.containers.flatMap(containerLines),
  ];
}

const marks = { blocks: 'problem', warns: 'warning', tells: 'note' } as const;

function findingLines({ severity, what, fix }: Finding): string[] {
  return [`${marks[severity]}: ${what}`, ...(fix === undefined ? [] : [`  fix: ${fix}`])];
}

function containerLines(container: ContainerReport): string[] {
  const { origin, info } = container;
  const row = (name: string, value: string, evidence: string): string =>
    `  ${name.padEnd(18)}${value.padEnd(22)}${evidence}`;
  const v2 = container.extensions.some(({ extension }) => extension === 3);
  const lines = [
    `container fd ${origin.fd} (${origin.target}), asked through a duplicate`,
    row('type1 v2', v2 ? 'yes' : 'no', `CHECK_EXTENSION(3) = ${v2 ? 1 : 0}`),
  ];
  const { migration } = info;
  lines.push(
    migration
      ? row(
          'dirty tracking',
          'yes',
          `GET_INFO capability MIGRATION: ${pageSizes(migration.pageSizes)} pages, bitmaps up to ${formatBytes(Number(migration.largestBitmapBytes))}`,
        )
      : row('dirty tracking', 'no', 'GET_INFO has no capability MIGRATION'),
    row(
      'dirty page scope',
      info.iovaRanges ? 'all' : 'pinned',
      info.iovaRanges
        ? 'GET_INFO has a capability IOVA_RANGE: an IOMMU-backed device is attached'
        : 'GET_INFO has no capability IOVA_RANGE: no IOMMU-backed device is attached',
    ),
    row(
      'IOVA page sizes',
      info.iovaPageSizes === undefined ? 'not told' : formatHex(info.iovaPageSizes),
      `GET_INFO flags ${formatHex(info.flags)}`,
    ),
    row(
      'mappings left',
      info.dmaAvailable === undefined ? 'not told' : String(info.dmaAvailable),
      'GET_INFO capability DMA_AVAIL',
    ),
    row(
      'extensions',
      container.extensions.map(({ extension }) => extension).join(', '),
      container.extensions.map(({ name }) => name?.replace(/^VFIO_/, '') ?? '?').join(', '),
    ),
  );
  for (const fault of info.faults) lines.push(`  malformed GET_INFO: ${fault.message}`);
  return lines;
}

function pageSizes(bits: bigint): string {
  const sizes: string[] = [];
  for (let shift = 0n; shift < 64n; shift += 1n) {
    if (bits & (1n << shift)) sizes.push(formatBytes(2 ** Number(shift)));
  }
  return sizes.join(', ');
}
