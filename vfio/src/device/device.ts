/** A VFIO device file, ours or borrowed. */
import { GatedFile } from '../type1/gated-file.js';
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

export class VfioDevice extends GatedFile {
  /** Dirty page logging by the device. */
  readonly dmaLogging = new DmaLogging(this.kernel, this.fd, this.gate);

  /** @throws KernelError */
  info(): DeviceInfo {
    return getDeviceInfo(this.kernel, this.fd);
  }

  /** @throws KernelError EINVAL if there is no such region */
  region(index: number): RegionInfo {
    return getRegionInfo(this.kernel, this.fd, index);
  }

  /** Asks whether the device has a feature (`DeviceFeature`). Changes nothing. */
  probe(feature: number, access: FeatureAccess): FeatureAnswer {
    return probeFeature(this.kernel, this.fd, feature, access);
  }

  /** What it offers for migration; undefined if it can't migrate. */
  migration(): DeviceMigration | undefined {
    return getDeviceMigration(this.kernel, this.fd);
  }

  /** Its present migration state; undefined if it can't migrate. */
  migrationState(): DeviceMigrationState | undefined {
    return getDeviceState(this.kernel, this.fd);
  }

  /** Estimate of what STOP_COPY will send, in bytes; undefined if the driver can't say. */
  stopCopyBytes(): bigint | undefined {
    return getStopCopyBytes(this.kernel, this.fd);
  }
}
