import type { AutoConverge, ModelCosts, ModelParameters, QemuBehaviour } from './types.js';

/** QEMU's defaults (migration/options.c of 10.0). */
export const defaultParameters: ModelParameters = {
  maxBandwidthBytesPerSecond: 128 * 2 ** 20,
  downtimeLimitMs: 300,
  availSwitchoverBytesPerSecond: 0,
  multifdChannels: 0,
  zeroPageDetection: true,
  zeroPagesInChannels: false,
  switchoverAck: false,
  autoConverge: undefined,
  dirtyLimit: undefined,
  pauseMs: undefined,
};

/** auto-converge as it is when only the capability is turned on. */
export const defaultAutoConverge: AutoConverge = {
  initialPercent: 20,
  incrementPercent: 10,
  maxPercent: 99,
  tailslow: false,
  triggerPercent: 50,
};

/** Costs on an idle host with a small guest; a start until something has been measured. */
export const defaultCosts: ModelCosts = {
  setupMs: 5,
  syncMs: 0.5,
  turnMs: 0.02,
  wakeMs: 0.1,
  zeroPagesPerSecond: 2e6,
  sendingCpus: Infinity,
  stopMs: 0.5,
  saveMs: 2,
  loadMs: 4,
  completeMs: 1,
  clearPieces: 0,
};

/** How a QEMU of this version behaves. The model follows 8.1 and newer in what it says of VFIO. */
export function behaviourOf(major: number, minor: number): QemuBehaviour {
  const atLeast = (thatMajor: number, thatMinor: number): boolean =>
    major > thatMajor || (major === thatMajor && minor >= thatMinor);
  return {
    switchover: atLeast(10, 2) ? 'at-or-below' : 'below',
    throttleTimer: atLeast(9, 2),
    countsAtFlush: atLeast(8, 2),
  };
}
