/** What is made of harvests while a guest is watched, and how it is shown. */
import assert from 'node:assert/strict';
import {
  behaviourOf,
  CurveBuilder,
  defaultCosts,
  defaultParameters,
  MovingForecast,
  recentHarvests,
  Sampler,
  seededRandom,
  WatchScreen,
  watchLine,
  watchVersion,
  type DirtySource,
  type ForecastInput,
  type WatchSample,
} from 'precopy';

const kinds = new Map<string, DirtySource['kind']>([
  ['CPUs', 'cpu'],
  ['container', 'device'],
]);

describe('samples of what is watched', () => {
  it('are as long as asked, and count each harvest once', () => {
    const sampler = new Sampler(kinds, 1000, 4096);
    const done = Array.from({ length: 40 }, (_, i) =>
      sampler.add({
        startMs: i * 250,
        endMs: (i + 1) * 250,
        pages: new Map([
          ['CPUs', 100],
          ['container', i % 2 === 0 ? 50 : 0],
        ]),
        together: 125,
      }),
    ).flatMap((rates) => (rates === undefined ? [] : [rates]));
    assert.equal(done.length, 10);
    for (const { windowMs, harvests, sources, together } of done) {
      assert.deepEqual([windowMs, harvests], [1000, 4]);
      assert.deepEqual(
        sources.map(({ pagesPerSecond }) => pagesPerSecond),
        [400, 100],
      );
      assert.equal(together.bytesPerSecond, 500 * 4096);
    }
  });

  it('are rates over the time that each source saw', () => {
    const sampler = new Sampler(kinds, 100, 4096);
    const pages = new Map([
      ['CPUs', 90],
      ['container', 10],
    ]);
    const watchedMs = new Map([['CPUs', 90]]);
    const rates = sampler.add({ startMs: 0, endMs: 100, pages, watchedMs, together: 100 });
    assert.deepEqual(
      [...(rates?.sources ?? []), rates?.together].map((rate) => rate?.pagesPerSecond),
      [1000, 100, 1100],
    );
  });

  it('are single harvests where those are longer', () => {
    const sampler = new Sampler(kinds, 100, 4096);
    const rates = sampler.add({ startMs: 0, endMs: 500, pages: new Map(), together: 0 });
    assert.deepEqual([rates?.windowMs, rates?.harvests], [500, 1]);
    assert.deepEqual(
      rates?.sources.map(({ pagesPerSecond }) => pagesPerSecond),
      [0, 0],
    );
  });
});

describe('the forecast as it moves', () => {
  const MiB = 2 ** 20;
  const inputOf = (sources: readonly DirtySource[]): ForecastInput => ({
    guest: {
      pageBytes: 4096,
      vcpus: 1,
      ram: [{ pages: 16_384, zero: false }],
      sources,
      devices: [],
    },
    link: { bytesPerSecond: 32 * MiB, channelBytesPerSecond: 32 * MiB },
    parameters: { ...defaultParameters, maxBandwidthBytesPerSecond: 32 * MiB },
    behaviour: behaviourOf(10, 0),
    costs: defaultCosts,
    horizonMs: 600_000,
  });

  /** Harvests every 100 ms; the CPU time of a forecast is made up. */
  function watched(pagesPerSecond: (ms: number) => number): {
    harvest: (count: number) => MovingForecast;
    made: () => number;
  } {
    const builder = new CurveBuilder({ pages: 16_384 });
    const random = seededRandom(3);
    let nowMs = 0;
    let made = 0;
    const moving = new MovingForecast({
      recent: recentHarvests(builder, kinds),
      overheadShare: 0.01,
      inputOf: (sources) => {
        made++;
        return inputOf(sources);
      },
      // 5 ms each, of which 1 % of one core allows one in 500 ms.
      cpuMs: () => made * 5,
    });
    return {
      made: () => made,
      harvest: (count) => {
        for (let i = 0; i < count; i++) {
          const pages = Array.from({ length: pagesPerSecond(nowMs) / 10 }, () => ({
            firstPage: Math.floor(random.uniform() * 16_384),
            pages: 1,
          }));
          const sources = new Map([['CPUs', pages]]);
          builder.add({ startMs: nowMs, endMs: nowMs + 100, sources });
          nowMs += 100;
          moving.at(nowMs);
        }
        return moving;
      },
    };
  }

  it('is none before there is a curve', () => {
    const { harvest, made } = watched(() => 1000);
    harvest(4);
    assert.equal(made(), 0);
  });

  it('is made as often as it may cost', () => {
    const { harvest, made } = watched(() => 1000);
    harvest(55);
    // From 500 ms on, one in 500 ms.
    assert.ok(made() >= 9 && made() <= 11, String(made()));
  });

  it('follows a workload that changes', () => {
    const { harvest } = watched((ms) => (ms < 10_000 ? 100 : 16_000));
    assert.equal(harvest(100).at(10_000)?.converges, 'yes');
    assert.equal(harvest(50).at(15_000)?.converges, 'no');
  });
});

describe('what is watched, as text', () => {
  const range = (p50: number): { p10: number; p50: number; p90: number } => ({
    p10: p50,
    p50,
    p90: p50,
  });
  const sample = (pagesPerSecond: number, downtimeMs: number | null): WatchSample => ({
    type: 'sample',
    version: watchVersion,
    atMs: 0,
    windowMs: 1000,
    harvests: 10,
    sources: [
      { name: 'CPUs', kind: 'cpu', pagesPerSecond, bytesPerSecond: pagesPerSecond * 4096 },
      { name: 'container', kind: 'device', pagesPerSecond: 0, bytesPerSecond: 0 },
    ],
    together: { pagesPerSecond, bytesPerSecond: pagesPerSecond * 4096 },
    forecast: {
      converges: downtimeMs === null ? 'no' : 'yes',
      convergedShare: downtimeMs === null ? 0 : 1,
      limitedBy: null,
      passes: downtimeMs === null ? null : range(3),
      totalMs: downtimeMs === null ? null : range(1500),
      downtimeMs: downtimeMs === null ? null : range(downtimeMs),
      qemuExpectedDowntimeMs: null,
      fromLastMs: 5000,
    },
    overheadShare: 0.013,
  });

  it('is a line a sample where it is no terminal', () => {
    const text = watchLine(sample(1500, 34)).slice(10);
    assert.equal(
      text,
      'CPUs 1500 pages/s, container 0 pages/s; forecast: converges, downtime 34 ms, 3 passes, 1.50 s in all',
    );
    assert.match(watchLine(sample(9000, null)), /; forecast: does not converge$/);
  });

  for (const width of [40, 80, 132]) {
    it(`has rows with a history, within ${width} characters`, () => {
      const screen = new WatchScreen('precopy watch');
      for (let i = 0; i < 200; i++) screen.add(sample(i * 10, i % 2 === 0 ? 30 : null));
      const lines = screen.lines(width).slice(0, 5);
      for (const line of lines) assert.ok(line.length <= width, line);
      assert.match(lines[2] ?? '', /^CPUs +1990 +7\.77 MiB\/s/);
      assert.match(lines[4] ?? '', /^together +1990 /);
      if (width >= 80) assert.match(lines[2] ?? '', / [▁▂▃▄▅▆▇█]{20,}$/);
    });
  }

  it('shows a migration in place of rates, and what happened last', () => {
    const screen = new WatchScreen('precopy watch');
    screen.add(sample(1500, 34));
    for (const text of ['one', 'two', 'three', 'four']) {
      screen.add({ type: 'notice', version: watchVersion, atMs: 0, text });
    }
    screen.add({
      ...{ type: 'migration', version: watchVersion, atMs: 0, status: 'active', passes: 3 },
      ...{ remainingBytes: 2 ** 20, bandwidthBytesPerSecond: 2 ** 21 },
      ...{ dirtyBytesPerSecond: 0, expectedDowntimeMs: 300 },
    });
    const text = screen.lines(80).join('\n');
    assert.match(
      text,
      /migration active: pass 3, 1\.00 MiB remaining, 2\.00 MiB\/s sent, 0 B\/s dirtied/,
    );
    assert.doesNotMatch(text, /pages\/s|note: one/);
    assert.match(text, /note: two\n.*note: three\n.*note: four$/);
  });
});
