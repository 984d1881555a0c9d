/** What is known of a migration whose controller died, from the records that it left. */
import assert from 'node:assert/strict';
import { isEssential, unfinished } from '#plugin/sequence/unfinished.js';
import type { JournalEntry, JournalRecord } from 'precopy';
import { goalWith, sampleWith } from '../../../support/goals.js';

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
    const goal: JournalEntry = {
      ...{ type: 'goal', policy: 'adaptive', goal: goalWith(), abilities: [] },
      ...{ ramBytes: undefined, expectation: undefined },
      initial: {
        ...{ downtimeLimitMs: 300, maxBandwidthBytesPerSecond: 0 },
        ...{ switchoverBytesPerSecond: undefined, throttlePercent: undefined },
      },
    };
    const found = unfinished(
      recordsOf(
        { type: 'phase', phase: 'setup', why: '' },
        goal,
        { type: 'phase', phase: 'held', why: '' },
        { type: 'verify', result, ms: 1 },
      ),
    );
    assert.equal(found.phase, 'held');
    assert.deepEqual(found.given?.goal, goalWith());
    assert.equal(found.verify?.differingPages, 3);
  });

  it('is told by the records that a guardian is sent: nothing that it needs is left out', () => {
    const all = recordsOf(
      before('source', true),
      { type: 'phase', phase: 'precopy', why: '' },
      { type: 'observation', sample: sampleWith() },
      { type: 'warning', message: '' },
      started,
      effect('destination', 'stop'),
    );
    assert.deepEqual(unfinished(all.filter(isEssential)), unfinished(all));
    assert.equal(all.filter(isEssential).length, 4);
  });
});
