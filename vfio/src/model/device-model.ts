/** A VFIO device: information, migration features, dirty logging (drivers/vfio/vfio_main.c). */
import {
  DeviceFeature,
  DeviceFlag,
  FeatureFlag,
  MigrationState,
  RegionFlag,
  VfioIoctl,
  vfio,
} from '../abi/vfio.js';
import type { IoctlCall } from '../kernel/kernel.js';
import { type ModelFile, Refusal } from './model-kernel.js';

export interface DeviceModelOptions {
  /** VFIO_MIGRATION_* bits; undefined for a device that can't migrate. */
  readonly migrationFlags?: bigint | undefined;
  /** `enum vfio_device_mig_state`, at first; RUNNING unless told otherwise. */
  readonly state?: number | undefined;
  readonly stopCopyBytes?: bigint | undefined;
  /** `broken`: a kernel without the IOVA bitmap, where REPORT fails with EOPNOTSUPP. */
  readonly dmaLogging?: 'absent' | 'works' | 'broken' | undefined;
}

const PAGE = 4096n;
const REGIONS = 9;

export class DeviceModel implements ModelFile {
  readonly #options: DeviceModelOptions;
  #logging = false;
  #state: number;
  readonly #dirtyPages = new Set<bigint>();

  constructor(options: DeviceModelOptions = {}) {
    this.#options = options;
    this.#state = options.state ?? MigrationState.VFIO_DEVICE_STATE_RUNNING;
  }

  /** The device writes one page. */
  writes(iova: bigint): void {
    if (this.#logging) this.#dirtyPages.add(iova / PAGE);
  }

  ioctl(call: IoctlCall): number {
    const { argument } = call;
    if (typeof argument !== 'object') throw new Refusal('EFAULT');
    switch (call.request) {
      case VfioIoctl.VFIO_DEVICE_GET_INFO:
        vfio.deviceInfo.write(argument, {
          argsz: vfio.deviceInfo.size,
          flags: DeviceFlag.VFIO_DEVICE_FLAGS_PCI | DeviceFlag.VFIO_DEVICE_FLAGS_RESET,
          num_regions: REGIONS,
          num_irqs: 5,
        });
        return 0;
      case VfioIoctl.VFIO_DEVICE_GET_REGION_INFO: {
        const { index } = vfio.regionInfo.read(argument);
        if (index >= REGIONS) throw new Refusal('EINVAL');
        vfio.regionInfo.write(argument, {
          argsz: vfio.regionInfo.size,
          flags: RegionFlag.VFIO_REGION_INFO_FLAG_READ | RegionFlag.VFIO_REGION_INFO_FLAG_WRITE,
          size: PAGE,
          offset: BigInt(index) << 40n,
        });
        return 0;
      }
      case VfioIoctl.VFIO_DEVICE_FEATURE:
        return this.#feature(argument, call);
      default:
        throw new Refusal('ENOTTY');
    }
  }

  #feature(argument: Uint8Array, call: IoctlCall): number {
    const head = vfio.deviceFeature.size;
    const { argsz, flags } = vfio.deviceFeature.read(argument);
    const payload = argument.subarray(head, argsz);
    const { migrationFlags, stopCopyBytes, dmaLogging = 'absent' } = this.#options;
    const { VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET } = FeatureFlag;

    /** vfio_check_feature: false for a mere probe. */
    const check = (exists: boolean, operations: number, bytes: number): boolean => {
      if (!exists) throw new Refusal('ENOTTY');
      const asked = flags & (GET | SET);
      if ((asked & ~operations) !== 0) throw new Refusal('EINVAL');
      if ((flags & FeatureFlag.VFIO_DEVICE_FEATURE_PROBE) !== 0) return false;
      if (asked === 0 || payload.byteLength < bytes) throw new Refusal('EINVAL');
      return true;
    };

    switch (flags & FeatureFlag.VFIO_DEVICE_FEATURE_MASK) {
      case DeviceFeature.VFIO_DEVICE_FEATURE_MIGRATION:
        if (check(migrationFlags !== undefined, GET, vfio.featureMigration.size)) {
          vfio.featureMigration.write(payload, { flags: migrationFlags ?? 0n });
        }
        return 0;
      case DeviceFeature.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE:
        if (check(migrationFlags !== undefined, GET | SET, vfio.featureMigState.size)) {
          if ((flags & SET) !== 0) this.#state = vfio.featureMigState.read(payload).device_state;
          vfio.featureMigState.write(payload, { device_state: this.#state, data_fd: -1 });
        }
        return 0;
      case DeviceFeature.VFIO_DEVICE_FEATURE_MIG_DATA_SIZE:
        if (check(stopCopyBytes !== undefined, GET, vfio.featureMigDataSize.size)) {
          vfio.featureMigDataSize.write(payload, { stop_copy_length: stopCopyBytes ?? 0n });
        }
        return 0;
      case DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_START:
        if (check(dmaLogging !== 'absent', SET, vfio.featureDmaLoggingControl.size)) {
          if (this.#logging) throw new Refusal('EINVAL');
          this.#logging = true;
        }
        return 0;
      case DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP:
        if (check(dmaLogging !== 'absent', SET, 0)) {
          if (!this.#logging) throw new Refusal('EINVAL');
          this.#logging = false;
          this.#dirtyPages.clear();
        }
        return 0;
      case DeviceFeature.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT:
        if (check(dmaLogging !== 'absent', GET, vfio.featureDmaLoggingReport.size)) {
          if (dmaLogging === 'broken') throw new Refusal('EOPNOTSUPP');
          this.#report(payload, call);
        }
        return 0;
      default:
        throw new Refusal('ENOTTY');
    }
  }

  #report(payload: Uint8Array, call: IoctlCall): void {
    if (!this.#logging) throw new Refusal('EINVAL');
    const { iova, length, page_size: pageBytes } = vfio.featureDmaLoggingReport.read(payload);
    const memory = call.pointers?.[0]?.memory;
    if (memory === undefined) throw new Refusal('EFAULT');
    for (const page of [...this.#dirtyPages]) {
      const offset = page * PAGE - iova;
      if (offset < 0n || offset >= length) continue;
      const bit = Number(offset / pageBytes);
      memory[bit >> 3] = (memory[bit >> 3] ?? 0) | (1 << (bit & 7));
      this.#dirtyPages.delete(page);
    }
  }
}
