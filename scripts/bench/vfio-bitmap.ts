/**
 * Dirty bitmaps of 32 MiB (1 TiB of guest in 4 KiB pages) in five densities: counting, uniting,
 * subtracting and finding runs, beside C and our own loops in plain TypeScript on the same memory, and
 * the npm package fastbitset; and how long the analysis of such a bitmap holds up the event loop.
 *
 * The loops are measured in processor time of their thread, which other load on the machine does not
 * add to (though it does cost cache and shared cores); the event loop's pauses in real time.
 *
 *   npm run bench vfio [-- --json]
 */
import { join } from 'node:path';
import { analyse, BitmapArena, BitmapLayout, type DirtyBitmap } from 'linux-vfio-ts';
import { ENGINE_RESERVED_BYTES } from '#vfio/bitmap/engine.js';
import { PlainEngine } from '#vfio/bitmap/engine-plain.js';
import { runBlocks } from '#vfio/bitmap/runs.js';
import { repositoryRoot } from '../repository.js';
import { loadCPeer } from './c-peer.js';
import { FastBitSet } from './fastbitset.js';
import { median, rounded } from './measure.js';
import type { BenchRow } from './row.js';
import { watchTurns } from './turns.js';

const MiB = 2 ** 20;
const bitmapBytes = 32 * MiB;
const bitmapPages = bitmapBytes * 8;
const bitmapWords = bitmapPages / 64;
/** Offset of the first of the buffers that an arena keeps for runs. */
const runBuffer = ENGINE_RESERVED_BYTES;
/** Edges in the buffer that C writes runs to: as many as a block of ours has. */
const runBufferEdges = 16_384;
/** In a comparison, each side has so many turns of at least so many milliseconds. */
const turns = 7;
const turnMs = 30;
/** Analyses of which the longest pause of the event loop is taken. */
const analyses = 15;

interface Density {
  readonly name: string;
  /** Whether nearly all of it is one run. */
  readonly solid?: boolean;
  fill(bytes: Uint8Array, random: () => number): void;
}

const densities: readonly Density[] = [
  { name: '0.01 %', fill: scatter(0.0001, 1) },
  { name: '1 %', fill: scatter(0.01, 1) },
  {
    name: '50 %',
    fill: (bytes, random) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
    },
  },
  { name: '100 %', solid: true, fill: (bytes) => bytes.fill(0xff) },
  { name: '1 % in runs of 512', fill: scatter(0.01, 512) },
];

/** Sets `share` of all bits, in runs of `length` at random places. */
function scatter(share: number, length: number): Density['fill'] {
  return (bytes, random) => {
    const pages = bytes.length * 8;
    for (let n = Math.round((pages * share) / length); n > 0; n--) {
      const first = Math.floor(random() * (pages - length));
      for (let page = first; page < first + length; page++) {
        bytes[page >>> 3] = (bytes[page >>> 3] ?? 0) | (1 << (page & 7));
      }
    }
  };
}

/** xorshift32, so that every run of the bench has the same bitmaps. Numbers in [0, 1). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Two bitmaps of a density, in the forms that ours and the peers take. */
interface Subject {
  readonly ours: readonly [DirtyBitmap, DirtyBitmap];
  /** The same memory for plain JS, and where in it the bitmaps begin and end. */
  readonly plain: PlainEngine;
  readonly places: readonly [Place, Place];
  readonly fast: readonly [FastBitSet, FastBitSet];
}

/** Offsets in bytes. */
interface Place {
  readonly start: number;
  readonly end: number;
}

interface Peer {
  readonly name: 'C' | 'fastbitset' | 'plain JS';
  readonly run: (subject: Subject) => unknown;
}

interface Operation {
  readonly name: string;
  readonly ours: (subject: Subject) => unknown;
  readonly peers: readonly Peer[];
  goal(peer: Peer, density: Density): { readonly words: string; readonly ratio: number } | null;
}

function countRuns(bitmap: DirtyBitmap): number {
  let edges = 0;
  for (const block of bitmap.runBlocks()) edges += block.length;
  return edges / 2;
}

function countPlainRuns(engine: PlainEngine, place: Place): number {
  let edges = 0;
  for (const block of runBlocks(engine, [place], place.start, runBuffer)) edges += block.length;
  return edges / 2;
}

/** fastbitset has no runs: they are made of the pages that it visits, into a buffer as ours are. */
function countFastRuns(set: FastBitSet, buffer: Uint32Array): number {
  let runs = 0;
  let end = -1;
  let used = 0;
  set.forEach((page) => {
    if (page !== end) {
      runs++;
      if (used === buffer.length) used = 0;
      buffer[used] = page;
      used += 2;
    }
    end = page + 1;
    buffer[used - 1] = end;
  });
  return runs;
}

/** The C side: the loops, and the clock that all of them are measured with. */
function loadC() {
  const library = loadCPeer(join(repositoryRoot(), 'scripts/bench/vfio-bitmap-peer.c'));
  const threadNs = library.func('uint64_t peer_thread_ns()') as () => number | bigint;
  return {
    popcount: library.func('uint64_t peer_popcount(const void *words, size_t count)'),
    or: library.func('void peer_or(void *target, const void *source, size_t count)'),
    andNot: library.func('void peer_and_not(void *target, const void *source, size_t count)'),
    runs: library.func(
      'uint64_t peer_runs(const void *words, size_t count, void *out, size_t capacity)',
    ),
    /** Milliseconds that this thread has run on a processor. */
    threadMs: () => Number(threadNs()) / 1e6,
  };
}

type CPeer = ReturnType<typeof loadC>;

function operations(c: CPeer): Operation[] {
  const buffer = new Uint32Array(runBufferEdges);
  return [
    {
      name: 'popcount',
      ours: ({ ours: [a] }) => a.count(),
      peers: [
        { name: 'C', run: ({ ours: [a] }) => c.popcount(a.bytes, bitmapWords) as unknown },
        { name: 'fastbitset', run: ({ fast: [a] }) => a.size() },
        { name: 'plain JS', run: ({ plain, places: [a] }) => plain.popcount(a.start, a.end) },
      ],
      goal: ({ name }) => {
        if (name === 'C') return { words: 'at least 0.65 of C', ratio: 0.65 };
        return name === 'plain JS' ? { words: 'at least 8 times plain JS', ratio: 8 } : null;
      },
    },
    {
      name: 'or',
      ours: ({ ours: [a, b] }) => {
        a.or(b);
      },
      peers: [
        {
          name: 'C',
          run: ({ ours: [a, b] }) => c.or(a.bytes, b.bytes, bitmapWords) as unknown,
        },
        {
          name: 'fastbitset',
          run: ({ fast: [a, b] }) => {
            a.union(b);
          },
        },
        {
          name: 'plain JS',
          run: ({ plain, places: [a, b] }) => {
            plain.or(a.start, a.end, b.start);
          },
        },
      ],
      goal: () => null,
    },
    {
      name: 'and-not',
      ours: ({ ours: [a, b] }) => {
        a.andNot(b);
      },
      peers: [
        {
          name: 'C',
          run: ({ ours: [a, b] }) => c.andNot(a.bytes, b.bytes, bitmapWords) as unknown,
        },
        {
          name: 'fastbitset',
          run: ({ fast: [a, b] }) => {
            a.difference(b);
          },
        },
        {
          name: 'plain JS',
          run: ({ plain, places: [a, b] }) => {
            plain.andNot(a.start, a.end, b.start);
          },
        },
      ],
      goal: () => null,
    },
    {
      name: 'runs',
      // Of the second bitmap: the first was changed by `or` and `and-not`.
      ours: ({ ours: [, b] }) => countRuns(b),
      peers: [
        {
          name: 'C',
          run: ({ ours: [, b] }) => c.runs(b.bytes, bitmapWords, buffer, runBufferEdges) as unknown,
        },
        { name: 'fastbitset', run: ({ fast: [, b] }) => countFastRuns(b, buffer) },
        { name: 'plain JS', run: ({ plain, places: [, b] }) => countPlainRuns(plain, b) },
      ],
      goal: ({ name }, { solid = false }) =>
        name === 'C' && !solid ? { words: 'at least 0.8 of C', ratio: 0.8 } : null,
    },
  ];
}

/**
 * The median time of each, in ms. They take turns of equal length, so that both see the same machine and
 * each finds in the cache what its own last pass has left there: a slow peer would else give the fast
 * side a cold cache each time. The first turn is for warming up.
 */
function alternate(
  ours: () => unknown,
  peer: () => unknown,
  clockMs: () => number,
): [number, number] {
  const samples: [number[], number[]] = [[], []];
  for (let turn = 0; turn <= turns; turn++) {
    for (const [which, run] of [ours, peer].entries()) {
      const turnEnd = clockMs() + turnMs;
      for (let start = clockMs(), end = start; end < turnEnd; start = end) {
        run();
        end = clockMs();
        if (turn > 0) samples[which]?.push(end - start);
      }
    }
  }
  return [median(samples[0]), median(samples[1])];
}

function* loopRows(): Generator<BenchRow> {
  using arena = new BitmapArena({ capacityBytes: 2 * bitmapBytes });
  const layout = terabyte();
  const c = loadC();
  const table = operations(c);
  for (const density of densities) {
    using a = arena.create(layout);
    using b = arena.create(layout);
    density.fill(a.bytes, randomNumbers(1));
    density.fill(b.bytes, randomNumbers(2));
    const subject: Subject = {
      ours: [a, b],
      plain: new PlainEngine(a.bytes.buffer),
      places: [placeOf(a), placeOf(b)],
      fast: [fastCopy(a), fastCopy(b)],
    };
    for (const operation of table) {
      for (const peer of operation.peers) {
        yield compare(operation, peer, density, subject, c.threadMs);
      }
    }
  }
}

function compare(
  operation: Operation,
  peer: Peer,
  density: Density,
  subject: Subject,
  clockMs: () => number,
): BenchRow {
  const name = `${operation.name}, ${density.name}`;
  const [found, expected] = [operation.ours(subject), peer.run(subject)];
  if (found !== undefined && Number(found) !== Number(expected)) {
    const numbers = `${Number(found)}, ${peer.name} finds ${Number(expected)}`;
    throw new Error(`${name}: ours finds ${numbers}.`);
  }
  const [oursMs, peerMs] = alternate(
    () => operation.ours(subject),
    () => peer.run(subject),
    clockMs,
  );
  const goal = operation.goal(peer, density);
  const ratio = peerMs / oursMs;
  return {
    bench: 'vfio',
    case: name,
    unit: 'GB/s of bitmap',
    ours: rounded(bitmapBytes / 1e6 / oursMs),
    peerName: peer.name,
    peer: rounded(bitmapBytes / 1e6 / peerMs),
    ratio: rounded(ratio),
    goal: goal?.words ?? null,
    met: goal === null ? null : ratio >= goal.ratio,
  };
}

/** The longest pause of the event loop while a 1 TiB guest's bitmap is analysed, 1 % dirty. */
async function analysisRows(): Promise<BenchRow[]> {
  using arena = new BitmapArena({ capacityBytes: bitmapBytes });
  using bitmap = arena.create(terabyte());
  scatter(0.01, 1)(bitmap.bytes, randomNumbers(1));
  const { threadMs } = loadC();
  const realMs = (): number => performance.now();
  const pauses: number[] = [];
  const slices: number[] = [];
  const durations: number[] = [];
  for (let i = 0; i < analyses; i++) {
    const pause = watchTurns(realMs);
    const slice = watchTurns(threadMs);
    const start = threadMs();
    await analyse(bitmap);
    durations.push(threadMs() - start);
    pauses.push(pause.longest());
    slices.push(slice.longest());
  }
  const row = { bench: 'vfio', unit: 'ms', peerName: null, peer: null, ratio: null };
  const analysis = '1 TiB at 1 %, popcount and runs';
  const worst = Math.max(...pauses);
  return [
    {
      ...row,
      case: `${analysis}: longest pause of the event loop in ${analyses} analyses, real time`,
      ours: rounded(worst),
      goal: 'at most 20 ms',
      met: worst <= 20,
    },
    {
      ...row,
      case: `${analysis}: the same in processor time (what other load does not add to)`,
      ours: rounded(Math.max(...slices)),
      goal: null,
      met: null,
    },
    {
      ...row,
      case: `${analysis}: whole analysis, median processor time`,
      ours: rounded(median(durations)),
      goal: null,
      met: null,
    },
  ];
}

function terabyte(): BitmapLayout {
  return new BitmapLayout({ range: { first: 0n, last: 2n ** 40n - 1n }, pageSizeBytes: 4096 });
}

function placeOf({ bytes: { byteOffset, byteLength } }: DirtyBitmap): Place {
  return { start: byteOffset, end: byteOffset + byteLength };
}

function fastCopy(bitmap: DirtyBitmap): FastBitSet {
  const { buffer, byteOffset, byteLength } = bitmap.bytes;
  const set = new FastBitSet();
  // Its words are signed 32-bit numbers in a plain array.
  set.words = Array.from(new Int32Array(buffer, byteOffset, byteLength / 4));
  return set;
}

/** All rows of this bench, as they are measured. Takes about a minute and needs gcc. */
export async function* bitmapRows(): AsyncGenerator<BenchRow> {
  yield* loopRows();
  yield* await analysisRows();
}
