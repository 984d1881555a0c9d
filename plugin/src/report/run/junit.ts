import { escapeMarkup } from './markup.js';
import type { Check } from './checks.js';
import type { Run } from './run.js';

/** A suite of one migration, as CI systems read it (the elements and attributes of Jenkins' junit-10.xsd). */
export function junitReport(run: Run, checks: readonly Check[], text: readonly string[]): string {
  const failures = checks.filter(({ ok }) => !ok).length;
  const seconds = ((run.result?.totalMs ?? 0) / 1000).toFixed(3);
  const counts = `tests="${checks.length}" failures="${failures}" errors="0"`;
  const timestamp =
    run.startedAt === undefined
      ? ''
      : ` timestamp="${new Date(run.startedAt).toISOString().slice(0, 19)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="precopy" ${counts} time="${seconds}">`,
    `  <testsuite name="${escapeMarkup(`precopy ${run.command}`)}" ${counts} skipped="0" time="${seconds}"${timestamp}>`,
    ...propertyLines(run),
    ...checks.flatMap(caseLines),
    `    <system-out>${escapeMarkup(text.join('\n'))}</system-out>`,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function propertyLines(run: Run): string[] {
  const properties = [
    ...run.qemus.flatMap(({ side, address, version }) => [
      [side, address],
      [`${side}.qemu`, version],
    ]),
    ...(run.goal ? [['policy', run.goal.policy]] : []),
  ];
  if (properties.length === 0) return [];
  return [
    '    <properties>',
    ...properties.map(
      ([name = '', value = '']) =>
        `      <property name="${escapeMarkup(name)}" value="${escapeMarkup(value)}"/>`,
    ),
    '    </properties>',
  ];
}

function caseLines({ name, ok, detail, ms }: Check): string[] {
  const head = `    <testcase classname="precopy" name="${escapeMarkup(name)}" time="${((ms ?? 0) / 1000).toFixed(3)}"`;
  if (ok) return [`${head}/>`];
  const text = escapeMarkup(detail);
  return [
    `${head}>`,
    `      <failure message="${text}" type="check">${text}</failure>`,
    '    </testcase>',
  ];
}
