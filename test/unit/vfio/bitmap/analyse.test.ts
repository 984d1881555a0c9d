import assert from 'node:assert/strict';
import {
  analyse,
  BitmapArena,
  type BitmapSteps,
  cooperate,
  type DirtyBitmap,
  type Steps,
  warmUp,
} from 'linux-vfio-ts';
import { layoutOf } from '../../../support/bitmap.js';

const MiB = 2 ** 20;
/** 1 TiB of guest in 4 KiB pages. */
const terabyteBytes = 32 * MiB;

describe('analysing the dirty bitmap of a 1 TiB guest, 1 % dirty', () => {
  const arena = new BitmapArena({ capacityBytes: terabyteBytes });
  const bitmap = arena.create(layoutOf(terabyteBytes * 8));
  // One byte in 25 has two lonely bits: 1 % of all pages, and a run for each.
  const { bytes } = bitmap;
  for (let i = 0; i < bytes.length; i += 25) bytes[i] = 0b0010_0100;
  const lonely = 2 * Math.ceil(terabyteBytes / 25);
  bitmap.add({ firstPage: 1_000_000, pages: 5000 });
  after(() => {
    arena[Symbol.dispose]();
  });

  it('gives way to the event loop again and again', async () => {
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    const analysis = await analyse(bitmap, { sliceMs: 0, longest: 1 });
    running = false;
    // Each block of at most 8,192 runs is a turn.
    assert.ok(turns >= analysis.runs / 8192, `${turns} turns`);
    assert.deepEqual(analysis.longestRuns, [{ firstPage: 1_000_000, pages: 5000 }]);
    assert.equal(analysis.dirtyPages, bitmap.count());
    assert.equal(analysis.runs, lonely - 2 * (5000 / 8 / 25) + 1);
  });

  it('does so in steps of bounded work, whatever the bitmap holds', () => {
    let blocks = 0;
    for (const block of bitmap.runBlocks()) {
      assert.ok(block.length <= 2 * 8192);
      blocks++;
    }
    assert.ok(blocks >= terabyteBytes / MiB);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    setImmediate(() => {
      controller.abort(reason);
    });
    await assert.rejects(analyse(bitmap, { sliceMs: 0, signal: controller.signal }), reason);
    // What it held is free again: an arena has buffers for 16 iterations.
    for (let i = 0; i < 20; i++) assert.equal(bitmap.firstRuns(1).length, 1);
  });
});

describe('an operation in steps', () => {
  const mebibytes = 5;
  const layout = layoutOf(mebibytes * MiB * 8);
  const arena = new BitmapArena({ capacityBytes: 4 * mebibytes * MiB });
  after(() => {
    arena[Symbol.dispose]();
  });

  /** Two bitmaps with something in common, and something not, in each MiB. */
  function twoBitmaps() {
    const [a, b] = [arena.create(layout), arena.create(layout)];
    for (let page = 0; page < layout.pages; page += MiB) {
      a.add({ firstPage: page, pages: 100 });
      b.add({ firstPage: page + 50, pages: 100 });
    }
    return {
      a,
      b,
      [Symbol.dispose]() {
        a[Symbol.dispose]();
        b[Symbol.dispose]();
      },
    };
  }

  type Operation = (on: DirtyBitmap | BitmapSteps, other: DirtyBitmap) => unknown;
  const operations: Readonly<Record<Exclude<keyof BitmapSteps, 'commit'>, Operation>> = {
    count: (on) => on.count(),
    isEmpty: (on) => on.isEmpty(),
    clear: (on) => on.clear(),
    copyFrom: (on, other) => on.copyFrom(other),
    or: (on, other) => on.or(other),
    and: (on, other) => on.and(other),
    andNot: (on, other) => on.andNot(other),
    equals: (on, other) => on.equals(other),
    isSubsetOf: (on, other) => on.isSubsetOf(other),
    countOutsideSections: (on) => on.countOutsideSections(),
  };

  for (const [name, operation] of Object.entries(operations)) {
    it(`does what ${name} does`, async () => {
      using once = twoBitmaps();
      using stepped = twoBitmaps();
      const steps = operation(stepped.a.steps, stepped.b) as Steps<unknown>;
      assert.equal(await cooperate(steps), operation(once.a, once.b));
      assert.deepEqual(stepped.a.bytes, once.a.bytes);
    });
  }

  it('has a step for each MiB', () => {
    using bitmaps = twoBitmaps();
    const { a, b } = bitmaps;
    assert.equal([...a.steps.or(b)].length, mebibytes);
    assert.equal([...a.steps.clear()].length, mebibytes);
  });

  it('commits memory without a change', async () => {
    using bitmaps = twoBitmaps();
    const before = bitmaps.a.bytes.slice();
    await cooperate(bitmaps.a.steps.commit());
    assert.deepEqual(bitmaps.a.bytes, before);
  });

  it('ends when a bitmap is disposed of meanwhile', () => {
    const { a, b } = twoBitmaps();
    const steps = a.steps.or(b);
    steps.next();
    b[Symbol.dispose]();
    assert.throws(() => steps.next(), { code: 'BITMAP_DISPOSED' });
    a[Symbol.dispose]();
  });
});

describe('working in slices', () => {
  function* counting(steps: number, onEnd: () => void): Generator<undefined, string, undefined> {
    try {
      for (let i = 0; i < steps; i++) yield;
      return 'done';
    } finally {
      onEnd();
    }
  }

  it('hands on what the generator returns, having ended it once', async () => {
    let ends = 0;
    assert.equal(await cooperate(counting(10, () => ends++)), 'done');
    assert.equal(ends, 1);
  });

  it('does nothing when told to stop before it began', async () => {
    const reason = new Error('no');
    const signal = AbortSignal.abort(reason);
    let ends = 0;
    await assert.rejects(
      cooperate(
        counting(1, () => ends++),
        { signal },
      ),
      reason,
    );
    assert.equal(ends, 0);
  });

  it('hands on what the generator throws', async () => {
    function* failing(): Generator<undefined, never, undefined> {
      yield;
      throw new RangeError('broken');
    }
    await assert.rejects(cooperate(failing()), RangeError);
  });
});

describe('warming up', () => {
  it('leaves the arena as it was', () => {
    using arena = new BitmapArena({ capacityBytes: MiB });
    const before = arena.freeBytes;
    warmUp(arena);
    assert.equal(arena.freeBytes, before);
  });

  it('says that it needs 8 KiB of the arena', () => {
    using arena = new BitmapArena({ capacityBytes: 4096 });
    assert.throws(() => {
      warmUp(arena);
    }, /No room for a bitmap of 8192 bytes/);
  });
});
