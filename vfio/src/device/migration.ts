/** What a device offers for migration (VFIO protocol v2, Linux 5.18 and later). Reads only. */
import { DeviceFeature, MigrationFlag, MigrationState, vfio } from '../abi/vfio.js';
import { isErrno } from '../errors.js';
import type { Kernel } from '../kernel/kernel.js';
import { callFeature, getFeature } from './feature.js';

/** `struct vfio_device_feature_migration`. */
export interface DeviceMigration {
  /** `flags` as they came. */
  readonly flags: bigint;
  /** The state can be saved and loaded while the device is stopped; all migratable devices have it. */
  readonly stopCopy: boolean;
  /** Has a state in which it writes to no other device: needed for guests with several devices. */
  readonly p2p: boolean;
  /** Sends part of its state while it runs. */
  readonly preCopy: boolean;
}

/** `enum vfio_device_mig_state`, or `unknown` with the number for a newer kernel's state. */
export type DeviceMigrationState =
  | 'error'
  | 'stop'
  | 'running'
  | 'stop-copy'
  | 'resuming'
  | 'running-p2p'
  | 'pre-copy'
  | 'pre-copy-p2p'
  | `unknown ${number}`;

const stateNames = new Map<number, DeviceMigrationState>([
  [MigrationState.VFIO_DEVICE_STATE_ERROR, 'error'],
  [MigrationState.VFIO_DEVICE_STATE_STOP, 'stop'],
  [MigrationState.VFIO_DEVICE_STATE_RUNNING, 'running'],
  [MigrationState.VFIO_DEVICE_STATE_STOP_COPY, 'stop-copy'],
  [MigrationState.VFIO_DEVICE_STATE_RESUMING, 'resuming'],
  [MigrationState.VFIO_DEVICE_STATE_RUNNING_P2P, 'running-p2p'],
  [MigrationState.VFIO_DEVICE_STATE_PRE_COPY, 'pre-copy'],
  [MigrationState.VFIO_DEVICE_STATE_PRE_COPY_P2P, 'pre-copy-p2p'],
]);

/** Undefined if the device or its driver can't migrate. */
export function getDeviceMigration(kernel: Kernel, fd: number): DeviceMigration | undefined {
  const payload = getFeature(
    kernel,
    fd,
    DeviceFeature.VFIO_DEVICE_FEATURE_MIGRATION,
    vfio.featureMigration.size,
  );
  if (payload === undefined) return undefined;
  const { flags } = vfio.featureMigration.read(payload);
  const has = (flag: number): boolean => (flags & BigInt(flag)) !== 0n;
  return {
    flags,
    stopCopy: has(MigrationFlag.VFIO_MIGRATION_STOP_COPY),
    p2p: has(MigrationFlag.VFIO_MIGRATION_P2P),
    preCopy: has(MigrationFlag.VFIO_MIGRATION_PRE_COPY),
  };
}

/** Undefined if the device or its driver can't migrate. */
export function getDeviceState(kernel: Kernel, fd: number): DeviceMigrationState | undefined {
  const payload = getFeature(
    kernel,
    fd,
    DeviceFeature.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
    vfio.featureMigState.size,
  );
  if (payload === undefined) return undefined;
  const number = vfio.featureMigState.read(payload).device_state;
  return stateNames.get(number) ?? `unknown ${number}`;
}

/**
 * The driver's estimate of how much STOP_COPY will send, in bytes (MIG_DATA_SIZE, Linux 6.2).
 * Undefined if the driver can't say; QEMU then assumes 100 GiB.
 */
export function getStopCopyBytes(kernel: Kernel, fd: number): bigint | undefined {
  const payload = new Uint8Array(vfio.featureMigDataSize.size);
  try {
    callFeature(kernel, fd, DeviceFeature.VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, 'get', payload);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
  return vfio.featureMigDataSize.read(payload).stop_copy_length;
}
