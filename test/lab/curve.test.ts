/**
 * D(t) from harvests beside D(t) from ground truth, for the patterns that the device and the guest's CPU can
 * write; and no page of the truth that is missing in the harvest of its window.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BitmapArena, type DirtyBitmap, type PageRange } from 'linux-vfio-ts';
import {
  bitmapLayoutOf,
  connectMonitor,
  curveBuilderFor,
  describeMemory,
  deviceTracking,
  harvestGuest,
  Journal,
  probe,
  QemuSide,
  ramWindows,
  SoftDirtySource,
  type EstimatedCurve,
  type MemoryLayout,
} from 'precopy';
import type { DirtygenSettings } from '#scripts/lab/dirtygen.js';
import { startVfioGuest, type VfioGuest } from '#scripts/lab/vfio-guest.js';
import { WorkloadTruth } from '#scripts/lab/workload-truth.js';
import { WorkloadReader } from '#scripts/lab/workload-reader.js';
import type { WorkloadParameters } from '#scripts/lab/workload.js';

const memoryMiB = 128;
/** How long each pattern is watched. For narrower errors: CURVE_SECONDS=120. */
const seconds = Number(process.env['CURVE_SECONDS'] ?? 12);
const intervalMs = 200;
const mostOffPercent = 5;
/** Lengths of which there are fewer windows scatter too much to be judged. */
const leastWindows = 4;

const device = { rangeIova: 0x100_0000n, rangePages: 4096, rate: 2000 };
const cpu = { baseAddress: 0x400_0000, pages: 4096, pagesPerSecond: 2000 };
const burst = { onMs: 700, offMs: 500 };

/** What both write at the same time, by the name of the device's pattern. */
const cases: readonly {
  readonly name: string;
  readonly dirty: Partial<DirtygenSettings>;
  readonly workload: WorkloadParameters;
}[] = [
  {
    name: 'uniform',
    dirty: { ...device, pattern: 'uniform' },
    workload: { ...cpu, pattern: { kind: 'uniform' } },
  },
  {
    name: 'sequential',
    dirty: { ...device, pattern: 'sequential' },
    workload: { ...cpu, pattern: { kind: 'sequential' } },
  },
  {
    name: 'hot and cold (the device: zipf)',
    dirty: { ...device, pattern: 'zipf' },
    workload: { ...cpu, pattern: { kind: 'hot', pages: 256, permille: 800 } },
  },
  {
    name: 'bursts',
    dirty: { ...device, pattern: 'uniform', burstOnMs: burst.onMs, burstOffMs: burst.offMs },
    workload: { ...cpu, burst },
  },
];

/** What was really written between two harvests. */
class Truth implements Disposable {
  readonly #folder: string;
  readonly #reader: WorkloadReader;
  readonly #workload: WorkloadTruth;

  constructor(at: VfioGuest, layout: MemoryLayout, workload: WorkloadParameters) {
    this.#folder = join(at.device.sysfsPath, 'dirtygen');
    this.#reader = new WorkloadReader(at.guest.pid, layout);
    this.#workload = new WorkloadTruth(workload);
  }

  /** Synchronous, as a harvest must not go on meanwhile. */
  cut(): { device: PageRange[]; cpu: PageRange[] } {
    writeFileSync(join(this.#folder, 'control'), 'snapshot');
    const written: PageRange[] = [];
    for (const [index, byte] of readFileSync(join(this.#folder, 'truth')).entries()) {
      for (let bit = 0; byte >>> bit !== 0; bit++) {
        if (((byte >>> bit) & 1) !== 0) written.push({ firstPage: 8 * index + bit, pages: 1 });
      }
    }
    return { device: written, cpu: this.cpuUpTo(this.cpuWrites()) };
  }

  /** Writes that the CPU has begun so far; the last one may not be done yet (workload.s counts first). */
  cpuWrites(): number {
    return Number(this.#reader.read().writes);
  }

  /** What the CPU wrote since the last call, up to that number of writes. */
  cpuUpTo(writes: number): PageRange[] {
    return this.#workload.advanceTo(writes);
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }
}

/** The bits of all RAM. */
function bitsOf(bitmap: DirtyBitmap): Uint8Array {
  return bitmap.bytes.slice(0, (memoryMiB << 8) / 8);
}

function missing(truth: readonly PageRange[], ...harvests: readonly Uint8Array[]): number {
  const has = (bits: Uint8Array, page: number): boolean =>
    (((bits[page >>> 3] ?? 0) >>> (page & 7)) & 1) !== 0;
  return truth.filter(({ firstPage }) => !harvests.some((bits) => has(bits, firstPage))).length;
}

/** Harvests the CPU alone. @returns pages written in each window, and of them those that its harvest lacks */
async function cpuWindows(
  pid: number,
  layout: MemoryLayout,
  truth: Truth,
  signal: AbortSignal,
): Promise<{ written: number; missed: number }> {
  await using source = await SoftDirtySource.open(pid, ramWindows(layout), signal);
  using arena = new BitmapArena();
  using bitmap = arena.create(bitmapLayoutOf(layout.sections));
  let [written, missed] = [0, 0];
  await source.start();
  for (let window = 0; window < 40; window++) {
    // From here to the next reading of the counter is less than the window: all of it must be in there.
    truth.cpuUpTo(truth.cpuWrites());
    await sleep(100);
    const inWindow = truth.cpuUpTo(truth.cpuWrites() - 1);
    await source.harvest(bitmap, signal);
    written += inWindow.length;
    missed += missing(inWindow, bitsOf(bitmap));
    bitmap.clear();
  }
  return { written, missed };
}

/** Both are of the same windows. Prints them, and says how far the measured one is off at worst, percent. */
function compare(kind: string, measured: EstimatedCurve, real: EstimatedCurve): number {
  const judged = real.points.filter(({ windows }) => windows >= leastWindows);
  assert.ok(judged.length >= 3, `${judged.length} lengths of windows`);
  let worst = 0;
  for (const { windowMs } of judged) {
    const [harvested, written] = [measured.pagesIn(windowMs), real.pagesIn(windowMs)];
    const off = 100 * (harvested / written - 1);
    worst = Math.max(worst, Math.abs(off));
    console.log(
      `      ${kind.padEnd(6)} ${windowMs.toFixed(0).padStart(5)} ms: ${harvested.toFixed(0).padStart(5)} pages, in truth ${written.toFixed(0).padStart(5)} (${off.toFixed(1)} %)`,
    );
  }
  return worst;
}

describe('the dirty curve beside ground truth', () => {
  for (const { name, dirty, workload } of cases) {
    it(`is within ${mostOffPercent} % of the true one, and no window lacks a page: ${name}`, async function () {
      this.timeout((seconds + 240) * 1000);
      await using at = await startVfioGuest({
        memoryMiB,
        workload,
        dirty,
        sharedRam: true,
      });
      await at.device.window(0n, memoryMiB << 8);
      const signal = AbortSignal.timeout((seconds + 200) * 1000);
      await using connected = await connectMonitor(at.guest.qmp, signal);
      const { client, address, peer } = connected;
      const side = new QemuSide('source', client, address, peer, new Journal());
      const tracking = deviceTracking(await probe(side));
      assert.ok(tracking.kind === 'tracked');
      const layout = await describeMemory(side.monitor);
      using truth = new Truth(at, layout, workload);

      const harvested = curveBuilderFor(layout);
      const real = curveBuilderFor(layout);
      let before: { readonly truth: readonly PageRange[]; readonly bits: Uint8Array } | undefined;
      let missed = 0;
      const { sources } = await harvestGuest({
        ...{ side, pid: at.guest.pid, layout, tracking, mayBeOn: false, cpu: true, signal },
        ...{ durationMs: seconds * 1000, intervalMs, overheadShare: 1 },
        onHarvest: (harvest) => {
          const written = truth.cut();
          const [cpuName = '', deviceName = ''] = [...harvest.sources.keys()];
          const bitmap = harvest.sources.get(deviceName);
          assert.ok(bitmap);
          const bits = bitsOf(bitmap);
          // What was written since the device was read, a moment ago, is in the next harvest.
          if (before) missed += missing(before.truth, before.bits, bits);
          // The first cut reaches back to before the first harvest.
          const first = before === undefined;
          before = { truth: first ? [] : written.device, bits };
          if (first) return;
          harvested.add(harvest);
          const { startMs, endMs } = harvest;
          const truths = new Map([
            [cpuName, written.cpu],
            [deviceName, written.device],
          ]);
          real.add({ startMs, endMs, sources: truths });
        },
      });
      const cpuAlone = await cpuWindows(at.guest.pid, layout, truth, signal);
      let worst = 0;
      for (const { name: source, kind } of sources) {
        const curve = harvested.curve({ source });
        const trueCurve = real.curve({ source });
        assert.ok(curve && trueCurve);
        worst = Math.max(worst, compare(kind, curve, trueCurve));
      }
      console.log(
        `      at most ${worst.toFixed(1)} % off; missed: ${missed} pages of the device, ${cpuAlone.missed} of ${cpuAlone.written} of the CPU`,
      );
      assert.ok(cpuAlone.written > 1000);
      assert.deepEqual([missed, cpuAlone.missed], [0, 0]);
      assert.ok(worst <= mostOffPercent, `${worst.toFixed(1)} % off`);
    });
  }
});
