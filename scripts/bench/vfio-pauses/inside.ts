/**
 * Inside the lab: a real QEMU with 1 TiB of RAM (reserve=off) and a device that writes to it, harvested and
 * analysed again and again. Prints the pauses of the event loop as a line of JSON.
 *
 * 1 % of 1 TiB is more memory than the lab has, so the device dirties less, and a bitmap with 1 % in lonely
 * pages is united with each harvest before it is analysed.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  analyse,
  BitmapArena,
  BitmapLayout,
  BorrowableProcess,
  cooperate,
  LibcKernel,
  Type1Container,
  warmUp,
  type DirtyBitmap,
} from 'linux-vfio-ts';
import { startVfioGuest } from '../../lab/vfio-guest.js';
import { threadClockMs, watchTurns } from '../turns.js';
import type { Pauses, PausesInside } from './pauses.js';

const harvests = 30;
/** Before them: until V8 has compiled what they run, which under an emulator takes tens of ms at a time. */
const firstHarvests = 10;
const pageSizeBytes = 4096;
const guestMiB = 2 ** 20;
/** q35 maps 2 GiB below the hole for devices and the rest from 4 GiB on. */
const belowHole = 1n << 31n;
const aboveHole = 1n << 32n;
const guestEnd = aboveHole + (1n << 40n) - belowHole;

const layout = new BitmapLayout({
  // A range must not end inside a mapping: to above all of them.
  range: { first: 0n, last: (1n << 41n) - 1n },
  pageSizeBytes,
  sections: [
    { first: 0n, last: belowHole - 1n },
    { first: aboveHole, last: guestEnd - 1n },
  ],
});

const threadMs = threadClockMs();

/** The longest pauses while `work` is done. */
async function pausesDuring(work: () => Promise<unknown>): Promise<Pauses> {
  const [real, onCpu] = [watchTurns(() => performance.now()), watchTurns(threadMs)];
  const startMs = performance.now();
  await work();
  return {
    realMs: real.longest(),
    cpuMs: onCpu.longest(),
    tookMs: performance.now() - startMs,
  };
}

/** Sets every 100th page of the sections. */
function fillOnePercent(bitmap: DirtyBitmap): void {
  const { bytes } = bitmap;
  for (const { firstPage, pages } of layout.sections) {
    for (let page = firstPage; page < firstPage + pages; page += 100) {
      bytes[page >>> 3] = (bytes[page >>> 3] ?? 0) | (1 << (page & 7));
    }
  }
}

/**
 * GET_BITMAP of a mapping of 1 TiB is one stretch of work in the kernel, and Debian's does not interrupt it: a
 * thread whose turn it is on that processor waits. The lab has two, and QEMU and the device use them as well.
 */
function letKernelBePreempted(): void {
  execFileSync('mount', ['-t', 'debugfs', 'none', '/sys/kernel/debug']);
  writeFileSync('/sys/kernel/debug/sched/preempt', 'full');
}

async function measure(): Promise<PausesInside> {
  letKernelBePreempted();
  await using source = await startVfioGuest({
    memoryMiB: guestMiB,
    args: [
      ...['-cpu', 'max,phys-bits=46', '-machine', 'memory-backend=ram'],
      ...['-object', `memory-backend-ram,id=ram,size=${guestMiB}M,reserve=off`],
    ],
    dirty: { rangePages: 4096, rate: 2000, stampBytes: 32 },
  });
  const kernel = new LibcKernel();
  using qemu = await BorrowableProcess.open(kernel, source.guest.pid);
  const file = (await qemu.list()).find(({ kind }) => kind === 'container');
  if (file === undefined) throw new Error('The QEMU has no container.');
  const { dirtyPages } = new Type1Container(kernel, (await qemu.borrow(file)).fd);
  using arena = new BitmapArena();
  warmUp(arena);
  using bitmap = arena.create(layout);
  using onePercent = arena.create(layout);
  fillOnePercent(onePercent);
  await cooperate(bitmap.steps.commit());

  const found = { byDevice: 0, dirtyPages: 0, runs: 0 };
  const harvestAndAnalyse = async (): Promise<void> => {
    await dirtyPages.getBitmap({
      iova: 0n,
      bytes: layout.range.last + 1n,
      pageBytes: pageSizeBytes,
      bitmap: bitmap.bytes,
      bitmapIsClear: true,
    });
    bitmap.keepSections();
    found.byDevice += await cooperate(bitmap.steps.count());
    await cooperate(bitmap.steps.or(onePercent));
    const { dirtyPages: dirty, runs } = await analyse(bitmap);
    Object.assign(found, { dirtyPages: dirty, runs });
    await cooperate(bitmap.steps.clear());
  };

  // What starts a guest is not what is measured.
  await sleep(3000);
  dirtyPages.start();
  const first: Pauses[] = [];
  const ours: Pauses[] = [];
  const idle: Pauses[] = [];
  try {
    for (let n = 0; n < firstHarvests; n++) {
      await sleep(50);
      first.push(await pausesDuring(harvestAndAnalyse));
    }
    // This thread alone, as what it has started by now keeps its own: QEMU's, the device's and the one that
    // reads the bitmap are more than two processors run at once, and how long the scheduler has one wait for
    // the others is not what is measured.
    setPriority(constants.priority.PRIORITY_HIGHEST);
    for (let n = 0; n < harvests; n++) {
      await sleep(50);
      const pauses = await pausesDuring(harvestAndAnalyse);
      ours.push(pauses);
      idle.push(await pausesDuring(() => sleep(pauses.tookMs)));
    }
  } finally {
    dirtyPages.stop();
  }
  return { first, ours, idle, ...found };
}

console.log(JSON.stringify(await measure()));
