/**
 * The guest workload: a boot sector (workload/workload.s) that dirties a known working set at a known
 * rate. This file patches its parameters and reads its progress; docs/workload.md tells how to use it.
 */
import { readFileSync } from 'node:fs';

/** Where the assembled sector is inside the lab. */
export const LAB_SECTOR = '/lab/workload.bin';

/** The ACPI PM timer, by which the guest paces itself. */
export const PM_TIMER_HZ = 3_579_545;

const MIB = 0x10_0000;
const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

/** A floppy of 1.44 MB; SeaBIOS does not boot from an AHCI disk of a single sector. */
const IMAGE_BYTES = 1_474_560;

/** Which page of the working set is written next. */
export type WorkloadPattern =
  | { readonly kind: 'uniform' | 'sequential' }
  /** `permille` of the writes go to the first `pages` of the working set. */
  | { readonly kind: 'hot'; readonly pages: number; readonly permille: number };

export interface WorkloadParameters {
  /** Guest-physical address of the first page: page-aligned, 1 MiB or more. */
  readonly baseAddress: number;
  /** Size of the working set. It must end within the RAM below 4 GiB, 3 GiB at most. */
  readonly pages: number;
  /** Writes a second; 0 as fast as possible, which takes a whole core. At most 10 million. */
  readonly pagesPerSecond: number;
  /**
   * With `pagesPerSecond` 0: turns of an empty loop after each write, so that the guest works without a
   * pause and dirties as much as its CPU gets on. Only such a guest is slowed by a throttle. Default 0.
   */
  readonly spin?: number | undefined;
  /** Default uniform. */
  readonly pattern?: WorkloadPattern | undefined;
  /** Writes at `pagesPerSecond` for `onMs`, then nothing for `offMs`. Sum at most 10 minutes. */
  readonly burst?: { readonly onMs: number; readonly offMs: number } | undefined;
  /** Start of the random sequence, not 0. */
  readonly seed?: number | undefined;
  /**
   * The one page that changes besides the working set: the guest's variables, interrupt table and
   * stack. Page-aligned, between 0x8000 and 0x9e000. Default 0x8000.
   */
  readonly stateAddress?: number | undefined;
}

/** Where the state page is unless told otherwise. */
export const DEFAULT_STATE_ADDRESS = 0x8000;

/** Offsets of the parameters in the sector: P_* in workload.s. */
const offsets = {
  base: 16,
  pages: 20,
  rate: 24,
  sequential: 28,
  hotPages: 32,
  hotShare: 36,
  burstOn: 40,
  burstPeriod: 44,
  seed: 48,
  state: 52,
  spin: 56,
} as const;

/**
 * A bootable disk or floppy image with the workload.
 *
 * Use it with `-drive file=...,format=raw,if=floppy,readonly=on` (read-only, so that both sides of a
 * migration may open it) or `if=ide`, on `-M pc` or `-M q35`.
 *
 * @param sector the assembled sector; by default the one that the lab has
 * @throws RangeError if a parameter is out of its range, or `sector` is not the workload
 */
export function workloadImage(
  parameters: WorkloadParameters,
  sector: Uint8Array = readFileSync(LAB_SECTOR),
): Uint8Array {
  const { baseAddress, pages, pagesPerSecond, pattern = { kind: 'uniform' }, burst } = parameters;
  const { spin = 0, seed = 0x2545f491, stateAddress = DEFAULT_STATE_ADDRESS } = parameters;
  check('baseAddress', baseAddress, MIB, 3072 * MIB - PAGE_BYTES, PAGE_BYTES);
  check('pages', pages, 1, (3072 * MIB - baseAddress) / PAGE_BYTES);
  check('pagesPerSecond', pagesPerSecond, 0, 10_000_000);
  check('spin', spin, 0, 0x7fff_ffff);
  check('seed', seed, 1, 0xffff_ffff);
  check('stateAddress', stateAddress, 0x8000, 0x9e000, PAGE_BYTES);
  if (
    sector.byteLength !== SECTOR_BYTES ||
    sector[510] !== 0x55 ||
    sector[511] !== 0xaa ||
    Buffer.from(sector).toString('latin1', 8, 16) !== 'workload'
  ) {
    throw new RangeError('This is not the boot sector of scripts/lab/workload.');
  }

  const image = new Uint8Array(IMAGE_BYTES);
  image.set(sector);
  const view = new DataView(image.buffer);
  const set = (offset: number, value: number): void => {
    view.setUint32(offset, value, true);
  };
  set(offsets.base, baseAddress);
  set(offsets.pages, pages);
  set(offsets.rate, pagesPerSecond);
  set(offsets.sequential, pattern.kind === 'sequential' ? 1 : 0);
  set(offsets.hotPages, 0);
  set(offsets.hotShare, 0);
  if (pattern.kind === 'hot') {
    // The cold part must not be empty: the guest divides the rest of the writes among its pages.
    check('pattern.pages', pattern.pages, 1, pages - 1);
    check('pattern.permille', pattern.permille, 0, 1000);
    set(offsets.hotPages, pattern.pages);
    set(offsets.hotShare, Math.min(0xffff_ffff, Math.round((pattern.permille / 1000) * 2 ** 32)));
  }
  set(offsets.burstOn, 0);
  set(offsets.burstPeriod, 0);
  if (burst !== undefined) {
    check('burst.onMs', burst.onMs, 1, 600_000);
    check('burst.offMs', burst.offMs, 1, 600_000 - burst.onMs);
    set(offsets.burstOn, ticks(burst.onMs));
    set(offsets.burstPeriod, ticks(burst.onMs + burst.offMs));
  }
  set(offsets.spin, spin);
  set(offsets.seed, seed);
  set(offsets.state, stateAddress);
  return image;
}

function ticks(ms: number): number {
  return Math.round((ms * PM_TIMER_HZ) / 1000);
}

function check(name: string, value: number, least: number, most: number, multipleOf = 1): void {
  if (Number.isInteger(value) && value >= least && value <= most && value % multipleOf === 0)
    return;
  const multiple = multipleOf === 1 ? '' : `, a multiple of ${multipleOf}`;
  throw new RangeError(
    `${name} is ${value}; it must be an integer from ${least} to ${most}${multiple}.`,
  );
}

/** How far the workload got. */
export interface WorkloadProgress {
  /** Writes done; a page written twice counts twice. */
  readonly writes: bigint;
  /** Time the guest has run since it started, in ticks of the PM timer; stands still with the VM. */
  readonly ticks: bigint;
}

/**
 * Reads the state page.
 *
 * @param page its bytes, from `pmemsave` or from the guest's RAM
 * @returns undefined if the guest has not started the workload
 */
export function workloadProgress(page: Uint8Array): WorkloadProgress | undefined {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength);
  if (bytes.toString('latin1', 0, 8) !== 'progress') return undefined;
  return { writes: bytes.readBigUInt64LE(8), ticks: bytes.readBigUInt64LE(16) };
}

/** Writes per second of the guest's own time between two readings; 0 if no time passed. */
export function workloadRate(earlier: WorkloadProgress, later: WorkloadProgress): number {
  const passed = Number(later.ticks - earlier.ticks);
  return passed === 0 ? 0 : (Number(later.writes - earlier.writes) * PM_TIMER_HZ) / passed;
}
