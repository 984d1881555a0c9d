import assert from 'node:assert/strict';
import { measureDowntime } from 'precopy';
import type { JournalEntry, JournalRecord, MigrationSample } from 'precopy';
import { parseTraceLine } from '#plugin/sequence/downtime-traces.js';

/** QEMU's clock at the beginning, ms. */
const epoch = 1_700_000_000_000;

/** A record at `ms` after the beginning, by all clocks. */
function at(ms: number, entry: JournalEntry): JournalRecord {
  const timed =
    entry.type === 'event' || entry.type === 'pass'
      ? { ...entry, qemuUs: (epoch + ms) * 1000 }
      : entry;
  return { ...timed, at: epoch + ms, monotonicMs: 5000 + ms };
}

function event(ms: number, side: 'source' | 'destination', name: string, data = {}): JournalRecord {
  return at(ms, { type: 'event', side, event: name, data, qemuUs: undefined });
}

function device(
  ms: number,
  side: 'source' | 'destination',
  state: string,
  id = 'nic0',
): JournalRecord {
  return event(ms, side, 'VFIO_MIGRATION', {
    'device-id': id,
    'qom-path': `/machine/peripheral/${id}`,
    'device-state': state,
  });
}

/** A line of QEMU's log, at `ms` after the beginning. */
function trace(ms: number, side: 'source' | 'destination', text: string): JournalRecord {
  const us = String((epoch + ms) * 1000);
  const line = `12@${us.slice(0, -6)}.${us.slice(-6)}:vmstate_downtime_${text}`;
  const parsed = parseTraceLine(line);
  assert.ok(parsed, line);
  // The log is read when all is over.
  return at(1000, { type: 'trace', side, ...parsed });
}

function save(ms: number, type: string, idstr: string, us: number): JournalRecord {
  return trace(ms, 'source', `save type=${type} idstr=${idstr} instance_id=0 downtime=${us}`);
}

function blackout(ms: number): JournalRecord {
  const sample = {} as MigrationSample;
  return at(ms, {
    type: 'pass',
    first: 3,
    pass: 3,
    kind: 'blackout',
    sample,
    late: true,
    qemuUs: undefined,
  });
}

/** Both QEMUs run on this host, or neither does. */
function qemus(sameHost: boolean): JournalRecord[] {
  return (['source', 'destination'] as const).map((side) =>
    at(-1, { type: 'qemu', side, address: 'unix:/x', version: '10.0.0', sameHost }),
  );
}

function parts(records: readonly JournalRecord[]): [string, number][] {
  const downtime = measureDowntime([...qemus(true), ...records]);
  assert.ok(downtime);
  const sum = downtime.parts.reduce((total, { ms }) => total + ms, 0);
  assert.ok(Math.abs(sum - downtime.ms) < 1e-6, `${sum} is not ${downtime.ms}`);
  return downtime.parts.map(({ term, ms }) => [term, Math.round(ms * 10) / 10]);
}

const stop = event(0, 'source', 'STOP');
const saving = event(1, 'source', 'MIGRATION', { status: 'device' });
const resume = event(50, 'destination', 'RESUME');
const completed = (ms: number): JournalRecord =>
  event(ms, 'destination', 'MIGRATION', { status: 'completed' });

describe('the downtime', () => {
  it('is not known until the guest has stopped here and resumed there', () => {
    assert.equal(measureDowntime([stop]), undefined);
    assert.equal(measureDowntime([resume]), undefined);
  });

  it('starts anew when a switchover failed and the guest went on at the source', () => {
    const again = event(20, 'source', 'STOP');
    assert.equal(measureDowntime([stop, event(10, 'source', 'RESUME'), again, resume])?.ms, 30);
  });

  it('is split by what QEMU announces, and what it does not is one part, said to be unknown', () => {
    const records = [stop, saving, blackout(3), resume];
    assert.deepEqual(parts(records), [
      ['flush', 1],
      ['final-sync', 2],
      ['together', 47],
    ]);
    const { unknown } = measureDowntime(records) ?? {};
    assert.match(unknown?.join() ?? '', /needs --source-log and --destination-log, the logs of/);
  });

  it('tells RAM from devices without PRE_COPY, which enter STOP_COPY one after the other', () => {
    const records = [
      stop,
      saving,
      blackout(3),
      device(13, 'source', 'stop-copy', 'nic0'),
      device(33, 'source', 'stop-copy', 'gpu0'),
      resume,
    ];
    assert.deepEqual(parts(records), [
      ['flush', 1],
      ['final-sync', 2],
      ['ram', 10],
      ['device-state', 20],
      ['together', 17],
    ]);
  });

  it('does not count what the destination was held for verify', () => {
    const start = at(910, {
      type: 'effect',
      side: 'destination',
      command: 'cont',
      ms: 10,
    });
    const records = [stop, saving, completed(40), start, event(905, 'destination', 'RESUME')];
    assert.deepEqual(parts(records), [
      ['flush', 1],
      ['together', 39],
      ['start', 5],
    ]);
    assert.equal(measureDowntime(records)?.heldMs, 860);
  });

  it('counts waiting in pre-switchover apart', () => {
    const wait = event(1, 'source', 'MIGRATION', { status: 'pre-switchover' });
    const go = event(31, 'source', 'MIGRATION', { status: 'device' });
    assert.deepEqual(parts([stop, wait, go, resume]), [
      ['flush', 1],
      ['waiting', 30],
      ['together', 19],
    ]);
  });

  it("is split into each part by QEMU's traces, down to the last", () => {
    const records = [
      stop,
      saving,
      blackout(3),
      resume,
      save(14, 'iterable', 'ram', 12_500),
      save(29, 'iterable', '0000:00:03.0/vfio', 15_000),
      save(29.9, 'non-iterable', 'cpu', 800),
      save(30, 'non-iterable', 'rtc', 100),
      trace(44, 'destination', 'checkpoint dst-precopy-loadvm-completed'),
    ];
    assert.deepEqual(parts(records), [
      ['flush', 1],
      ['flush', 0.5],
      // It is the beginning of what RAM takes (ram_save_complete).
      ['final-sync', 1.5],
      ['ram', 11],
      ['device-state', 15],
      ['machine-state', 1],
      ['destination-load', 14],
      ['start', 6],
    ]);
    assert.deepEqual(measureDowntime([...qemus(true), ...records])?.unknown, []);
  });

  it('reads the time stamps of QEMU 11 as well as those of earlier ones', () => {
    const line = 'vmstate_downtime_checkpoint dst-precopy-loadvm-completed';
    const usOf = (stamp: string): number | undefined => parseTraceLine(stamp + line)?.qemuUs;
    assert.equal(usOf('6125@1795714627.410200:'), 1_795_714_627_410_200);
    assert.equal(usOf('2026-11-26T17:37:07.410200Z '), 1_795_714_627_410_200);
    assert.equal(usOf('2026-11-26T17:37:07Z '), 1_795_714_627_000_000);
    assert.equal(usOf(''), undefined);
  });

  it('leaves traces without time stamps aside', () => {
    const parsed = parseTraceLine(
      'vmstate_downtime_save type=iterable idstr=ram instance_id=0 downtime=12000',
    );
    assert.ok(parsed);
    const records = [stop, saving, resume, at(1000, { type: 'trace', side: 'source', ...parsed })];
    assert.deepEqual(parts(records), [
      ['flush', 1],
      ['together', 49],
    ]);
  });

  it('survives that the clock was set during it', () => {
    const late = { ...event(50, 'destination', 'RESUME') };
    if (late.type === 'event') late.qemuUs = (epoch + 50 + 7_200_000) * 1000;
    const records = [...qemus(true), stop, at(20, { type: 'clock', jumpMs: 7_200_000 }), late];
    assert.equal(measureDowntime(records)?.ms, 50);
  });

  it('of two hosts is measured by our clock, as theirs need not agree', () => {
    const wrong = { ...event(50, 'destination', 'RESUME') };
    if (wrong.type === 'event') wrong.qemuUs = 1;
    assert.equal(measureDowntime([...qemus(false), stop, wrong])?.ms, 50);
  });

  it('is measured by our clock where nothing says that theirs agree', () => {
    const wrong = { ...event(50, 'destination', 'RESUME') };
    if (wrong.type === 'event') wrong.qemuUs = 1;
    assert.equal(measureDowntime([stop, wrong])?.ms, 50);
  });

  it('has transitions of devices around it, as QEMU sends STOP late and RESUME early', () => {
    const records = [
      device(-900, 'source', 'pre-copy'),
      device(-4, 'source', 'pre-copy-p2p'),
      device(-1, 'source', 'stop-copy'),
      stop,
      resume,
      device(52, 'destination', 'running-p2p'),
      device(53, 'destination', 'running'),
    ];
    assert.deepEqual(measureDowntime(records)?.outside, { beforeStopMs: 4, afterResumeMs: 3 });
  });
});
