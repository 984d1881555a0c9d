/** One page that holds all it needs: no script, nothing loaded, for screen and paper. */
import { formatBytes, formatMs, formatRate } from '../format.js';
import { formatLedgerMs, shortWhy } from '../migration.js';
import type { Check } from './checks.js';
import { dirtiedParts, forecastParts } from './dirtied.js';
import { escapeMarkup } from './markup.js';
import { colorOf, linePlot, partsBar, type Axis, type Series } from './plot.js';
import { noEnd, type Run } from './run.js';
import { style } from './style.js';

/** More rows make no table that anybody reads. */
const tableRows = 300;

export function htmlReport(run: Run, checks: readonly Check[], notes: readonly string[]): string {
  const verdict = verdictOf(checks);
  const title = `precopy ${run.command}${verdict === undefined ? '' : `: ${verdict}`}`;
  return [
    '<!DOCTYPE html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeMarkup(title)}</title><style>${style}</style></head><body><main>`,
    ...headParts(run, checks, verdict),
    ...downtimeParts(run),
    ...passParts(run),
    ...forecastParts(run),
    ...dirtiedParts(run),
    ...decisionParts(run),
    ...noteParts(run, notes),
    '</main></body></html>',
    '',
  ].join('\n');
}

/** @returns undefined where there is nothing to pass or to fail */
function verdictOf(checks: readonly Check[]): 'passed' | 'failed' | undefined {
  if (checks.length === 0) return undefined;
  return checks.every(({ ok }) => ok) ? 'passed' : 'failed';
}

function headParts(
  run: Run,
  checks: readonly Check[],
  verdict: ReturnType<typeof verdictOf>,
): string[] {
  const { result } = run;
  const mark =
    verdict === undefined
      ? ''
      : ` <span class="${verdict === 'passed' ? 'good' : 'bad'}">${verdict}</span>`;
  const facts: [string, string][] = [
    ...(result
      ? ([
          ['downtime', result.downtime ? formatMs(result.downtime.ms) : 'not known'],
          ['in all', formatMs(result.totalMs)],
          ['passes', String(result.passes)],
          ['sent', formatBytes(result.transferredBytes)],
        ] satisfies [string, string][])
      : []),
  ];
  const started = run.startedAt === undefined ? '' : new Date(run.startedAt).toISOString();
  return [
    `<header><h1>precopy ${escapeMarkup(run.command)}${mark}</h1>`,
    `<p>${escapeMarkup([started, ...run.qemus.map(({ side, address, version }) => `${side} ${address} (QEMU ${version})`), ...(run.goal ? [`policy ${run.goal.policy}`] : [])].filter((text) => text !== '').join(' · '))}</p></header>`,
    `<dl class="facts">${facts.map(([name, value]) => `<div><dt>${escapeMarkup(name)}</dt><dd>${escapeMarkup(value)}</dd></div>`).join('')}</dl>`,
    `<ul class="checks">${checks.map((check) => `<li class="${check.ok ? 'good' : 'bad'}">${check.ok ? '✓' : '✗'} ${escapeMarkup(check.name)} <small>${escapeMarkup(check.detail)}</small></li>`).join('')}</ul>`,
  ];
}

function downtimeParts({ result }: Run): string[] {
  const downtime = result?.downtime;
  if (!downtime) return [];
  const { outside } = downtime;
  const extra = [
    ...(downtime.heldMs > 0
      ? [`Not counted: the guest stood still ${formatMs(downtime.heldMs)} longer, held for verify.`]
      : []),
    ...(outside.beforeStopMs === undefined
      ? []
      : [
          `Not counted: VFIO devices were stopped at least ${formatLedgerMs(outside.beforeStopMs)} before STOP, which QEMU sends after that.`,
        ]),
    ...(outside.afterResumeMs === undefined
      ? []
      : [
          `Not counted: VFIO devices ran ${formatLedgerMs(outside.afterResumeMs)} after RESUME, which QEMU sends before that.`,
        ]),
    ...downtime.unknown.map((what) => `Not known: ${what}.`),
    ...(result.qemuDowntimeMs === undefined
      ? []
      : [`QEMU itself says ${formatMs(result.qemuDowntimeMs)}.`]),
    ...(result.expectedDowntimeMs === undefined
      ? []
      : [`Its last expected-downtime was ${formatMs(result.expectedDowntimeMs)}.`]),
  ];
  return [
    '<section><h2>Downtime</h2>',
    partsBar(
      `${formatMs(downtime.ms)} from STOP on the source to RESUME on the destination`,
      downtime.parts.map(({ name, ms }, i) => ({
        name,
        color: colorOf(i),
        value: ms,
        text: formatLedgerMs(ms),
      })),
    ),
    '<table><thead><tr><th>part</th><th class="number">time</th><th>known from</th></tr></thead><tbody>',
    ...downtime.parts.map(
      ({ name, ms, from }, i) =>
        `<tr><td><span class="key ${colorOf(i)}"></span>${escapeMarkup(name)}</td><td class="number">${formatLedgerMs(ms)}</td><td>QEMU's ${from}</td></tr>`,
    ),
    '</tbody></table>',
    ...extra.map((text) => `<p class="note">${escapeMarkup(text)}</p>`),
    '</section>',
  ];
}

const sinceAxis: Axis = { name: 'since migrate', format: formatMs };

function passParts({ passes }: Run): string[] {
  if (passes.length === 0) return [];
  const running = passes.filter(({ late, kind }) => !late && kind !== 'blackout');
  const of = (value: (pass: (typeof running)[number]) => number | undefined): Series['points'] =>
    running.flatMap((pass) => {
      const y = value(pass);
      return y === undefined ? [] : [{ x: pass.sinceMs, y }];
    });
  const plots =
    running.length < 2
      ? []
      : [
          linePlot(
            'RAM left after each pass, and what fits into the downtime limit',
            sinceAxis,
            { name: 'bytes', format: formatBytes, binary: true },
            [
              {
                name: 'RAM left',
                color: 'color0',
                points: of(({ sample }) => sample.remainingBytes),
              },
              {
                name: 'threshold (bandwidth × downtime limit)',
                color: 'color1',
                points: of(({ why }) => why?.thresholdBytes),
                steps: true,
                dashed: true,
              },
            ],
          ),
          linePlot(
            'Bandwidth and dirty rate, as QEMU measures them',
            sinceAxis,
            { name: 'bytes per second', format: formatRate, binary: true },
            [
              {
                name: 'bandwidth',
                color: 'color2',
                points: of(({ sample }) => sample.bandwidthBytesPerSecond),
              },
              {
                name: 'dirty rate',
                color: 'color3',
                points: of(({ sample }) => sample.dirtyBytesPerSecond),
              },
            ],
          ),
        ];
  const shown = passes.slice(0, tableRows);
  return [
    '<section><h2>Passes</h2>',
    ...plots,
    '<table><thead><tr><th class="number">pass</th><th>kind</th><th class="number">at</th><th class="number">RAM left</th><th class="number">sent</th><th class="number">bandwidth</th><th>not switched over because</th></tr></thead><tbody>',
    ...shown.map((pass) => {
      const { first, kind, sample, late, why } = pass;
      const during = (text: string): string => (late || kind === 'blackout' ? '–' : text);
      return `<tr><td class="number">${first === pass.pass ? first : `${first}–${pass.pass}`}</td><td>${kind}</td><td class="number">${formatMs(pass.sinceMs)}</td><td class="number">${during(formatBytes(sample.remainingBytes))}</td><td class="number">${formatBytes(sample.transferredBytes)}</td><td class="number">${during(formatRate(sample.bandwidthBytesPerSecond))}</td><td${why ? ` title="${escapeMarkup(why.sentence)}"` : ''}>${escapeMarkup(why ? shortWhy(why) : '')}</td></tr>`;
    }),
    '</tbody></table>',
    ...(passes.length > tableRows
      ? [
          `<p class="note">${passes.length - tableRows} more records of passes are in the journal.</p>`,
        ]
      : []),
    '</section>',
  ];
}

function decisionParts({ decisions, phases }: Run): string[] {
  const steps = [
    ...phases.map(({ sinceMs, phase, why }) => ({ sinceMs, what: phase, why })),
    ...decisions.map(({ sinceMs, action, reason }) => ({
      sinceMs,
      what: action.kind,
      why: reason,
    })),
  ].sort((one, other) => one.sinceMs - other.sinceMs);
  if (steps.length === 0) return [];
  return [
    '<section><h2>What was done, and why</h2>',
    '<table><thead><tr><th class="number">at</th><th>what</th><th>why</th></tr></thead><tbody>',
    ...steps
      .slice(0, tableRows)
      .map(
        ({ sinceMs, what, why }) =>
          `<tr><td class="number">${formatMs(Math.max(0, sinceMs))}</td><td>${escapeMarkup(what)}</td><td>${escapeMarkup(why)}</td></tr>`,
      ),
    '</tbody></table></section>',
  ];
}

function noteParts(run: Run, notes: readonly string[]): string[] {
  const texts = [...run.warnings, ...run.caveats, ...(run.hasEnd ? [] : [noEnd]), ...notes];
  if (texts.length === 0) return [];
  return [
    '<section><h2>Notes</h2><ul>',
    ...texts.map((text) => `<li>${escapeMarkup(text)}</li>`),
    '</ul></section>',
  ];
}
