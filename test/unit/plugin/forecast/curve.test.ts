import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BitmapArena, BitmapLayout, cooperate, type PageRange } from 'linux-vfio-ts';
import { Sampling } from '#plugin/forecast/curve/sampled-set.js';
import {
  CurveBuilder,
  seededRandom,
  sequentialCurve,
  sumOfCurves,
  uniformCurve,
  type CurveBuilderOptions,
  type DirtyCurve,
  type Random,
} from 'precopy';

/** A workload that writes pages one by one, as the guest workload of the lab does. */
type Writer = (random: Random) => () => number;

const uniform = (pages: number, first = 0): Writer => {
  return (random) => () => first + Math.floor(random.uniform() * pages);
};
const inOrder = (pages: number): Writer => {
  return () => {
    let next = 0;
    return () => next++ % pages;
  };
};
const hotAndCold = (hot: number, share: number, pages: number): Writer => {
  return (random) => () =>
    random.uniform() < share
      ? Math.floor(random.uniform() * hot)
      : hot + Math.floor(random.uniform() * (pages - hot));
};

const intervalMs = 100;

interface Recording extends Partial<CurveBuilderOptions> {
  writer: Writer;
  pagesPerSecond: (ms: number) => number;
  harvests?: number;
  /** At the end of each harvest, in which nothing is seen. */
  gapMs?: number;
}

function record(options: Recording): CurveBuilder {
  const { writer, pagesPerSecond, harvests = 300, pages = 16_384, gapMs = 0, ...others } = options;
  const watchedMs = new Map([['cpu', intervalMs - gapMs]]);
  const builder = new CurveBuilder({ pages, ...others });
  const random = seededRandom(7);
  const next = writer(random);
  for (let i = 0; i < harvests; i++) {
    const startMs = i * intervalMs;
    const writes = (pagesPerSecond(startMs) * intervalMs) / 1000;
    const seen = Math.round(writes * (1 - gapMs / intervalMs));
    const dirty = new Set(Array.from({ length: writes }, next).slice(0, seen));
    const runs: PageRange[] = [...dirty].map((firstPage) => ({ firstPage, pages: 1 }));
    const sources = new Map([['cpu', runs]]);
    builder.add({ startMs, endMs: startMs + intervalMs, sources, watchedMs });
  }
  return builder;
}

const steady = (pagesPerSecond: number) => () => pagesPerSecond;

function assertNear(actual: DirtyCurve | undefined, truth: DirtyCurve, windows: number[]): void {
  assert.ok(actual);
  for (const ms of windows) {
    const error = actual.pagesIn(ms) / truth.pagesIn(ms) - 1;
    assert.ok(Math.abs(error) < 0.05, `${ms} ms: ${(error * 100).toFixed(1)} %`);
  }
}

describe('the dirty curve', () => {
  // Between, at and below the measured windows, and up to the longest.
  const windows = [50, 100, 150, 250, 400, 700, 1100, 2300, 5000, 9000, 20_000, 25_000];
  const cases: { of: string; writer: Writer; rate: number; truth: DirtyCurve }[] = [
    {
      of: 'uniform writes',
      writer: uniform(8000),
      rate: 4000,
      truth: uniformCurve(8000, 4000),
    },
    {
      of: 'writes in order',
      writer: inOrder(10_000),
      rate: 2000,
      truth: sequentialCurve(10_000, 2000),
    },
    {
      of: 'hot and cold pages',
      writer: hotAndCold(500, 0.8, 12_000),
      rate: 4000,
      truth: sumOfCurves(uniformCurve(500, 3200), uniformCurve(11_500, 800)),
    },
  ];
  for (const { of, writer, rate, truth } of cases) {
    it(`of ${of} is within 5 % of the true one`, () => {
      const builder = record({ writer, pagesPerSecond: steady(rate) });
      assertNear(builder.curve(), truth, windows);
      assert.equal(builder.sampledPages, 1);
    });

    it(`of ${of} is so, too, where a tenth of the time was not watched`, () => {
      const builder = record({ writer, pagesPerSecond: steady(rate), gapMs: 10 });
      // Writes in order come round every 50 harvests here: then the gaps are at the same pages.
      const shorter = windows.filter((ms) => ms < 4000);
      assertNear(builder.curve(), truth, shorter);
      assertNear(builder.curve({ source: 'cpu' }), truth, shorter);
    });
  }

  it('of bursts is the mean over all windows of a length', () => {
    const pagesPerSecond = (ms: number): number => (ms % 1000 < 500 ? 6000 : 0);
    const builder = record({ writer: inOrder(16_384), pagesPerSecond });
    const curve = builder.curve();
    // A second holds one burst; half a second holds all of one, or none.
    assertNear(curve, { pagesIn: (ms) => 3 * ms }, [100, 1000, 2000, 4000]);
    assert.ok((curve?.spread(100) ?? 0) > 0.9);
    assert.ok((curve?.spread(4000) ?? 1) < 0.1);
    assert.equal(builder.phases().length, 1);
  });

  it('saturates beyond the measured windows as the working set does', () => {
    const builder = record({ writer: uniform(8000), pagesPerSecond: steady(2000), harvests: 130 });
    const curve = builder.curve();
    assert.ok(curve);
    assert.ok(curve.knownToMs < 13_000);
    assertNear(curve, uniformCurve(8000, 2000), [15_000, 30_000, 100_000]);
    assert.ok(curve.uncertainty(100_000) > curve.uncertainty(10_000));
  });

  it('is known for each source, for each block, and together', () => {
    const builder = new CurveBuilder({
      pages: 2000,
      blocks: [
        { name: 'low', ranges: [{ firstPage: 0, pages: 1000 }] },
        { name: 'high', ranges: [{ firstPage: 1000, pages: 1000 }] },
      ],
    });
    for (let i = 0; i < 8; i++) {
      const sources = new Map([
        ['cpu', [{ firstPage: 0, pages: 100 }]],
        ['nic', [{ firstPage: 50, pages: 1000 }]],
      ]);
      builder.add({ startMs: i * 100, endMs: (i + 1) * 100, sources });
    }
    const pagesOf = (selection: Parameters<CurveBuilder['curve']>[0]): number =>
      Math.round(builder.curve(selection)?.pagesIn(400) ?? NaN);
    assert.deepEqual(builder.sources, ['cpu', 'nic']);
    assert.equal(pagesOf({ source: 'cpu' }), 100);
    assert.equal(pagesOf({ source: 'nic' }), 1000);
    assert.equal(pagesOf({}), 1050);
    assert.equal(pagesOf({ block: 'high' }), 50);
    assert.equal(pagesOf({ source: 'nic', block: 'low' }), 950);
    assert.equal(builder.curve({ source: 'gpu' }), undefined);
  });

  it('reads a harvest from a bitmap as from runs', () => {
    const layout = new BitmapLayout({
      range: { first: 0n, last: 2n ** 26n - 1n },
      pageSizeBytes: 4096,
    });
    using arena = new BitmapArena();
    const bitmap = arena.create(layout);
    const runs = [
      { firstPage: 3, pages: 90 },
      { firstPage: 16_000, pages: 384 },
    ];
    for (const run of runs) bitmap.add(run);
    const builders = [bitmap, runs].map((pages) => {
      const builder = new CurveBuilder({ pages: layout.pages });
      builder.add({ startMs: 0, endMs: 100, sources: new Map([['nic', pages]]) });
      return builder;
    });
    assert.equal(builders[0]?.curve()?.points[0]?.pages, 474);
    assert.deepEqual(builders[0].curve()?.points, builders[1]?.curve()?.points);
    assert.deepEqual(builders[0].heat, builders[1]?.heat);
  });

  it('takes no window over time that was not watched', () => {
    const builder = new CurveBuilder({ pages: 100 });
    for (const startMs of [0, 100, 5000, 5100]) {
      const sources = new Map([['cpu', [{ firstPage: startMs / 100, pages: 1 }]]]);
      builder.add({ startMs, endMs: startMs + 100, sources });
    }
    assert.equal(builder.curve()?.knownToMs, 200);
    assert.throws(() => {
      builder.add({ startMs: 0, endMs: 100, sources: new Map() });
    }, RangeError);
  });

  it('of a terabyte stays within its memory, and near the truth by sampling', () => {
    const pages = 2 ** 28;
    const budgetBytes = 8 * 2 ** 20;
    const builder = new CurveBuilder({ pages, budgetBytes });
    const random = seededRandom(3);
    for (let i = 0; i < 16; i++) {
      const runs = Array.from({ length: 20_000 }, () => ({
        firstPage: Math.floor(random.uniform() * (pages - 64)),
        pages: 64,
      }));
      runs.sort((a, b) => a.firstPage - b.firstPage);
      builder.add({ startMs: i * 100, endMs: (i + 1) * 100, sources: new Map([['cpu', runs]]) });
      assert.ok(builder.bytes <= budgetBytes);
    }
    assert.ok(builder.sampledPages > 1);
    // 64 pages a write; overlaps are as rare as 64 * writes / pages.
    const truth: DirtyCurve = {
      pagesIn: (ms) => -pages * Math.expm1((-64 * 200 * ms) / pages),
    };
    assertNear(builder.curve(), truth, [100, 400, 1600]);
  });

  it('never takes more than its memory, not even while it takes one large harvest', () => {
    const pages = 2 ** 28;
    const budgetBytes = 8 * 2 ** 20;
    const sampling = new Sampling(budgetBytes);
    const scattered = Array.from({ length: 2 ** 15 }, (_, i) => ({ firstPage: i << 13, pages: 1 }));
    const [one, other] = [sampling.create(), sampling.create()];
    const inBudget = <Result>(steps: Generator<undefined, Result, undefined>): Result => {
      for (;;) {
        const step = steps.next();
        assert.ok(sampling.bytes <= budgetBytes);
        if (step.done === true) return step.value;
      }
    };
    inBudget(one.add(scattered));
    inBudget(other.add([{ firstPage: 0, pages }]));
    inBudget(one.or(other));
    assert.equal(inBudget(one.count()) * 2 ** sampling.shift, pages);
  });

  it('takes a harvest in steps, so that an event loop need not wait for a terabyte', async () => {
    const layout = new BitmapLayout({
      range: { first: 0n, last: (1n << 40n) - 1n },
      pageSizeBytes: 4096,
    });
    using arena = new BitmapArena();
    using bitmap = arena.create(layout);
    const builders = [0, 1].map(
      () => new CurveBuilder({ pages: layout.pages, budgetBytes: 8 * 2 ** 20 }),
    );
    const [atOnce, inSteps] = builders;
    assert.ok(atOnce && inSteps);
    const random = seededRandom(5);
    for (let i = 0; i < 3; i++) {
      for (let n = 0; n < 2000; n++) {
        bitmap.add({ firstPage: Math.floor(random.uniform() * layout.pages), pages: 1 });
      }
      const harvest = {
        startMs: 100 * i,
        endMs: 100 * (i + 1),
        sources: new Map([['cpu', bitmap]]),
      };
      let steps = 0;
      const counted = function* (): Generator<undefined, number, undefined> {
        const adding = inSteps.adding(harvest);
        for (;;) {
          const step = adding.next();
          if (step.done === true) return step.value;
          steps++;
          yield;
        }
      };
      assert.equal(await cooperate(counted()), atOnce.add(harvest));
      assert.ok(steps >= (2 ** 8) >> Math.log2(inSteps.sampledPages), `${steps} steps`);
    }
    assert.deepEqual(inSteps.curve(), atOnce.curve());
  });

  it('says when the workload changed, and has a curve of each phase', () => {
    const builder = record({
      writer: uniform(8000),
      pagesPerSecond: (ms) => (ms < 10_000 ? 500 : 4000),
    });
    const phases = builder.phases();
    assert.equal(phases.length, 2);
    assert.ok(Math.abs((phases[1]?.startMs ?? 0) - 10_000) <= 500);
    assertNear(builder.curve(phases[0]), uniformCurve(8000, 500), [100, 1000, 4000]);
    assertNear(builder.curve(phases[1]), uniformCurve(8000, 4000), [100, 1000, 4000]);
  });

  it('sees no change in a workload that has none', () => {
    for (const rate of [50, 500, 5000]) {
      const builder = record({ writer: uniform(8000), pagesPerSecond: steady(rate) });
      assert.equal(builder.phases().length, 1, String(rate));
    }
  });

  it('has a heat map that does not grow', () => {
    const builder = record({
      writer: uniform(1024, 4096),
      pagesPerSecond: steady(2000),
      harvests: 1000,
    });
    const { rows, columns } = builder.heat;
    assert.ok(rows.length <= 256 && columns.length <= 256);
    assert.equal(rows[0]?.startMs, 0);
    assert.equal(rows.at(-1)?.endMs, 100_000);
    assert.equal(
      rows.reduce((sum, { harvests }) => sum + harvests, 0),
      1000,
    );
    for (const row of rows) {
      for (const [column, pages] of row.pages.entries()) {
        const [range] = columns[column] ?? [];
        assert.ok(range);
        const inside = range.firstPage >= 4096 && range.firstPage < 5120;
        assert.equal(pages > 0, inside, `column ${column}`);
      }
    }
  });

  const harvestsOf = fc.array(
    fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 1, max: 60 })), { maxLength: 20 }),
    { minLength: 1, maxLength: 40 },
  );
  it('never falls and is concave, whatever was harvested', () => {
    fc.assert(
      fc.property(harvestsOf, (harvests) => {
        const builder = new CurveBuilder({ pages: 2100 });
        for (const [i, list] of harvests.entries()) {
          const runs = list.map(([firstPage, pages]) => ({ firstPage, pages }));
          const sources = new Map([['cpu', runs]]);
          builder.add({ startMs: i * 100, endMs: (i + 1) * 100, sources });
        }
        const curve = builder.curve();
        assert.ok(curve);
        let before = 0;
        let slope = Infinity;
        for (let ms = 0; ms < 8000; ms += 25) {
          const pages = curve.pagesIn(ms + 25);
          assert.ok(pages <= 2100 && pages >= before - 1e-6);
          assert.ok(pages - before <= slope + 1e-6, `${ms} ms`);
          slope = pages - before;
          before = pages;
        }
      }),
    );
  });
});
