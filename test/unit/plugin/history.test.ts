import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  accuracyFrom,
  calibrationFrom,
  HistoryFile,
  historyVersion,
  linkFrom,
  migrationEntryOf,
  zeroPagesPerSecondOf,
  type About,
  type ForecastEntry,
  type JournalRecord,
  type MigrationEntry,
  type MigrationSample,
} from 'precopy';
import { sampleWith } from '../../support/goals.js';

const MiB = 2 ** 20;
const about: About = { host: 'here', qemu: '10.0', guest: 'boot/1/2' };

function migration(changes: Partial<MigrationEntry> = {}): MigrationEntry {
  return {
    version: historyVersion,
    type: 'migration',
    at: 1,
    ...about,
    destination: 'there',
    ramBytes: 1024 * MiB,
    vfio: false,
    maxBandwidthBytesPerSecond: 100 * MiB,
    downtimeLimitMs: 300,
    policy: 'qemu',
    completed: true,
    passes: 3,
    totalMs: 10_000,
    downtimeMs: 20,
    blackoutRamBytes: 10 * MiB,
    setupMs: 2,
    linkBytesPerSecond: null,
    zeroPagesPerSecond: null,
    sharedRam: null,
    forecast: null,
    ...changes,
  };
}

const forecastEntry = (changes: Partial<ForecastEntry> = {}): ForecastEntry => ({
  version: historyVersion,
  type: 'forecast',
  at: 1,
  ...about,
  ramBytes: 1024 * MiB,
  vfio: false,
  maxBandwidthBytesPerSecond: 100 * MiB,
  downtimeLimitMs: 300,
  forecast: { converges: 'yes', passes: 3, totalMs: 9000, downtimeMs: 22 },
  ...changes,
});

describe('the history file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-history-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const file = (): HistoryFile => new HistoryFile(join(folder, 'state/precopy/history.jsonl'));

  it('is empty before anything was written, and makes its folder for this user alone', () => {
    assert.deepEqual(file().read(), []);
    file().append(migration());
    assert.deepEqual(file().read(), [migration()]);
    assert.equal(statSync(join(folder, 'state/precopy')).mode & 0o077, 0);
    assert.equal(statSync(file().path).mode & 0o077, 0);
  });

  it('passes over lines that are torn, foreign, or of another version', () => {
    file().append(migration({ at: 1 }));
    appendFileSync(file().path, '{"version":1,"type":"migr');
    file().append(migration({ at: 2 }));
    appendFileSync(file().path, `${JSON.stringify({ ...migration(), version: 2 })}\n`);
    appendFileSync(file().path, `${JSON.stringify({ ...migration(), totalMs: 'long' })}\nnull\n`);
    file().append(forecastEntry({ at: 3 }));
    truncateSync(file().path, statSync(file().path).size - 5);
    file().append(migration({ at: 4 }));
    assert.deepEqual(
      file()
        .read()
        .map(({ at }) => at),
      [1, 2, 4],
    );
  });

  it('stays below a mebibyte, and forgets the oldest first', () => {
    const destination = 'x'.repeat(20_000);
    for (let at = 0; at < 120; at++) file().append(migration({ at, destination }));
    assert.ok(readFileSync(file().path).length <= MiB);
    const kept = file().read();
    assert.equal(kept.at(-1)?.at, 119);
    assert.ok(kept.length >= 20);
    assert.deepEqual(
      kept.map(({ at }) => at),
      kept.map((_, i) => 120 - kept.length + i),
    );
  });
});

describe('calibration by past migrations', () => {
  const like = { host: 'here', qemu: '10.0', ramBytes: 1024 * MiB, vfio: false, sharedRam: false };
  /** 12 ms for each switchover, and 500 MiB/s. */
  const blackout = (mib: number, noiseMs = 0): Partial<MigrationEntry> => ({
    blackoutRamBytes: mib * MiB,
    downtimeMs: 12.5 + mib * 2 + noiseMs,
  });

  it('knows nothing without one', () => {
    assert.equal(calibrationFrom([], like), undefined);
    assert.equal(calibrationFrom([forecastEntry()], like), undefined);
  });

  it('tells the bandwidth at switchover from what each switchover costs, outliers or not', () => {
    const entries = [1, 5, 10, 20, 40, 60]
      .map((mib, i) => migration(blackout(mib, [0.2, -0.3, 0.1, 0, -0.2, 0.3][i])))
      .concat(migration({ blackoutRamBytes: 15 * MiB, downtimeMs: 900 }));
    const found = calibrationFrom(entries, like);
    assert.ok(found?.switchoverBytesPerSecond);
    const mibPerSecond = found.switchoverBytesPerSecond / MiB;
    assert.ok(Math.abs(mibPerSecond - 500) < 15, String(mibPerSecond));
    assert.ok(Math.abs(found.costs.saveMs - 12) < 0.7, String(found.costs.saveMs));
    assert.equal(found.migrations, 7);
  });

  it('takes the link for the switchover where the blackouts were all alike', () => {
    const entries = [10, 10.5, 11].map((mib) =>
      migration({ ...blackout(mib), linkBytesPerSecond: 500 * MiB }),
    );
    const found = calibrationFrom(entries, like);
    assert.equal(found?.switchoverBytesPerSecond, undefined);
    assert.equal(found?.linkBytesPerSecond, 500 * MiB);
    assert.ok(Math.abs(found.costs.saveMs - 12) < 0.1);
  });

  it('knows how fast pages of zeros go from those that had enough of them', () => {
    const rates = [1e6, null, 2e6, 1.1e6, null];
    const found = calibrationFrom(
      [
        ...rates.map((zeroPagesPerSecond) => migration({ zeroPagesPerSecond, sharedRam: false })),
        // Reading shared memory allocates it.
        migration({ zeroPagesPerSecond: 5e4, sharedRam: true }),
        migration({ zeroPagesPerSecond: 9e6 }),
      ],
      like,
    );
    assert.equal(found?.zeroPagesPerSecond, 1.1e6);
    assert.ok(found.zeroPageDeviation > 0.05 && found.zeroPageDeviation < 0.3);
    assert.equal(calibrationFrom([migration()], like)?.zeroPagesPerSecond, undefined);
  });

  it('heeds only completed migrations of this host, QEMU, kind and size, to the latest destination', () => {
    const others = [
      migration({ completed: false, downtimeMs: null }),
      migration({ host: 'elsewhere' }),
      migration({ qemu: '9.2' }),
      migration({ vfio: true }),
      migration({ ramBytes: 16 * 1024 * MiB }),
    ];
    assert.equal(calibrationFrom(others, like), undefined);
    const found = calibrationFrom(
      [migration({ destination: 'old' }), ...others, migration({ destination: 'new' })],
      like,
    );
    assert.equal(found?.migrations, 1);
    assert.equal(found.destination, 'new');
  });
});

describe("the link's bandwidth in past migrations", () => {
  it('is the median of those from this host to where the latest went, whatever they moved', () => {
    const link = (mib: number | null, changes: Partial<MigrationEntry> = {}): MigrationEntry =>
      migration({ linkBytesPerSecond: mib === null ? null : mib * MiB, ...changes });
    const entries = [
      link(9, { destination: 'old' }),
      link(500, { vfio: true, ramBytes: 1 }),
      link(null),
      link(300, { completed: false, downtimeMs: null }),
      link(400, { qemu: '9.2' }),
      link(7, { host: 'elsewhere' }),
      forecastEntry(),
    ];
    assert.equal(linkFrom(entries, 'here'), 400 * MiB);
    assert.equal(linkFrom([link(null), forecastEntry()], 'here'), undefined);
  });
});

describe('the error of past forecasts', () => {
  const entry = (totalMs: number, downtimeMs: number): MigrationEntry =>
    migration({
      totalMs,
      downtimeMs,
      forecast: { converges: 'yes', passes: 3, totalMs: 10_400, downtimeMs: 22 },
    });

  it('is the median of the last five on this host', () => {
    const entries = [
      entry(1, 1),
      ...[20, 22, 25, 27.5, 44].map((ms) => entry(10_000, ms)),
      { ...entry(1, 1), host: 'elsewhere' },
      { ...entry(1, 1), policy: 'adaptive' },
      migration(),
    ];
    const accuracy = accuracyFrom(entries, 'here');
    assert.equal(accuracy?.forecasts, 5);
    assert.equal(accuracy.right, 5);
    assert.equal(Math.round(accuracy.totalErrorPercent ?? NaN), 4);
    assert.equal(Math.round(accuracy.downtimeErrorPercent ?? NaN), -12);
    assert.equal(accuracyFrom(entries, 'nowhere'), undefined);
  });

  it('counts a migration that never ended against a forecast of convergence, if it was given time', () => {
    const endless = { ...entry(60_000, 0), completed: false, downtimeMs: null };
    assert.equal(accuracyFrom([endless], 'here')?.right, 0);
    assert.equal(accuracyFrom([endless], 'here')?.totalErrorPercent, null);
    assert.equal(accuracyFrom([{ ...endless, totalMs: 5000 }], 'here'), undefined);
    const foreseen = { converges: 'no' as const, passes: null, totalMs: null, downtimeMs: null };
    assert.equal(accuracyFrom([{ ...endless, forecast: foreseen }], 'here')?.right, 1);
  });
});

describe("a migration's entry", () => {
  const sample = (changes: Partial<MigrationSample>): MigrationSample =>
    sampleWith({
      ...{ remainingBytes: 0, bandwidthBytesPerSecond: 0, expectedDowntimeMs: 300 },
      ...changes,
    });
  const none = { beforeStopMs: undefined, afterResumeMs: undefined };
  const records = (uri: string, maxBandwidth: number): JournalRecord[] =>
    [
      {
        type: 'parameters',
        parameters: {
          downtimeLimitMs: 300,
          maxBandwidthBytesPerSecond: maxBandwidth,
          switchoverBytesPerSecond: 0,
          throttlePercent: undefined,
        },
      },
      {
        type: 'goal',
        policy: 'qemu',
        goal: { downtimeLimitMs: 300, bandwidthBytesPerSecond: maxBandwidth },
      },
      { type: 'effect', side: 'source', command: 'migrate', arguments: { uri } },
      { type: 'event', side: 'source', event: 'MIGRATION', data: {}, qemuUs: 1_000_000 },
      {
        type: 'pass',
        first: 1,
        pass: 1,
        kind: 'round',
        late: false,
        qemuUs: 1_004_000,
        sample: sample({ remainingBytes: 1000 * MiB, handledBytes: 24 * MiB }),
      },
      {
        type: 'pass',
        first: 2,
        pass: 2,
        kind: 'round',
        late: false,
        sample: sample({
          handledBytes: 1024 * MiB,
          transferredBytes: 900 * MiB,
          bandwidthBytesPerSecond: 80 * MiB,
        }),
      },
      {
        type: 'result',
        result: {
          outcome: 'completed',
          totalMs: 12_000,
          passes: 3,
          transferredBytes: 910 * MiB,
          blackoutRamBytes: 9 * MiB,
          downtime: { ms: 30, heldMs: 0, parts: [], unknown: [], outside: none },
          qemuDowntimeMs: 29,
          expectedDowntimeMs: 300,
        },
      },
    ].map((record, i) => ({ ...record, at: 10_000 + i }) as JournalRecord);

  it('holds what it cost, and the forecast of this very guest under these very limits', () => {
    const mine = forecastEntry({ at: 9000 });
    const past = [
      mine,
      forecastEntry({ at: 9001, guest: 'boot/3/4' }),
      forecastEntry({ at: 9002, downtimeLimitMs: 50 }),
      forecastEntry({ at: 20_000 }),
    ];
    const entry = migrationEntryOf(records('tcp:there:4444', 100 * MiB), about, past);
    assert.deepEqual(entry, {
      ...migration({ at: 10_002 }),
      totalMs: 12_000,
      downtimeMs: 30,
      blackoutRamBytes: 9 * MiB,
      setupMs: 4,
      forecast: mine.forecast,
    });
    const later = forecastEntry({ at: 10_001 - 2 * 3_600_000 });
    assert.equal(
      migrationEntryOf(records('tcp:there:1', 100 * MiB), about, [later])?.forecast,
      null,
    );
  });

  it('is made of one that was over before its first pass could be looked at, too', () => {
    const late = records('tcp:there:1', 100 * MiB).map((record) =>
      record.type === 'pass' ? { ...record, late: true } : record,
    );
    assert.equal(migrationEntryOf(late, about, []), undefined, 'how large it is, nobody knows');
    const sized = late.map((record) =>
      record.type === 'goal' ? { ...record, ramBytes: 1024 * MiB } : record,
    );
    assert.equal(migrationEntryOf(sized, about, [])?.ramBytes, 1024 * MiB);
  });

  it("tells the link's bandwidth only where max-bandwidth was far away", () => {
    const of = (max: number): number | null | undefined =>
      migrationEntryOf(records('unix:/tmp/x', max), about, [])?.linkBytesPerSecond;
    assert.equal(of(85 * MiB), null);
    assert.equal(of(1024 * MiB), 80 * MiB);
    assert.equal(of(0), 80 * MiB);
  });

  it("is made of a migration that was only followed, too: with QEMU's limits, to a host that nobody knows", () => {
    const [parameters, , , ...followed] = records('', 1024 * MiB);
    assert.ok(parameters);
    const entry = migrationEntryOf([parameters, ...followed], about, []);
    assert.deepEqual(
      [entry?.policy, entry?.destination, entry?.maxBandwidthBytesPerSecond, entry?.at],
      ['qemu', null, 1024 * MiB, 10_003],
    );
    assert.equal(entry?.linkBytesPerSecond, 80 * MiB);
    // Without the parameters nobody knows what bound it.
    assert.equal(migrationEntryOf(followed, about, []), undefined);
  });

  it("tells the link's bandwidth by samples between passes, of a migration that was cancelled in its first round", () => {
    const all = records('tcp:there:1', 0).map((record) => {
      if (record.type === 'pass' && record.pass > 1) {
        const { at, monotonicMs } = record;
        return { type: 'observation', at, monotonicMs, sample: record.sample } as const;
      }
      if (record.type !== 'result') return record;
      return { ...record, result: { ...record.result, outcome: 'cancelled' as const } };
    });
    assert.equal(migrationEntryOf(all, about, [])?.linkBytesPerSecond, 80 * MiB);
  });

  it('tells how fast pages of zeros went, by samples of the first round that had little else', () => {
    const page = 4096;
    const at = (
      monotonicMs: number,
      zeros: number,
      data: number,
      dirtySyncCount = 1,
    ): JournalRecord => ({
      ...{ type: 'observation', at: monotonicMs, monotonicMs },
      sample: sample({
        dirtySyncCount,
        handledBytes: (zeros + data) * page,
        transferredBytes: zeros * 9 + data * (page + 8),
      }),
    });
    const link = 100 * MiB;
    // 100,000 zeros a second, then data at the link's rate, then a quarter of the time data.
    const first = [at(0, 0, 0), at(100, 10_000, 0), at(200, 10_000, 2560)];
    assert.equal(Math.round(zeroPagesPerSecondOf(first, link) ?? 0), 100_000);
    const mixed = [...first, at(300, 17_500, 2560 + 640)];
    const found = zeroPagesPerSecondOf(mixed, link) ?? 0;
    assert.ok(Math.abs(found - 100_000) < 300, String(found));
    // What is zero in a later round is no page that nobody ever wrote.
    assert.equal(zeroPagesPerSecondOf([at(0, 0, 0, 2), at(100, 10_000, 0, 2)], link), null);
    assert.equal(zeroPagesPerSecondOf([at(0, 0, 0), at(100, 500, 2000)], link), null);
  });

  it('knows where it went', () => {
    const to = (uri: string): string | null | undefined =>
      migrationEntryOf(records(uri, 0), about, [])?.destination;
    assert.equal(to('tcp:[2001:db8::1]:4444'), '2001:db8::1');
    assert.equal(to('unix:/tmp/x'), 'here');
    assert.equal(to('tcp:127.0.0.1:4444'), 'here');
    const through = (uri: string): string | null | undefined => {
      const virsh = {
        ...{ type: 'effect', side: 'source', command: 'virsh migrate', at: 1, monotonicMs: 1 },
        arguments: ['--live', '--p2p', '--domain', 'x', '--desturi', uri],
      } as JournalRecord;
      const others = records('', 0).filter(({ type }) => type !== 'effect');
      return migrationEntryOf([virsh, ...others], about, [])?.destination;
    };
    assert.equal(through('qemu+ssh://root@there/system'), 'there');
    assert.equal(through('qemu+unix:///system?socket=/run/x'), 'here');
  });

  it('is none of a migration that did not begin', () => {
    const before = records('tcp:there:1', 0).slice(0, 1);
    assert.equal(migrationEntryOf(before, about, []), undefined);
  });
});
