/**
 * Why a pass did not end in the switchover: QEMU's own test (migration_iteration_run in
 * migration/migration.c), with its figures and the term that blocks. Pure.
 *
 *   pending (RAM + devices, after a fresh look)  <  bandwidth × downtime-limit       and no ack is owed
 *
 * Up to QEMU 10.1 the comparison is `<`, from 10.2 on `<=`. Whatever the limits are, nothing pending at
 * all switches over.
 */
import { behaviourOf } from '../forecast/qemu-model.js';
import { formatBytes, formatMs, formatRate } from '../report/format.js';
import type { MigrationSample, PassKind } from './passes.js';

/** What is known of the device state that QEMU adds to the RAM left (VFIO_DEVICE_FEATURE_MIG_DATA_SIZE). */
export type DevicePending =
  /** The kernel said so. */
  | { readonly kind: 'known'; readonly bytes: number }
  /** Concluded from RAM that fits while QEMU goes on looking. */
  | { readonly kind: 'at-least'; readonly bytes: number }
  | { readonly kind: 'unknown' };

export type BlockingTerm =
  /** The first round: all RAM is to be sent once, and QEMU has not measured the bandwidth yet. */
  | 'first-round'
  /** QEMU only looked because of auto-converge's timer; RAM known to be dirty is not sent yet. */
  | 'unsent-ram'
  /** RAM dirtied meanwhile is more than fits into the downtime limit. */
  | 'ram'
  /** RAM alone would fit; with the devices' stop-copy size it does not. */
  | 'device-state'
  /** The destination has not said switchover-ack: its devices have not loaded their initial data. */
  | 'switchover-ack'
  /**
   * Nothing that is known blocks any more. QEMU compared before the sample, with what it has sent since,
   * and compares again in its next step: in 100 ms at most, unless more is dirtied by then.
   */
  | 'nothing';

/** What QEMU compares, and under which rule. */
export interface SwitchoverSettings {
  /** The parameter `downtime-limit`, ms. */
  readonly downtimeLimitMs: number;
  /** The parameter `avail-switchover-bandwidth`, bytes/s; 0: QEMU uses what it measured. */
  readonly switchoverBytesPerSecond: number;
  /** The capability switchover-ack is on. */
  readonly switchoverAck: boolean;
  /** `<` up to QEMU 10.1, `<=` from 10.2 on. */
  readonly comparison: '<' | '<=';
  /** What the kernel says of the devices' state, all of them together; undefined if it can't be asked. */
  readonly stopCopyBytes: number | undefined;
}

export interface WhyNot {
  readonly term: BlockingTerm;
  /** One sentence with the figures, for people. */
  readonly sentence: string;
  readonly ramBytes: number;
  readonly devices: DevicePending;
  readonly thresholdBytes: number;
  readonly bandwidthBytesPerSecond: number;
  readonly bandwidthFrom: 'measured' | 'avail-switchover-bandwidth';
  readonly downtimeLimitMs: number;
  readonly comparison: '<' | '<=';
  /**
   * The devices' state alone is over the threshold: no further pass can change that. QEMU looks again in
   * every step, which sends little, and the bandwidth that it measures falls, and the threshold with it.
   */
  readonly stopCopyTrap: boolean;
  /** The downtime-limit, ms, at which what is pending would fit at this bandwidth; undefined if not known. */
  readonly neededLimitMs: number | undefined;
}

/** The comparison that a QEMU of this version makes. */
export function comparisonOf(version: { major: number; minor: number }): '<' | '<=' {
  return behaviourOf(version.major, version.minor).switchover === 'below' ? '<' : '<=';
}

/** Below this many bytes QEMU may switch over (`threshold_size` in migration_update_counters). */
export function thresholdBytes(
  sample: Pick<MigrationSample, 'bandwidthBytesPerSecond'>,
  settings: Pick<SwitchoverSettings, 'downtimeLimitMs' | 'switchoverBytesPerSecond'>,
): number {
  const { switchoverBytesPerSecond, downtimeLimitMs } = settings;
  // In QEMU an integer, where it is given; a double, where it was measured.
  const bytesPerMs =
    switchoverBytesPerSecond > 0
      ? Math.floor(switchoverBytesPerSecond / 1000)
      : sample.bandwidthBytesPerSecond / 1000;
  return Math.floor(bytesPerMs * downtimeLimitMs);
}

/**
 * @param pass dirty-sync-count; 1 is the synchronisation at set-up
 * @param sample what `query-migrate` said right after the pass
 */
export function whyNotSwitchedOver(
  pass: number,
  kind: PassKind,
  sample: MigrationSample,
  settings: SwitchoverSettings,
): WhyNot {
  const threshold = thresholdBytes(sample, settings);
  const ramBytes = sample.remainingBytes;
  const fits = (bytes: number): boolean =>
    bytes === 0 || (settings.comparison === '<' ? bytes < threshold : bytes <= threshold);
  const hasVfio = sample.vfioBytes !== undefined;
  const devices = devicePending(kind, ramBytes, threshold, hasVfio, settings);
  const deviceBytes = devices.kind === 'unknown' ? 0 : devices.bytes;
  const term = blockingTerm(pass, kind, fits, ramBytes, deviceBytes, settings);
  const given = settings.switchoverBytesPerSecond > 0;
  const bandwidth = given ? settings.switchoverBytesPerSecond : sample.bandwidthBytesPerSecond;
  const figures = {
    term,
    ramBytes,
    devices,
    thresholdBytes: threshold,
    bandwidthBytesPerSecond: bandwidth,
    bandwidthFrom: given ? ('avail-switchover-bandwidth' as const) : ('measured' as const),
    downtimeLimitMs: settings.downtimeLimitMs,
    comparison: settings.comparison,
    stopCopyTrap: term === 'device-state' && !fits(deviceBytes),
    neededLimitMs:
      bandwidth > 0 && devices.kind !== 'at-least'
        ? Math.floor(((ramBytes + deviceBytes) / bandwidth) * 1000) + 1
        : undefined,
  };
  return { ...figures, sentence: sentenceOf(figures) };
}

/** The bytes that devices add; what the kernel does not tell follows from QEMU's behaviour alone. */
function devicePending(
  kind: PassKind,
  ramBytes: number,
  threshold: number,
  hasVfio: boolean,
  settings: SwitchoverSettings,
): DevicePending {
  if (settings.stopCopyBytes !== undefined) return { kind: 'known', bytes: settings.stopCopyBytes };
  // query-migrate has a member `vfio` if, and only if, there are VFIO devices that migrate.
  if (!hasVfio) return { kind: 'known', bytes: 0 };
  // The pass before found RAM to fit as well, and QEMU went on: only devices or the ack can be the reason.
  if (kind === 'exact-retry' && !settings.switchoverAck && ramBytes < threshold) {
    return {
      kind: 'at-least',
      bytes: threshold - ramBytes + (settings.comparison === '<' ? 0 : 1),
    };
  }
  return { kind: 'unknown' };
}

function blockingTerm(
  pass: number,
  kind: PassKind,
  fits: (bytes: number) => boolean,
  ramBytes: number,
  deviceBytes: number,
  settings: SwitchoverSettings,
): BlockingTerm {
  if (pass <= 1) return 'first-round';
  if (kind === 'throttle-timer') return 'unsent-ram';
  if (!fits(ramBytes)) return 'ram';
  if (!fits(ramBytes + deviceBytes)) return 'device-state';
  return kind === 'exact-retry' && settings.switchoverAck ? 'switchover-ack' : 'nothing';
}

/** A migration in which QEMU's comparison itself came out so is not sampled: the guest is stopped by then. */
const comparesAgain =
  'QEMU switches over when it compares again (within 100 ms), if what is dirtied until then fits too';

function sentenceOf(why: Omit<WhyNot, 'sentence'>): string {
  const { term, ramBytes, devices, downtimeLimitMs } = why;
  const opposite = why.comparison === '<' ? '>=' : '>';
  const bandwidth = `${formatRate(why.bandwidthBytesPerSecond)}${why.bandwidthFrom === 'measured' ? '' : ' (avail-switchover-bandwidth)'}`;
  const threshold = `threshold ${formatBytes(why.thresholdBytes)} = ${bandwidth} × ${formatMs(downtimeLimitMs)}`;
  const ram = `RAM left ${formatBytes(ramBytes)}`;
  switch (term) {
    case 'first-round':
      return `${ram}: all of it is to be sent once, and the threshold is 0 until QEMU has measured the bandwidth for 100 ms.`;
    case 'unsent-ram':
      return `${ram} is not sent yet; auto-converge's timer looked in mid-round (${threshold}).`;
    case 'ram':
      return `${ram} ${opposite} ${threshold}.`;
    case 'device-state':
      return `${ram} ${why.comparison} ${threshold}, but the devices have ${deviceText(devices)} to say when stopped.${trapText(why)}`;
    case 'switchover-ack':
      return `${ram} ${why.comparison} ${threshold}, but the destination has not said switchover-ack yet.`;
    case 'nothing':
      return devices.kind === 'unknown'
        ? `${ram} ${why.comparison} ${threshold} by now: ${comparesAgain}, unless VFIO devices have ${formatBytes(Math.max(0, why.thresholdBytes - ramBytes))} or more to say when stopped.`
        : `${ram}${devices.bytes > 0 ? ` and device state ${formatBytes(devices.bytes)}` : ''} ${why.comparison} ${threshold} by now: ${comparesAgain}.`;
  }
}

function deviceText(devices: DevicePending): string {
  if (devices.kind === 'unknown') return 'more';
  return `${devices.kind === 'at-least' ? 'at least ' : ''}${formatBytes(devices.bytes)}`;
}

function trapText({ stopCopyTrap, neededLimitMs }: Omit<WhyNot, 'sentence'>): string {
  if (!stopCopyTrap) return '';
  const limit =
    neededLimitMs === undefined
      ? ''
      : ` It would take a downtime-limit of ${formatMs(neededLimitMs)} at this bandwidth.`;
  return ` No pass can change that: QEMU looks again in every step, sends little, and its threshold shrinks.${limit}`;
}
