import type { Check } from './checks.js';

/** TAP version 14 (testanything.org): a test point a check, the text of the run as comments. */
export function tapReport(checks: readonly Check[], text: readonly string[]): string {
  return [
    'TAP version 14',
    `1..${checks.length}`,
    ...checks.flatMap(({ name, ok, detail, ms }, i) => [
      `${ok ? 'ok' : 'not ok'} ${i + 1} - ${escapeDescription(name)}`,
      '  ---',
      // JSON strings are YAML strings.
      `  message: ${JSON.stringify(detail)}`,
      ...(ms === undefined ? [] : [`  duration_ms: ${ms}`]),
      '  ...',
    ]),
    ...text.flatMap((line) => line.split(/[\r\n]+/)).map((line) => `# ${line}`),
    '',
  ].join('\n');
}

/** `#` would begin a directive, a newline another line. */
function escapeDescription(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('#', '\\#')
    .replaceAll(/[\r\n]+/g, ' ');
}
