import type { ModelDevice } from './types.js';

/** VFIO_MIG_STOP_COPY_SIZE: assumed when the device does not tell. */
const unknownStopCopyBytes = 100 * 2 ** 30;
/** VFIO_MIG_DEFAULT_DATA_BUFFER_SIZE: what one call of vfio_save_iterate() sends at most. */
const mostBlockBytes = 2 ** 20;

/** The devices' part of a running migration: hw/vfio/migration.c. */
export class DeviceStates {
  readonly #devices: readonly PrecopyDevice[];
  /** What the exact query adds. */
  readonly stopCopyBytes: number;

  constructor(devices: readonly ModelDevice[]) {
    this.#devices = devices.map((device) => new PrecopyDevice(device));
    this.stopCopyBytes = devices.reduce(
      (sum, { stopCopyBytes }) =>
        sum + (stopCopyBytes === 'unknown' ? unknownStopCopyBytes : stopCopyBytes),
      0,
    );
  }

  /** What the estimate adds: PRE_COPY data as of the last query, less what was sent since. */
  get estimateBytes(): number {
    return this.#devices.reduce((sum, device) => sum + device.estimateBytes, 0);
  }

  /** Every device's initial data is through, so that the destination can say switchover-ack. */
  get initialDataSent(): boolean {
    return this.#devices.every((device) => device.initialDataSent);
  }

  /** VFIO_MIG_GET_PRECOPY_INFO on all of them. */
  query(nowMs: number): void {
    for (const device of this.#devices) device.query(nowMs);
  }

  /** What the devices in PRE_COPY would send in this turn of the loop, each a block; takes it. */
  *blocks(nowMs: number): Generator<number, void, undefined> {
    for (const device of this.#devices) if (device.hasPrecopy) yield device.takeBlock(nowMs);
  }
}

class PrecopyDevice {
  readonly #device: ModelDevice;
  /**
   * vfio_save_setup() makes the buffer no larger than the stop-copy size is then: a device with little of
   * that sends its PRE_COPY data in as small pieces, one a turn.
   */
  readonly #blockBytes: number;
  /** What the device really has to say. */
  #initialBytes: number;
  #dirtyBytes = 0;
  #countedToMs = 0;
  /** What QEMU knows of it. */
  #knownInitialBytes = 0;
  #knownDirtyBytes = 0;

  constructor(device: ModelDevice) {
    this.#device = device;
    const { stopCopyBytes } = device;
    this.#blockBytes =
      stopCopyBytes === 'unknown'
        ? mostBlockBytes
        : Math.min(mostBlockBytes, Math.max(1, stopCopyBytes));
    this.#initialBytes = device.precopy?.initialBytes ?? 0;
  }

  get hasPrecopy(): boolean {
    return this.#device.precopy !== undefined;
  }

  get estimateBytes(): number {
    return this.#knownInitialBytes + this.#knownDirtyBytes;
  }

  get initialDataSent(): boolean {
    return this.#initialBytes === 0;
  }

  query(nowMs: number): void {
    this.#count(nowMs);
    this.#knownInitialBytes = this.#initialBytes;
    this.#knownDirtyBytes = this.#dirtyBytes;
  }

  takeBlock(nowMs: number): number {
    this.#count(nowMs);
    const bytes = Math.min(this.#blockBytes, this.#initialBytes + this.#dirtyBytes);
    const initial = Math.min(bytes, this.#initialBytes);
    this.#initialBytes -= initial;
    this.#dirtyBytes -= bytes - initial;
    // vfio_update_estimated_pending_data()
    const known = Math.min(bytes, this.#knownInitialBytes);
    this.#knownInitialBytes -= known;
    this.#knownDirtyBytes = bytes === 0 ? 0 : Math.max(0, this.#knownDirtyBytes - (bytes - known));
    if (bytes === 0) this.#knownInitialBytes = 0;
    return bytes;
  }

  #count(nowMs: number): void {
    const rate = this.#device.precopy?.dirtyBytesPerSecond ?? 0;
    this.#dirtyBytes += (rate * (nowMs - this.#countedToMs)) / 1000;
    this.#countedToMs = nowMs;
  }
}
