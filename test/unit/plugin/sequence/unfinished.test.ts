/** What is known of a migration whose controller died, from the records that it left. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { toJson } from '#plugin/journal/json.js';
import { matters, RunSoFar, type Unfinished } from '#plugin/sequence/unfinished.js';
import { findPolicy, newNotes, RecordParser, withTimeLimit } from 'precopy';
import type { Decision, JournalEntry, JournalRecord, MigrationSample } from 'precopy';
import { goalWith, sampleWith } from '../../../support/goals.js';

const MiB = 2 ** 20;

const before = (side: 'source' | 'destination', guestRan = false): JournalEntry => ({
  ...{ type: 'before', side, guestRan },
  settings: { capabilities: { events: false }, parameters: { 'downtime-limit': 300 } },
});
const effect = (
  side: 'source' | 'destination',
  command: string,
  more: { arguments?: unknown; error?: string } = {},
): JournalEntry => ({ type: 'effect', side, command, ...more });
const event = (side: 'source' | 'destination', name: string, data?: unknown): JournalEntry => ({
  ...{ type: 'event', side, event: name, qemuUs: 0 },
  ...(data === undefined ? {} : { data }),
});
const started = effect('source', 'migrate', { arguments: { uri: 'unix:/run/m' } });

function recordsOf(...entries: JournalEntry[]): JournalRecord[] {
  return entries.map((entry, i) => ({ ...entry, at: i, monotonicMs: i }));
}

function unfinished(records: readonly JournalRecord[]): Unfinished {
  return RunSoFar.of(records).unfinished;
}

/** What a guardian makes of the records that it is sent. */
function throughThePipe(records: readonly JournalRecord[]): JournalRecord[] {
  const parser = new RecordParser(newNotes());
  return records
    .filter(matters)
    .flatMap((record, i) => parser.parse(toJson(record), 'pipe', i + 1) ?? []);
}

const initial = {
  ...{ downtimeLimitMs: 300, maxBandwidthBytesPerSecond: 32 * MiB },
  ...{ switchoverBytesPerSecond: 0, throttlePercent: 1 },
};
const goal: JournalEntry = {
  ...{ type: 'goal', policy: 'any', goal: goalWith({ totalLimitMs: 300_000 }), initial },
  ...{ abilities: ['tune', 'switchover-bandwidth', 'throttle', 'resume'] },
  ...{ ramBytes: 1024 * MiB, expectation: undefined },
};

describe('an unfinished migration', () => {
  it('of which nothing was journalled had not begun', () => {
    const { phase, uri, guestRan, given, destinationHeld } = unfinished([]);
    assert.deepEqual(
      { phase, uri, guestRan, given, destinationHeld },
      {
        ...{ phase: 'preflight', uri: undefined, guestRan: false },
        ...{ given: undefined, destinationHeld: false },
      },
    );
  });

  it('had not been started where QEMU refused `migrate`', () => {
    const refused = effect('source', 'migrate', { arguments: { uri: 'unix:/m' }, error: 'no' });
    assert.equal(unfinished(recordsOf(refused)).uri, undefined);
    assert.equal(unfinished(recordsOf(refused, started)).uri, 'unix:/run/m');
  });

  it('is being cancelled where QEMU took the cancel, and not where it refused', () => {
    const refused = effect('source', 'migrate_cancel', { error: 'no' });
    assert.equal(unfinished(recordsOf(started, refused)).cancelling, false);
    const taken = effect('source', 'migrate_cancel');
    assert.equal(unfinished(recordsOf(started, taken)).cancelling, true);
  });

  it('puts back what was set before its first run, not what a second run found', () => {
    const second: JournalEntry = {
      ...{ type: 'before', side: 'source', guestRan: false },
      settings: { capabilities: { events: true }, parameters: {} },
    };
    const found = unfinished(recordsOf(before('source', true), before('destination'), second));
    assert.deepEqual(found.before.source?.capabilities, { events: false });
    assert.ok(found.before.destination);
    assert.equal(found.guestRan, true);
  });

  it('knows whether the destination is held, and whether it was started', () => {
    const held = recordsOf(started, effect('destination', 'stop'));
    assert.equal(unfinished(held).destinationHeld, true);
    assert.equal(unfinished(held).destinationStarted, false);
    const refused = [...held, ...recordsOf(effect('destination', 'cont', { error: 'gone' }))];
    assert.equal(unfinished(refused).destinationHeld, true, 'a cont that failed started nothing');
    const continued = unfinished([...held, ...recordsOf(effect('destination', 'cont'))]);
    assert.equal(continued.destinationHeld, false);
    assert.equal(continued.destinationStarted, true);
    const bySelf = unfinished(recordsOf(started, event('destination', 'RESUME')));
    assert.equal(bySelf.destinationStarted, true);
  });

  it('takes the RESUME of the source for none of the destination', () => {
    assert.equal(unfinished(recordsOf(event('source', 'RESUME'))).destinationStarted, false);
  });

  it('knows that postcopy has begun, from which there is no way back', () => {
    const active = event('source', 'MIGRATION', { status: 'active' });
    assert.equal(unfinished(recordsOf(started, active)).postcopy, false);
    const postcopy = event('source', 'MIGRATION', { status: 'postcopy-active' });
    assert.equal(unfinished(recordsOf(started, active, postcopy)).postcopy, true);
  });

  it('keeps the last phase, the goal and what verify found', () => {
    const result = { comparedBytes: 4096, differingPages: 3, differences: [], notCompared: [] };
    const found = unfinished(
      recordsOf(
        { type: 'phase', phase: 'setup', why: '' },
        goal,
        { type: 'phase', phase: 'held', why: '' },
        { type: 'verify', result, ms: 1 },
      ),
    );
    assert.equal(found.phase, 'held');
    assert.deepEqual(found.given?.goal, goalWith({ totalLimitMs: 300_000 }));
    assert.equal(found.verify?.differingPages, 3);
  });

  it('is told by the records that a guardian is sent: nothing that it needs is left out', () => {
    const all = recordsOf(
      before('source', true),
      { type: 'phase', phase: 'precopy', why: '' },
      { type: 'warning', message: '' },
      started,
      effect('destination', 'stop'),
    );
    assert.deepEqual(unfinished(throughThePipe(all)), unfinished(all));
  });

  it('goes on until a phase that is an end, once something was changed', () => {
    const phase = (entered: 'setup' | 'precopy' | 'failed' | 'completed'): JournalEntry => ({
      ...{ type: 'phase', phase: entered, why: '' },
    });
    const isUnfinished = (...entries: JournalEntry[]): boolean =>
      RunSoFar.of(recordsOf(...entries)).isUnfinished;
    assert.equal(isUnfinished(phase('setup')), false, 'nothing was changed yet');
    assert.equal(isUnfinished(phase('setup'), before('source', true)), true);
    assert.equal(isUnfinished(before('source', true), phase('precopy')), true);
    assert.equal(isUnfinished(before('source', true), phase('failed')), false);
    assert.equal(isUnfinished(before('source', true), phase('completed')), false);
  });
});

describe('a migration that is taken up', () => {
  const policies = [
    'adaptive',
    'qemu',
    'manual',
    'schedule:kubevirt',
    'schedule:nova',
    'schedule:vdsm-minimal-downtime',
  ].map((name) => withTimeLimit(findPolicy(name)));

  /** What each policy decides so long after the last record, as whoever takes it up says it. */
  function decisions(records: readonly JournalRecord[], laterMs: number): Decision[] {
    const at = (records.at(-1)?.monotonicMs ?? 0) + laterMs;
    const soFar = RunSoFar.of(records);
    const { given } = soFar.unfinished;
    const view = soFar.view.view(at);
    assert.ok(given && view);
    return policies.map((policy) => policy.decide(view, given.goal));
  }

  const samples = fc
    .record({
      remainingBytes: fc.integer({ min: 0, max: 512 * MiB }),
      handledBytes: fc.integer({ min: 0, max: 4096 * MiB }),
      transferredBytes: fc.integer({ min: 0, max: 4096 * MiB }),
      bandwidthBytesPerSecond: fc.constantFrom(0, 1 * MiB, 30 * MiB, 31 * MiB, 100 * MiB),
      dirtyBytesPerSecond: fc.integer({ min: 0, max: 100 * MiB }),
    })
    .map((changes): MigrationSample => sampleWith(changes));
  const entries: fc.Arbitrary<JournalEntry> = fc.oneof(
    { weight: 3, arbitrary: samples.map((sample) => ({ type: 'observation' as const, sample })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.integer({ min: 1, max: 40 }), fc.boolean(), samples)
        .map(([pass, late, sample]) => ({
          ...{ type: 'pass' as const, first: pass, pass, kind: 'round' as const },
          ...{ sample, late, qemuUs: undefined },
        })),
    },
    fc.constantFrom<JournalEntry>(
      { type: 'phase', phase: 'held', why: '' },
      { type: 'phase', phase: 'precopy', why: '' },
      { type: 'parameters', parameters: { ...initial, downtimeLimitMs: 75 } },
      { type: 'parameters', parameters: { ...initial, maxBandwidthBytesPerSecond: 2 * MiB } },
      { type: 'parameters', parameters: { ...initial, throttlePercent: 60 } },
      { type: 'request', request: { kind: 'step' } },
      { type: 'request', request: { kind: 'release' } },
      { type: 'decision', policy: 'manual', action: { kind: 'release' }, reason: '' },
      { type: 'warning', message: '' },
    ),
  );
  /** A migration, with the time from each record to the next. */
  const journals = fc
    .array(fc.tuple(fc.constantFrom(1, 200, 5000, 60_000), entries), { maxLength: 60 })
    .map((timed) => {
      let at = 1000;
      const begun = recordsOf(goal, { type: 'phase', phase: 'precopy', why: '' }, started);
      const more = timed.map(([ms, entry]) => {
        at += ms;
        return { ...entry, at, monotonicMs: at };
      });
      return [...begun, ...more];
    });

  it('is decided by its guardian as by the run that has died, whatever had happened', () => {
    fc.assert(
      fc.property(journals, fc.constantFrom(0, 200, 155_000), (records, laterMs) => {
        const takenUp = recordsOf(goal).map((record) => ({
          ...record,
          monotonicMs: records.at(-1)?.monotonicMs ?? 0,
        }));
        assert.deepEqual(
          decisions([...throughThePipe(records), ...takenUp], laterMs),
          decisions(records, laterMs),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('is not given up for want of progress that the run before it had seen', () => {
    const at = (monotonicMs: number, entry: JournalEntry): JournalRecord => ({
      ...{ ...entry, at: monotonicMs, monotonicMs },
    });
    const left = (bytes: number): MigrationSample => sampleWith({ remainingBytes: bytes });
    const records = [
      at(0, goal),
      at(0, { type: 'phase', phase: 'precopy', why: '' }),
      at(100_000, { type: 'observation', sample: left(90 * MiB) }),
      at(149_000, { type: 'observation', sample: left(80 * MiB) }),
    ];
    const kubevirt = findPolicy('schedule:kubevirt');
    const decidedAt = (monotonicMs: number): string => {
      const view = RunSoFar.of(throughThePipe(records)).view.view(monotonicMs);
      assert.ok(view);
      // 1 GiB may take 150 s in all; more, and only progress counts.
      return kubevirt.decide({ ...view, ramBytes: 4096 * MiB }, goalWith()).action.kind;
    };
    assert.equal(decidedAt(160_000), 'wait');
    assert.equal(decidedAt(300_000), 'cancel');
  });
});

describe('the downtime of a migration that is taken up', () => {
  /**
   * STOP, then the run dies, and 50 ms after STOP comes RESUME.
   *
   * @param resumedMs when, by the destination's clock
   */
  function downtimeOf(before: JournalEntry[], since: JournalEntry[], resumedMs: number) {
    const at = (ms: number, entry: JournalEntry): JournalRecord => ({
      ...{ ...entry, at: ms, monotonicMs: ms },
    });
    const stop = { ...event('source', 'STOP'), qemuUs: 0 };
    const resume = { ...event('destination', 'RESUME'), qemuUs: resumedMs * 1000 };
    const records = [
      ...before.map((entry) => at(-1, entry)),
      at(0, stop),
      ...since.map((entry) => at(1, entry)),
    ];
    const soFar = RunSoFar.of(throughThePipe(records));
    soFar.take(at(50, resume));
    return soFar.downtime.measure()?.ms;
  }
  const qemus = (sameHost: boolean): JournalEntry[] =>
    (['source', 'destination'] as const).map((side) => ({
      ...{ type: 'qemu', side, address: 'x', version: '10.0.0', sameHost },
    }));

  it('is by the clocks of the QEMUs where they share one', () => {
    assert.equal(downtimeOf(qemus(true), [], 40), 40);
  });

  it('is by our own clock where they do not', () => {
    assert.equal(downtimeOf(qemus(false), [], 3_600_040), 50);
  });

  it('knows that the clock was set before', () => {
    const set: JournalEntry = { type: 'clock', jumpMs: 3_600_000 };
    assert.equal(downtimeOf(qemus(true), [set], 3_600_040), 40);
  });
});
