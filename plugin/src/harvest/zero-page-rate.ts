/**
 * How fast QEMU gets through pages of zeros on this machine, where no past migration tells. The source
 * reads the whole page to find that it is zero (`buffer_is_zero` in save_zero_page), and so does the
 * destination (ram_handle_zero), whose page is a fresh one that is faulted in by that. Both go on at the
 * same time, and the slower one counts. The same is done here, and timed.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LibcKernel, type Mapping } from 'linux-vfio-ts';
import type { Experience } from '../history/experience.js';

export interface ZeroPageRate {
  /** By one thread. */
  readonly pagesPerSecond: number;
  /** How far off that may be, as a relative standard deviation. */
  readonly deviation: number;
  readonly from: 'history' | 'measured';
}

const pageBytes = 4096;
const measuredBytes = 4 * 2 ** 20;
const rounds = 5;
const zeros = Buffer.alloc(pageBytes);
/** QEMU's time for a page over ours, and how far that varies: see docs/forecast.md#pages-of-zeros. */
const qemuOverOurs = 2;
const measuredDeviation = 0.7;

/**
 * From past migrations if there are any, else measured now: some ms of one core.
 *
 * @param sharedRam guest RAM is shared memory, which is allocated when it is read; private memory is not
 */
export function zeroPageRate(
  { calibration }: Pick<Experience, 'calibration'>,
  sharedRam: boolean,
): ZeroPageRate {
  if (calibration?.zeroPagesPerSecond !== undefined) {
    const { zeroPagesPerSecond: pagesPerSecond, zeroPageDeviation: deviation } = calibration;
    return { pagesPerSecond, deviation, from: 'history' };
  }
  const pagesPerSecond = 1000 / (qemuOverOurs * measurePageMs(sharedRam));
  return { pagesPerSecond, deviation: measuredDeviation, from: 'measured' };
}

/** What finding out that a page is zero takes us, ms: the median of some rounds. */
function measurePageMs(sharedRam: boolean): number {
  const kernel = new LibcKernel();
  const hugePages = !sharedRam && hasHugePages();
  const each = Array.from({ length: rounds }, () => {
    using memory = sharedRam ? sharedMemory(kernel) : privateMemory(kernel);
    // QEMU asks for huge pages (QEMU_MADV_HUGEPAGE), of which one fault serves 512 pages.
    if (hugePages) lookAt(memory);
    return lookAt(memory);
  });
  return each.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? NaN;
}

/** @returns ms for a page */
function lookAt({ memory }: Mapping): number {
  const startMs = performance.now();
  for (let at = 0; at < measuredBytes; at += pageBytes) zeros.compare(memory, at, at + pageBytes);
  return ((performance.now() - startMs) * pageBytes) / measuredBytes;
}

function privateMemory(kernel: LibcKernel): Mapping {
  return kernel.mmap({ bytes: measuredBytes });
}

/** Where there is no /dev/shm, private memory has to stand for it. */
function sharedMemory(kernel: LibcKernel): Mapping {
  let folder: string;
  try {
    folder = mkdtempSync('/dev/shm/precopy-');
  } catch {
    return privateMemory(kernel);
  }
  try {
    const fd = openSync(join(folder, 'pages'), 'wx+');
    try {
      ftruncateSync(fd, measuredBytes);
      return kernel.mmap({ bytes: measuredBytes, fd });
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function hasHugePages(): boolean {
  try {
    const modes = readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'latin1');
    return !modes.includes('[never]');
  } catch {
    return false;
  }
}
