import assert from 'node:assert/strict';
import { BitmapArena, BitmapLayout, type DirtyBitmap } from 'linux-vfio-ts';
import {
  harvestSources,
  type HarvestClock,
  type HarvestRound,
  type HarvestSource,
  type VcpuTime,
} from 'precopy';

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
  costMs: number;
  #lastMs = 0;
  harvests = 0;
  failAt = Infinity;
  failToStop = false;

  constructor(name: string, clock: FakeClock, costMs = 1) {
    this.name = name;
    this.#clock = clock;
    this.costMs = costMs;
  }
  start(): Promise<void> {
    this.calls.push('start');
    return Promise.resolve();
  }
  harvest(bitmap: DirtyBitmap): Promise<{ startMs: number; endMs: number }> {
    assert.ok(bitmap.isEmpty(), 'harvested into a bitmap that is not clear');
    this.harvests++;
    if (this.harvests === this.failAt) return Promise.reject(new Error('gone'));
    this.#clock.work(this.costMs);
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
  let restarts: number;
  beforeEach(() => {
    arena = new BitmapArena({ capacityBytes: 2 ** 22 });
    rounds = [];
    state = [];
    restarts = 0;
  });
  afterEach(() => {
    arena[Symbol.dispose]();
  });

  const run = async (
    sources: FakeSource[],
    more: Partial<Parameters<typeof harvestSources>[0]> = {},
  ): ReturnType<typeof harvestSources> =>
    await harvestSources({
      sources,
      bitmaps: sources.map(() => arena.create(layout)),
      intervalMs: 100,
      overheadShare: 0.05,
      durationMs: 5000,
      signal: new AbortController().signal,
      clock,
      onTracking: (on) => state.push(on ? 'on' : 'off'),
      onHarvest: ({ startMs, endMs, sources: harvested }: HarvestRound) => {
        rounds.push({ startMs, endMs, names: [...harvested.keys()] });
      },
      onRestart: () => {
        rounds.length = 0;
        restarts++;
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
    assert.deepEqual(state, ['on', 'off']);
  });

  it('keeps the interval where a harvest is cheap, and the cost within the bound', async () => {
    const summary = await run([new FakeSource('cheap', clock, 2)]);
    assert.equal(summary.intervalMs, 100);
    assert.ok(summary.overheadShare <= 0.05, `${summary.overheadShare} of a core`);
  });

  it('harvests less often where a harvest is dear', async () => {
    const summary = await run([new FakeSource('dear', clock, 20)]);
    assert.equal(summary.intervalMs, 500);
    assert.ok(summary.overheadShare <= 0.05, `${summary.overheadShare} of a core`);
  });

  it('begins anew at a longer interval when a harvest becomes dearer than it was tried to be', async () => {
    const source = new FakeSource('dearer', clock, 1);
    const summary = await run([source], {
      onHarvest: ({ startMs, endMs, sources: harvested }) => {
        rounds.push({ startMs, endMs, names: [...harvested.keys()] });
        if (rounds.length === 15) source.costMs = 20;
      },
    });
    assert.ok(restarts >= 1);
    assert.ok(summary.intervalMs >= 300, `one harvest every ${summary.intervalMs} ms`);
    assert.ok(summary.overheadShare <= 0.0501, `${summary.overheadShare} of a core`);
    assert.ok(rounds.every(({ startMs, endMs }) => endMs - startMs > 300));
    assert.deepEqual(source.calls, ['start', 'stop']);
  });

  it('harvests less often where it slows the guest down, and says how much', async () => {
    const source = new FakeSource('cheap for us', clock, 1);
    // One vCPU, always busy; each harvest makes it spend 10 ms on page faults.
    const vcpuTime = (): VcpuTime => ({ runMs: clock.now, systemMs: 10 * source.harvests });
    const summary = await run([source], { vcpuTime, durationMs: 20_000 });
    assert.ok(restarts > 0);
    const { share = NaN, error = NaN } = summary.guestCost ?? {};
    assert.ok(share <= 0.05 + error, `${share} of the guest's time`);
    assert.ok(Math.abs(share - 10 / summary.intervalMs) < 0.005);
    assert.ok(error > 0 && error < 0.1, `error ${error}`);
  });

  it('does not judge by a guest that idles', async () => {
    const vcpuTime = (): VcpuTime => ({ runMs: clock.now / 100, systemMs: clock.now / 200 });
    const summary = await run([new FakeSource('idle', clock, 1)], { vcpuTime });
    assert.equal(summary.guestCost, undefined);
    assert.equal(summary.intervalMs, 100);
  });

  it('gives up on a cost that grows however seldom it harvests', async () => {
    const source = new FakeSource('ever dearer', clock, 1);
    const growing = run([source], {
      durationMs: 600_000,
      onRestart: () => restarts++,
      onHarvest: () => {
        source.costMs = Math.max(source.costMs, 1) * 1.2;
      },
    });
    await assert.rejects(growing, { code: 'NOT_SUPPORTED', message: /A harvest costs so much/ });
    assert.deepEqual(source.calls, ['start', 'stop']);
  });

  it('says how long to watch where the time is too short, and stops', async () => {
    const source = new FakeSource('dear', clock, 200);
    await assert.rejects(run([source]), {
      code: 'NOT_SUPPORTED',
      next: /Watch for 50 s or longer \(rehearse --duration, migrate --rehearse\)/,
    });
    assert.deepEqual(source.calls, ['start', 'stop']);
    assert.deepEqual(state, ['on', 'off']);
  });

  it('stops all sources when one fails, and when it is aborted', async () => {
    const [one, other] = [new FakeSource('one', clock), new FakeSource('other', clock)];
    other.failAt = 20;
    await assert.rejects(run([one, other]), /gone/);
    assert.deepEqual([one.calls, other.calls].flat(), ['start', 'stop', 'start', 'stop']);

    const abort = new AbortController();
    const third = new FakeSource('third', clock);
    const stopping = run([third], {
      signal: abort.signal,
      onHarvest: () => {
        abort.abort(new Error('interrupted'));
      },
    });
    await assert.rejects(stopping, /interrupted/);
    assert.deepEqual(third.calls, ['start', 'stop']);
    assert.equal(state.filter((what) => what === 'off').length, 2);
  });

  it('says that tracking may still be on where it could not be switched off, and stops the others', async () => {
    const [one, other] = [new FakeSource('one', clock), new FakeSource('other', clock)];
    one.failToStop = true;
    await assert.rejects(run([one, other]), /could not be switched off: EPERM/);
    assert.deepEqual(other.calls, ['start', 'stop']);
    assert.deepEqual(state, ['on']);
  });
});
