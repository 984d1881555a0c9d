/**
 * QEMU's own measure of dirtying, calc-dirty-rate (migration/dirtyrate.c): needs a monitor and nothing
 * else, neither ptrace rights nor this host. It says how much was dirtied in one window, as a rate in whole
 * MiB/s, and not which pages.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpCommandError } from 'qemu-qmp-client-ts';
import { z } from 'zod';
import { PrecopyError } from '../errors.js';
import type { RateReading } from '../forecast/rate-curve.js';
import { checked } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';

/**
 * page-sampling: hashes of random pages, before and after. Sees content that changed, whoever wrote it.
 * dirty-bitmap: KVM's dirty log, and the devices' with it: QEMU switches on global dirty logging, so it must
 * never run beside a harvest of ours. dirty-ring: the same where KVM has a dirty ring.
 */
export type DirtyRateMode = 'page-sampling' | 'dirty-bitmap' | 'dirty-ring';

/** What this QEMU can measure. */
export interface DirtyRateAbility {
  /** Best first. Which of KVM's two works depends on how KVM was set up; QEMU refuses the other one. */
  readonly modes: readonly DirtyRateMode[];
  /** Windows are multiples of it: 1000, or 1 from QEMU 8.2 on. */
  readonly unitMs: 1000 | 1;
}

const longestWindowMs = 60_000;
const pollMs = 10;
const foreignPollMs = 100;
const kvmModes = ['dirty-bitmap', 'dirty-ring'] as const;

const rateInfo = z.object({
  status: z.enum(['unstarted', 'measuring', 'measured']),
  mode: z.string().optional(),
  /** Seconds since the epoch. */
  'start-time': z.number(),
  'calc-time': z.number(),
  'dirty-rate': z.number().optional(),
});
const kvmInfo = z.object({ enabled: z.boolean() });

/**
 * The modes that fit the CPUs of this guest. With VFIO devices only page-sampling will do: the other modes
 * switch on the devices' dirty tracking, too. Without KVM only page-sampling sees vCPUs: TCG's stores are not
 * in the counter of the other modes.
 *
 * @throws PrecopyError NOT_SUPPORTED before QEMU 5.2
 */
export async function dirtyRateAbility(
  side: QemuSide,
  hasVfioDevices: boolean,
): Promise<DirtyRateAbility> {
  const has = async (argument: string, value?: string): Promise<boolean> =>
    await side.client.supports({
      command: 'calc-dirty-rate',
      argument,
      ...(value === undefined ? {} : { value }),
    });
  if (!(await has('calc-time'))) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `QEMU ${side.client.versionText} has no calc-dirty-rate.`,
      'QEMU 5.2 and newer have it.',
    );
  }
  const unitMs = (await has('calc-time-unit', 'millisecond')) ? 1 : 1000;
  const { enabled } = checked(kvmInfo, await side.query('query-kvm'), 'query-kvm');
  const bitmaps = !hasVfioDevices && enabled && (await has('mode', 'dirty-bitmap'));
  return { modes: [...(bitmaps ? kvmModes : []), 'page-sampling'], unitMs };
}

/** Waits for whoever measures: a minute at most, by QEMU's own limit. */
export async function dirtyRateMeasured(side: QemuSide, signal: AbortSignal): Promise<void> {
  for (;;) {
    const info = checked(rateInfo, await side.query('query-dirty-rate'), 'query-dirty-rate');
    if (info.status !== 'measuring') return;
    await sleep(foreignPollMs, undefined, { signal });
  }
}

/**
 * Measures one window.
 *
 * @param samplePagesPerGib pages that page-sampling looks at: 128 to 16384
 * @throws PrecopyError NOT_SUPPORTED if QEMU refuses, or if no RAM block is large enough to be sampled; the
 *   signal's reason (QEMU then ends its measurement by itself)
 */
export async function measureDirtyRate(
  side: QemuSide,
  mode: DirtyRateMode,
  unitMs: DirtyRateAbility['unitMs'],
  windowMs: number,
  samplePagesPerGib: number,
  signal: AbortSignal,
): Promise<RateReading> {
  const inMilliseconds = unitMs === 1;
  const unit = inMilliseconds ? { 'calc-time-unit': 'millisecond' } : {};
  const startMs = performance.now();
  try {
    await side.effect('calc-dirty-rate', {
      'calc-time': Math.min(windowMs, longestWindowMs) / unitMs,
      ...unit,
      mode,
      ...(mode === 'page-sampling' ? { 'sample-pages': samplePagesPerGib } : {}),
    });
  } catch (cause) {
    throw cause instanceof QmpCommandError ? refused(cause) : cause;
  }
  let info: z.output<typeof rateInfo>;
  do {
    const leftMs = startMs + windowMs - performance.now();
    await sleep(Math.max(pollMs, leftMs), undefined, { signal });
    info = checked(rateInfo, await side.query('query-dirty-rate', unit), 'query-dirty-rate');
  } while (info.status === 'measuring' || info.status === 'unstarted');
  const mibPerSecond = info['dirty-rate'] ?? -1;
  if (mibPerSecond < 0) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      "QEMU's calc-dirty-rate samples RAM blocks of at least 128 MiB only, and this guest has none.",
      'Use the soft-dirty bits of a kernel that has them.',
    );
  }
  // In whole seconds QEMU rounds down what it measured over; what was asked for is nearer.
  return { startMs, windowMs: inMilliseconds ? info['calc-time'] : windowMs, mibPerSecond };
}

function refused(cause: QmpCommandError): PrecopyError {
  return new PrecopyError(
    'NOT_SUPPORTED',
    `QEMU refused calc-dirty-rate: ${cause.message}`,
    'Somebody else may measure at present (virsh domdirtyrate-calc, for one): try again later.',
    { cause },
  );
}

/**
 * Somebody's calc-dirty-rate that switches on global dirty logging, VFIO containers included, while we
 * harvest: QEMU's STOP at its end would be ours too, and each would take the other's bits.
 *
 * @param sinceMs wall clock
 * @returns the mode, if one is under way or began since then; else undefined
 */
export async function foreignDirtyLogging(
  side: QemuSide,
  sinceMs = Infinity,
): Promise<string | undefined> {
  if (!(await side.client.supports({ command: 'query-dirty-rate' }))) return undefined;
  const info = checked(rateInfo, await side.query('query-dirty-rate'), 'query-dirty-rate');
  const { status, mode } = info;
  if (mode === undefined || mode === 'page-sampling') return undefined;
  // QEMU gives its beginning in whole seconds.
  const recent = status === 'measured' && info['start-time'] * 1000 + 999 >= sinceMs;
  return status === 'measuring' || recent ? mode : undefined;
}
