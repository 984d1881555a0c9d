/** A VFIO device file, ours or borrowed. */
import type { Kernel } from '../kernel/kernel.js';
import { HarvestGate } from '../type1/gate.js';
import { DmaLogging } from './dma-logging.js';
import { type FeatureAccess, type FeatureAnswer, probeFeature } from './feature.js';
import { type DeviceInfo, getDeviceInfo, getRegionInfo, type RegionInfo } from './info.js';
import {
  type DeviceMigration,
  type DeviceMigrationState,
  getDeviceMigration,
  getDeviceState,
  getStopCopyBytes,
} from './migration.js';

export class VfioDevice {
  readonly fd: number;
  readonly gate: HarvestGate;
  /** Dirty page logging by the device. */
  readonly dmaLogging: DmaLogging;
  readonly #kernel: Kernel;

  /**
   * @param fd an open device; it stays the caller's to close
   * @param gate share one between everything of a guest, so that all are shut at once
   */
  constructor(kernel: Kernel, fd: number, gate = new HarvestGate()) {
    this.#kernel = kernel;
    this.fd = fd;
    this.gate = gate;
    this.dmaLogging = new DmaLogging(kernel, fd, gate);
  }

  /** @throws KernelError */
  info(): DeviceInfo {
    return getDeviceInfo(this.#kernel, this.fd);
  }

  /** @throws KernelError EINVAL if there is no such region */
  region(index: number): RegionInfo {
    return getRegionInfo(this.#kernel, this.fd, index);
  }

  /** Asks whether the device has a feature (`DeviceFeature`). Changes nothing. */
  probe(feature: number, access: FeatureAccess): FeatureAnswer {
    return probeFeature(this.#kernel, this.fd, feature, access);
  }

  /** What it offers for migration; undefined if it can't migrate. */
  migration(): DeviceMigration | undefined {
    return getDeviceMigration(this.#kernel, this.fd);
  }

  /** Its present migration state; undefined if it can't migrate. */
  migrationState(): DeviceMigrationState | undefined {
    return getDeviceState(this.#kernel, this.fd);
  }

  /** Estimate of what STOP_COPY will send, in bytes; undefined if the driver can't say. */
  stopCopyBytes(): bigint | undefined {
    return getStopCopyBytes(this.#kernel, this.fd);
  }
}
