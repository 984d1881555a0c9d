import assert from 'node:assert/strict';
import { SaxesParser } from 'saxes';
import { reportOf } from 'precopy';
import type { JournalEntry, JournalRecord } from 'precopy';
import { sampleWith } from '../../../support/goals.js';

const hostile = `"><script>alert(1)</script>'&\u0000\u0007]]>--><img src=x onerror=alert(1)>\ud800`;

const sample = sampleWith({
  transferredBytes: 1 << 20,
  dirtyBytesPerSecond: 10 << 20,
  vfioBytes: 0,
});

function recordsOf(text: string, outcome: 'completed' | 'failed' = 'completed'): JournalRecord[] {
  const pass = (n: number, kind: 'round' | 'blackout'): JournalEntry => ({
    type: 'pass',
    first: n,
    pass: n,
    kind,
    sample: { ...sample, remainingBytes: sample.remainingBytes / n },
    late: kind === 'blackout',
    qemuUs: undefined,
  });
  const entries: JournalEntry[] = [
    {
      type: 'start',
      id: 'x',
      version: 1,
      minor: 0,
      pid: 1,
      boot: text,
      command: text,
      arguments: {},
    },
    { type: 'qemu', side: 'source', address: text, version: text, sameHost: true },
    { type: 'effect', side: 'source', command: 'migrate', arguments: { uri: text } },
    pass(1, 'round'),
    pass(2, 'round'),
    { type: 'decision', policy: text, action: { kind: 'wait' }, reason: text },
    { type: 'warning', message: text },
    pass(3, 'blackout'),
    {
      type: 'curve',
      pageBytes: 4096,
      curves: {
        [text]: [
          { windowMs: 100, windows: 9, pages: 10, p10: 5, p90: 20 },
          { windowMs: 1000, windows: 5, pages: 80, p10: 70, p90: 90 },
        ],
      },
    },
    {
      type: 'heat',
      heat: {
        pageBytes: 4096,
        columns: [[{ firstPage: 0, pages: 32 }], [{ firstPage: 32, pages: 32 }]],
        rows: [{ startMs: 0, endMs: 100, harvests: 1, pages: [1, 9] }],
      },
    },
    ...(outcome === 'failed'
      ? [{ type: 'phase', phase: 'failed', why: text } as const]
      : [
          {
            type: 'result',
            result: {
              outcome,
              totalMs: 2500,
              passes: 3,
              transferredBytes: 1 << 20,
              blackoutRamBytes: undefined,
              downtime: {
                ms: 50,
                heldMs: 0,
                parts: [
                  { term: 'ram', name: text, ms: 30, from: 'traces' },
                  { term: 'together', name: 'the rest', ms: 20, from: 'events' },
                ],
                unknown: [text],
                outside: { beforeStopMs: 1, afterResumeMs: undefined },
              },
              qemuDowntimeMs: 48,
              expectedDowntimeMs: undefined,
            },
          } as const,
        ]),
    { type: 'end' },
  ];
  return entries.map((entry, i) => ({ ...entry, at: 1.7e12 + 100 * i, monotonicMs: 100 * i }));
}

describe('a report', () => {
  it('passes what kept its limits, and fails what did not', () => {
    const records = recordsOf('fine');
    const failed = (thresholds: { maxDowntimeMs?: number; maxTotalMs?: number }): string[] =>
      reportOf(records, 'text', thresholds)
        .checks.filter(({ ok }) => !ok)
        .map(({ name, detail }) => `${name}: ${detail}`);
    assert.deepEqual(failed({}), []);
    assert.deepEqual(failed({ maxDowntimeMs: 50, maxTotalMs: 2500 }), []);
    assert.deepEqual(failed({ maxDowntimeMs: 49, maxTotalMs: 2499 }), [
      'the downtime takes at most 49 ms: it took 50 ms',
      'the whole migration takes at most 2.50 s: it took 2.50 s',
    ]);
  });

  it('fails a limit whose figure is not known, and a migration that did not complete', () => {
    const { checks } = reportOf(recordsOf('no link', 'failed'), 'text', { maxDowntimeMs: 1000 });
    assert.deepEqual(
      checks.map(({ ok, detail }) => [ok, detail]),
      [
        [false, 'failed: no link'],
        [false, 'it is not known'],
      ],
    );
  });

  it('of a run that only watched does not hold it to a migration that completes', () => {
    const watched = recordsOf('watch').filter(({ type }) => type === 'start' || type === 'end');
    const { text, checks } = reportOf(watched, 'text');
    assert.deepEqual(checks, []);
    assert.doesNotMatch(text, /FAILED|migration/);
    assert.match(
      reportOf(watched, 'junit').text,
      /<testsuites name="precopy" tests="0" failures="0"/,
    );
    assert.match(reportOf(watched, 'tap').text, /^1\.\.0$/m);
    const page = reportOf(watched, 'html').text;
    assert.match(page, /<title>precopy watch<\/title>/);
    assert.doesNotMatch(page, /passed|failed/);
    const [limit] = reportOf(watched, 'text', { maxDowntimeMs: 300 }).checks;
    assert.deepEqual([limit?.ok, limit?.detail], [false, 'it is not known']);
  });

  it('says of a run that ended before its migration that it did, and not that it was killed', () => {
    const records = recordsOf('early');
    const detail = (of: JournalRecord[]): string | undefined =>
      reportOf(of, 'text').checks[0]?.detail;
    const ended = records.filter(({ type }) => type === 'start' || type === 'end');
    assert.equal(detail(ended), 'precopy ended before it started a migration');
    assert.match(detail(records.slice(0, 3)) ?? '', /was killed/);
    assert.match(detail([]) ?? '', /ended before it began/);
    assert.doesNotMatch(reportOf([], 'text').text, /killed/);
  });

  it('says that a journal has no end only where it has none', () => {
    const records = recordsOf('followed');
    assert.doesNotMatch(reportOf(records, 'text').text, /no end/);
    assert.match(reportOf(records.slice(0, -1), 'text').text, /no end/);
  });

  it('as JUnit is well-formed and has the failures, whatever is in the journal', () => {
    const { text } = reportOf(recordsOf(hostile, 'failed'), 'junit', { maxTotalMs: 1 });
    const elements: { name: string; attributes: Record<string, string> }[] = [];
    const parser = new SaxesParser();
    parser.on('error', (error) => {
      throw error;
    });
    parser.on('opentag', ({ name, attributes }) => elements.push({ name, attributes }));
    parser.write(text).close();
    const suite = elements.find(({ name }) => name === 'testsuite')?.attributes;
    assert.equal(suite?.['tests'], '2');
    assert.equal(suite['failures'], '2');
    assert.equal(elements.filter(({ name }) => name === 'failure').length, 2);
    assert.ok(elements.every(({ name }) => !['script', 'img'].includes(name)));
  });

  it('as TAP has a plan, a line a check, and no line that the journal made up', () => {
    const { text } = reportOf(recordsOf('a # skip\nnot ok 9 - x'), 'tap', { maxDowntimeMs: 10 });
    const lines = text.trimEnd().split('\n');
    assert.equal(lines[0], 'TAP version 14');
    assert.equal(lines[1], '1..2');
    assert.deepEqual(
      lines.filter((line) => /^(not )?ok/.test(line)),
      ['ok 1 - the migration completed', 'not ok 2 - the downtime takes at most 10 ms'],
    );
  });

  it('as HTML holds all it needs, and nothing of the journal becomes markup', () => {
    const { text } = reportOf(recordsOf(hostile), 'html');
    assert.doesNotMatch(text, /<script|<img|<link|<iframe|javascript:|url\(|@import|https?:/i);
    assert.match(text, /Content-Security-Policy" content="default-src 'none'/);
    assert.ok(!text.includes('\u0000') && !/\p{Cs}/u.test(text));
    // All plots are there: passes, rates, ledger, curve, heat.
    assert.equal(text.match(/<svg /g)?.length, 5);
    assert.doesNotMatch(text, /NaN|Infinity|undefined/);
  });

  it('as JSON has the run, its checks and the journal’s figures', () => {
    const { text } = reportOf(recordsOf('fine'), 'json', { maxDowntimeMs: 10 });
    const report = JSON.parse(text) as {
      result: { downtime: { ms: number } };
      checks: { ok: boolean }[];
    };
    assert.equal(report.result.downtime.ms, 50);
    assert.deepEqual(
      report.checks.map(({ ok }) => ok),
      [true, false],
    );
  });

  it('is made of a journal of any length, down to one record', () => {
    const records = recordsOf('fine');
    for (let length = 1; length <= records.length; length += 1) {
      for (const format of ['text', 'json', 'junit', 'tap', 'html'] as const) {
        const { text } = reportOf(records.slice(0, length), format);
        assert.ok(text.length > 0);
        assert.doesNotMatch(text, /NaN|undefined/);
      }
    }
  });
});
