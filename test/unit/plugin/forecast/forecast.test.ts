import assert from 'node:assert/strict';
import {
  allDirtyCurve,
  behaviourOf,
  CurveBuilder,
  defaultCosts,
  defaultParameters,
  forecast,
  forecastTable,
  forecastVersion,
  rehearsed,
  remediesFor,
  seededRandom,
  sequentialCurve,
  simulatePrecopy,
  uniformCurve,
  worstOf,
  type DirtySource,
  type Forecast,
  type ForecastInput,
  type ModelDevice,
  type ModelParameters,
  type Remedy,
  type UncertainCurve,
} from 'precopy';

const MiB = 2 ** 20;
const pagesOf = (bytes: number): number => bytes / 4096;

interface Case {
  cpu?: UncertainCurve;
  nic?: UncertainCurve;
  devices?: readonly ModelDevice[];
  parameters?: Partial<ModelParameters>;
}

function input({ cpu, nic, devices = [], parameters }: Case): ForecastInput {
  const sources: DirtySource[] = [
    ...(cpu ? [{ name: 'cpu', kind: 'cpu', curve: cpu } as const] : []),
    ...(nic ? [{ name: 'nic', kind: 'device', curve: nic } as const] : []),
  ];
  return {
    guest: {
      pageBytes: 4096,
      vcpus: 2,
      ram: [{ pages: pagesOf(512 * MiB), zero: false }],
      sources,
      devices,
    },
    link: { bytesPerSecond: 1000 * MiB, channelBytesPerSecond: 1000 * MiB },
    parameters: { ...defaultParameters, maxBandwidthBytesPerSecond: 64 * MiB, ...parameters },
    behaviour: behaviourOf(10, 0),
    costs: defaultCosts,
    horizonMs: 600_000,
    samples: 24,
  };
}

const calm = uniformCurve(pagesOf(64 * MiB), pagesOf(8 * MiB));
const busy = sequentialCurve(pagesOf(256 * MiB), pagesOf(90 * MiB));
const device = (stopCopyBytes: number): ModelDevice => ({
  name: 'nic',
  stopCopyBytes,
  stopMs: 5,
  readBytesPerSecond: 500 * MiB,
  loadMs: 10,
});

function remedyOf<K extends Remedy['kind']>(
  remedies: readonly Remedy[],
  kind: K,
): Extract<Remedy, { kind: K }> | undefined {
  return remedies.find((remedy): remedy is Extract<Remedy, { kind: K }> => remedy.kind === kind);
}

describe('a forecast', () => {
  it('of an exact curve is what the model says, without a range', () => {
    const known = input({ cpu: calm });
    const outcome = forecast(known);
    const result = simulatePrecopy(known);
    assert.equal(outcome.version, forecastVersion);
    assert.equal(outcome.converges, 'yes');
    assert.deepEqual(outcome.totalMs, {
      p10: result.totalMs,
      p50: result.totalMs,
      p90: result.totalMs,
    });
    assert.equal(outcome.limitedBy, null);
  });

  it('of an uncertain curve has a range, wider the less is known', () => {
    const width = (uncertainty: number): number => {
      const cpu = { ...calm, uncertainty: () => uncertainty, spread: () => uncertainty };
      const range = forecast(input({ cpu })).sentBytes;
      assert.ok(range);
      assert.ok(range.p10 <= range.p50 && range.p50 <= range.p90);
      return range.p90 - range.p10;
    };
    assert.ok(width(0.02) > 0);
    assert.ok(width(0.2) > width(0.02));
  });

  it('is the same for the same seed, and plain JSON', () => {
    const uncertain = input({ cpu: { ...calm, uncertainty: () => 0.1, spread: () => 0.1 } });
    const outcome = forecast(uncertain);
    assert.deepEqual(forecast(uncertain), outcome);
    assert.deepEqual(JSON.parse(JSON.stringify(outcome)), outcome);
    assert.notDeepEqual(forecast({ ...uncertain, seed: 2 }).sentBytes, outcome.sentBytes);
  });

  it('says perhaps where it hangs on what is uncertain', () => {
    // 64 MiB/s out, about as much dirtied.
    const even = sequentialCurve(pagesOf(256 * MiB), pagesOf(62 * MiB));
    const outcome = forecast(input({ cpu: { ...even, uncertainty: () => 0.2 } }));
    assert.equal(outcome.converges, 'perhaps');
    assert.ok(outcome.convergedShare > 0 && outcome.convergedShare < 1);
  });

  it('of what never converges has no downtime, says why, and what would help', () => {
    const stuck = input({ cpu: busy });
    const outcome = forecast(stuck);
    assert.equal(outcome.converges, 'no');
    assert.equal(outcome.limitedBy, 'ram');
    assert.equal(outcome.downtimeMs, null);
    assert.match(outcome.why, /MiB of RAM are dirty again; the threshold is 19\.\d MiB/);
    const remedies = remediesFor(stuck, outcome);
    const bandwidth = remedyOf(remedies, 'max-bandwidth')?.bytesPerSecond ?? NaN;
    assert.ok(bandwidth > 90 * MiB && bandwidth < 110 * MiB, String(bandwidth));
    // 256 MiB are dirty again after a round: they must fit in, at 64 MiB/s.
    const limit = remedyOf(remedies, 'downtime-limit')?.ms ?? NaN;
    assert.ok(limit > 2000 && limit < 4500, String(limit));
    const throttle = remedyOf(remedies, 'throttle')?.percent ?? NaN;
    assert.ok(throttle > 20 && throttle < 45, String(throttle));
  });

  it('proposes only what the model confirms', () => {
    const stuck = input({ cpu: busy });
    const remedies = remediesFor(stuck, forecast(stuck));
    const maxBandwidthBytesPerSecond = remedyOf(remedies, 'max-bandwidth')?.bytesPerSecond ?? 0;
    const downtimeLimitMs = remedyOf(remedies, 'downtime-limit')?.ms ?? 0;
    for (const change of [{ maxBandwidthBytesPerSecond }, { downtimeLimitMs }]) {
      const parameters = { ...stuck.parameters, ...change };
      assert.equal(forecast({ ...stuck, parameters }).converges, 'yes', JSON.stringify(change));
    }
  });

  it('proposes nothing where it converges anyway', () => {
    const easy = input({ cpu: calm });
    assert.deepEqual(remediesFor(easy, forecast(easy)), []);
  });

  it('names the device to stop, where throttling does not help', () => {
    const stuck = input({ cpu: calm, nic: busy });
    const remedies = remediesFor(stuck, forecast(stuck));
    assert.equal(remedyOf(remedies, 'throttle'), undefined);
    assert.deepEqual(remedyOf(remedies, 'stop-source'), { kind: 'stop-source', source: 'nic' });
  });

  it('names the device whose state is too large', () => {
    const stuck = input({ cpu: calm, devices: [device(400 * MiB)] });
    const outcome = forecast(stuck);
    assert.equal(outcome.limitedBy, 'device-state');
    assert.match(outcome.why, /stop-copy size/);
    const remedies = remediesFor(stuck, outcome);
    assert.ok(remedyOf(remedies, 'unplug-device'));
    assert.ok((remedyOf(remedies, 'downtime-limit')?.ms ?? 0) > 6000);
  });

  it('of an all-dirty container says the downtime floor: all RAM through the link', () => {
    const all = input({
      nic: allDirtyCurve(pagesOf(512 * MiB)),
      parameters: { downtimeLimitMs: 9000 },
    });
    const outcome = forecast(all);
    assert.equal(outcome.converges, 'yes');
    assert.ok(outcome.downtime);
    const floorMs = (512 / 1000) * 1000;
    assert.ok(outcome.downtime.ramMs.p50 >= floorMs, String(outcome.downtime.ramMs.p50));
    assert.ok(outcome.downtime.ramMs.p50 < 1.05 * floorMs);
    assert.equal(
      forecast({ ...all, parameters: { ...all.parameters, downtimeLimitMs: 7000 } }).converges,
      'no',
    );
  });

  it('has a table by bandwidth and downtime limit, in which more never does worse', () => {
    const bandwidths = [32, 64, 128, 256].map((n) => n * MiB);
    const limits = [100, 300, 1000, 5000];
    const { cells, smallestLimits } = forecastTable(input({ cpu: busy }), bandwidths, limits);
    assert.deepEqual(
      cells.map(({ bytesPerSecond, downtimeLimitMs }) => [bytesPerSecond, downtimeLimitMs]),
      bandwidths.flatMap((bandwidth) => limits.map((limit) => [bandwidth, limit])),
    );
    for (const cell of cells) {
      const better = cells.filter(
        (other) =>
          other.bytesPerSecond >= cell.bytesPerSecond &&
          other.downtimeLimitMs >= cell.downtimeLimitMs,
      );
      for (const other of better) assert.ok(other.convergedShare >= cell.convergedShare);
      assert.equal(cell.downtimeMs === null, cell.convergedShare === 0);
      const least = smallestLimits.find((at) => at.bytesPerSecond === cell.bytesPerSecond);
      const limit = least?.downtimeLimitMs ?? Infinity;
      if (cell.convergedShare === 0) assert.ok(cell.downtimeLimitMs < limit);
      if (cell.convergedShare === 1) assert.ok(cell.downtimeLimitMs >= limit);
    }
    assert.equal(cells[0]?.convergedShare, 0);
    assert.equal(cells.at(-1)?.convergedShare, 1);
  });
});

describe('a rehearsal', () => {
  /** Uniform writes to 4000 pages, at a rate that may change. */
  function harvests(pagesPerSecond: (ms: number) => number): CurveBuilder {
    const builder = new CurveBuilder({ pages: pagesOf(512 * MiB) });
    const random = seededRandom(11);
    for (let startMs = 0; startMs < 20_000; startMs += 100) {
      const runs = Array.from({ length: pagesPerSecond(startMs) / 10 }, () => ({
        firstPage: Math.floor(random.uniform() * 4000),
        pages: 1,
      }));
      builder.add({ startMs, endMs: startMs + 100, sources: new Map([['cpu', runs]]) });
    }
    return builder;
  }

  it('gives the forecast that the true curve gives, and the truth lies in its range', () => {
    const { sources, warnings } = rehearsed(
      harvests(() => 3000),
      new Map([['cpu', 'cpu']]),
      { firstRoundMs: 8000, pagesPerSecond: 16_384 },
    );
    assert.deepEqual(warnings, []);
    const known = input({ cpu: uniformCurve(4000, 3000) });
    const outcome = forecast({ ...known, guest: { ...known.guest, sources } });
    const truth = simulatePrecopy(known);
    assert.ok(outcome.totalMs && outcome.sentBytes && outcome.passes);
    assert.ok(Math.abs(outcome.totalMs.p50 / truth.totalMs - 1) < 0.05);
    assert.ok(Math.abs(outcome.passes.p50 - truth.passCount) <= 1);
  });

  it('of one phase is what was dirtied in it', () => {
    const builder = harvests((ms) => (ms < 10_000 ? 300 : 6000));
    for (const [i, rate] of [300, 6000].entries()) {
      const { sources } = rehearsed(builder, new Map(), undefined, builder.phases()[i]);
      const pages = sources[0]?.curve.pagesIn(500) ?? 0;
      assert.ok(Math.abs(pages / uniformCurve(4000, rate).pagesIn(500) - 1) < 0.05);
    }
  });

  it('knows which outcome is the worst', () => {
    const of = (curve: UncertainCurve): Forecast => forecast(input({ cpu: curve }));
    const calmer = uniformCurve(16, 16);
    assert.equal(worstOf([of(calm), of(busy), of(calmer)]), 1);
    assert.equal(worstOf([of(calmer), of(calm)]), 1);
    assert.equal(worstOf([of(calm)]), 0);
  });

  for (const [what, passes, warned] of [
    ['its first round is long', { firstRoundMs: 600_000, pagesPerSecond: 16_384 }, true],
    ['its passes become long', { firstRoundMs: 8000, pagesPerSecond: 10 }, true],
    ['its passes only become shorter', { firstRoundMs: 8000, pagesPerSecond: 16_384 }, false],
  ] as const) {
    it(`${warned ? 'warns of' : 'is content with'} what was watched of a migration where ${what}`, () => {
      const { warnings } = rehearsed(
        harvests(() => 1000),
        new Map(),
        passes,
      );
      assert.equal(warnings.length, warned ? 1 : 0, warnings.join(' '));
      if (warned) assert.match(warnings[0] ?? '', /extrapolated\. Rehearse longer \(--duration\)/);
    });
  }
});
