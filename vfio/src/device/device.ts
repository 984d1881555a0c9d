/** A VFIO device file, ours or borrowed. */
import type { Fields, Layout, Values } from '../abi/layout.js';
import { DeviceFeature } from '../abi/vfio.js';
import { GatedFile } from '../type1/gated-file.js';
import { DmaLogging } from './dma-logging.js';
import { callFeature, type FeatureAccess, type FeatureAnswer, probeFeature } from './feature.js';
import { type DeviceInfo, getDeviceInfo, getRegionInfo, type RegionInfo } from './info.js';
import {
  type DeviceMigration,
  type DeviceMigrationState,
  getDeviceMigration,
  getDeviceState,
  getStopCopyBytes,
} from './migration.js';

/** Their payloads hold addresses, and they change a log that may be somebody else's. */
const loggingFeatures: readonly number[] = [
  DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
  DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP,
  DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
];

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

  /**
   * Gets any feature whose payload is plain data.
   *
   * @param layout of the payload: one of {@link vfio}, or made with {@link struct}
   * @throws KernelError ENOTTY (no such feature), EINVAL (not to be had, or another layout), the driver's own
   * @throws RangeError for dirty logging, which {@link dmaLogging} does past the gate
   */
  getFeature<F extends Fields>(feature: number, layout: Layout<F>): Values<F> {
    return this.#callFeature(feature, 'get', layout, {});
  }

  /**
   * Sets any feature whose payload is plain data. What that does to the device, and to a QEMU that uses it, is
   * up to the caller.
   *
   * @returns the payload as the kernel left it: MIG_DEVICE_STATE gives a `data_fd`, which is the caller's to close
   * @throws as {@link getFeature}
   */
  setFeature<F extends Fields>(
    feature: number,
    layout: Layout<F>,
    values: Partial<Values<F>>,
  ): Values<F> {
    return this.#callFeature(feature, 'set', layout, values);
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

  #callFeature<F extends Fields>(
    feature: number,
    access: FeatureAccess,
    layout: Layout<F>,
    values: Partial<Values<F>>,
  ): Values<F> {
    if (loggingFeatures.includes(feature)) {
      throw new RangeError(`Feature ${feature} is dirty logging: use dmaLogging of the device.`);
    }
    const payload = layout.create(values);
    callFeature(this.kernel, this.fd, feature, access, payload);
    return layout.read(payload);
  }
}
