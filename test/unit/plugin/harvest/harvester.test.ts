import assert from 'node:assert/strict';
import { BitmapArena, BitmapLayout, type DirtyBitmap } from 'linux-vfio-ts';
import { harvestSources, type HarvestClock, type HarvestRound, type HarvestSource } from 'precopy';

const layout = new BitmapLayout({
  range: { first: 0n, last: 64n * 4096n - 1n },
  pageSizeBytes: 4096,
});

/** Time that passes only when somebody sleeps or works. */
class FakeClock implements HarvestClock {
  now = 0;
  cpu = 0;
  nowMs(): number {
    return this.now;
  }
  cpuMs(): number {
    return this.cpu;
  }
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.now += ms;
    return Promise.resolve();
  }
  work(ms: number): void {
    this.now += ms;
    this.cpu += ms;
  }
}

/** Dirties one more page at each harvest, and says what was done with it. */
class FakeSource implements HarvestSource {
  readonly kind = 'device';
  readonly calls: string[] = [];
  readonly name: string;
  readonly #clock: FakeClock;
  readonly #costMs: number;
  #lastMs = 0;
  harvests = 0;
  failAt = Infinity;
  failToStop = false;

  constructor(name: string, clock: FakeClock, costMs = 1) {
    this.name = name;
    this.#clock = clock;
    this.#costMs = costMs;
  }
  start(): Promise<void> {
    this.calls.push('start');
    return Promise.resolve();
  }
  harvest(bitmap: DirtyBitmap): Promise<{ startMs: number; endMs: number }> {
    assert.ok(bitmap.isEmpty(), 'harvested into a bitmap that is not clear');
    this.harvests++;
    if (this.harvests === this.failAt) return Promise.reject(new Error('gone'));
    this.#clock.work(this.#costMs);
    bitmap.add({ firstPage: this.harvests % 64, pages: 1 });
    const startMs = this.#lastMs;
    this.#lastMs = this.#clock.now;
    return Promise.resolve({ startMs, endMs: this.#lastMs });
  }
  stop(): void {
    this.calls.push('stop');
    if (this.failToStop) throw new Error('EPERM');
  }
  caveats(): string[] {
    return [];
  }
}

describe('harvestSources', () => {
  const clock = new FakeClock();
  let arena: BitmapArena;
  let rounds: { startMs: number; endMs: number; names: string[] }[];
  let state: string[];
  beforeEach(() => {
    arena = new BitmapArena({ capacityBytes: 2 ** 22 });
    rounds = [];
    state = [];
  });
  afterEach(() => {
    arena[Symbol.dispose]();
  });

  const run = async (
    sources: FakeSource[],
    more: { durationMs?: number; signal?: AbortSignal; overheadShare?: number } = {},
  ): ReturnType<typeof harvestSources> =>
    await harvestSources({
      sources,
      bitmaps: sources.map(() => arena.create(layout)),
      intervalMs: 100,
      overheadShare: 0.05,
      durationMs: 5000,
      signal: new AbortController().signal,
      clock,
      state: { write: () => state.push('written'), remove: () => state.push('removed') },
      onHarvest: ({ startMs, endMs, sources: harvested }: HarvestRound) => {
        rounds.push({ startMs, endMs, names: [...harvested.keys()] });
      },
      ...more,
    });

  it('reads all sources in each round, in windows that follow each other', async () => {
    const [one, other] = [new FakeSource('one', clock), new FakeSource('other', clock)];
    const summary = await run([one, other]);
    assert.equal(summary.rounds, rounds.length);
    assert.ok(rounds.length >= 45, `${rounds.length} rounds`);
    for (const [index, round] of rounds.entries()) {
      assert.deepEqual(round.names, ['one', 'other']);
      assert.ok(round.endMs > round.startMs);
      if (index > 0) assert.equal(round.startMs, rounds[index - 1]?.endMs);
    }
    assert.deepEqual(one.calls, ['start', 'stop']);
    assert.deepEqual(other.calls, ['start', 'stop']);
    assert.deepEqual(state, ['written', 'removed']);
  });

  it('keeps the interval where a harvest is cheap, and the cost within the bound', async () => {
    const summary = await run([new FakeSource('cheap', clock, 2)]);
    assert.equal(summary.intervalMs, 100);
    assert.ok(summary.overheadShare <= 0.05, `${summary.overheadShare} of a core`);
  });

  it('harvests less often where a harvest is dear', async () => {
    const summary = await run([new FakeSource('dear', clock, 20)]);
    assert.equal(summary.intervalMs, 400);
    assert.ok(summary.overheadShare <= 0.0501, `${summary.overheadShare} of a core`);
  });

  it('says how long to watch where the time is too short, and stops', async () => {
    const source = new FakeSource('dear', clock, 200);
    await assert.rejects(run([source]), /Watch for 40 s or longer \(--duration\)|too short/);
    assert.deepEqual(source.calls, ['start', 'stop']);
    assert.deepEqual(state, ['written', 'removed']);
  });

  it('stops all sources when one fails, and when it is aborted', async () => {
    const [one, other] = [new FakeSource('one', clock), new FakeSource('other', clock)];
    other.failAt = 20;
    await assert.rejects(run([one, other]), /gone/);
    assert.deepEqual([one.calls, other.calls].flat(), ['start', 'stop', 'start', 'stop']);

    const abort = new AbortController();
    const third = new FakeSource('third', clock);
    const stopping = run([third], { signal: abort.signal });
    abort.abort(new Error('interrupted'));
    await assert.rejects(stopping, /interrupted/);
    assert.deepEqual(third.calls, ['start', 'stop']);
    assert.equal(state.filter((what) => what === 'removed').length, 2);
  });

  it('keeps the state where tracking could not be switched off, and still stops the others', async () => {
    const [one, other] = [new FakeSource('one', clock), new FakeSource('other', clock)];
    one.failToStop = true;
    await assert.rejects(run([one, other]), /could not be switched off: EPERM/);
    assert.deepEqual(other.calls, ['start', 'stop']);
    assert.deepEqual(state, ['written']);
  });
});
