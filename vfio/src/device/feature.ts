/** VFIO_DEVICE_FEATURE: one ioctl, a numbered feature, an operation (vfio.h). */
import { DeviceFeature, FeatureFlag, VfioIoctl, vfio } from '../abi/vfio.js';
import { isErrno, KernelError } from '../errors.js';
import type { IoctlCall, IoctlPointer, Kernel } from '../kernel/kernel.js';

const nameOfFeature = new Map<number, string>(
  Object.entries(DeviceFeature).map(([name, number]) => [
    number,
    name.replace('VFIO_DEVICE_FEATURE_', ''),
  ]),
);

export type FeatureAccess = 'get' | 'set';

const accessFlag: Record<FeatureAccess, number> = {
  get: FeatureFlag.VFIO_DEVICE_FEATURE_GET,
  set: FeatureFlag.VFIO_DEVICE_FEATURE_SET,
};

/** `yes`, or why not: the errno name (ENOTTY: no such feature; EINVAL: not this access). */
export type FeatureAnswer =
  { readonly supported: true } | { readonly supported: false; readonly errnoName: string };

/** Asks whether the device has the feature (PROBE). Changes nothing. */
export function probeFeature(
  kernel: Kernel,
  fd: number,
  feature: number,
  access: FeatureAccess,
): FeatureAnswer {
  const flags = feature | FeatureFlag.VFIO_DEVICE_FEATURE_PROBE | accessFlag[access];
  try {
    kernel.ioctl(fd, featureCall(feature, `PROBE ${access}`, flags, new Uint8Array(0)));
    return { supported: true };
  } catch (error) {
    if (error instanceof KernelError) return { supported: false, errnoName: error.errnoName };
    throw error;
  }
}

/**
 * Gets or sets a feature. `payload` is what follows the header, and holds the answer afterwards.
 *
 * @throws KernelError with the device driver's errno
 */
export function callFeature(
  kernel: Kernel,
  fd: number,
  feature: number,
  access: FeatureAccess,
  payload: Uint8Array,
  pointers?: readonly IoctlPointer[],
): void {
  const call = featureCall(feature, access, feature | accessFlag[access], payload, pointers);
  kernel.ioctl(fd, call);
  payload.set((call.argument as Uint8Array).subarray(vfio.deviceFeature.size));
}

/** The same away from the event loop, for features that take long. */
export async function callFeatureAsync(
  kernel: Kernel,
  fd: number,
  feature: number,
  access: FeatureAccess,
  payload: Uint8Array,
  pointers: readonly IoctlPointer[],
  signal?: AbortSignal,
): Promise<void> {
  const call = featureCall(feature, access, feature | accessFlag[access], payload, pointers);
  await kernel.ioctlAsync(fd, call, signal);
  payload.set((call.argument as Uint8Array).subarray(vfio.deviceFeature.size));
}

/** Like {@link callFeature}, but undefined when the device does not know the feature. */
export function getFeature(
  kernel: Kernel,
  fd: number,
  feature: number,
  bytes: number,
): Uint8Array | undefined {
  const payload = new Uint8Array(bytes);
  try {
    callFeature(kernel, fd, feature, 'get', payload);
    return payload;
  } catch (error) {
    // Drivers without VFIO_DEVICE_FEATURE, or without this feature, say ENOTTY; some of 5.x EINVAL.
    if (isErrno(error, 'ENOTTY', 'EINVAL')) return undefined;
    throw error;
  }
}

function featureCall(
  feature: number,
  operation: string,
  flags: number,
  payload: Uint8Array,
  pointers: readonly IoctlPointer[] = [],
): IoctlCall {
  const head = vfio.deviceFeature.size;
  const argument = vfio.deviceFeature.create(
    { argsz: head + payload.byteLength, flags },
    payload.byteLength,
  );
  argument.set(payload, head);
  return {
    name: `VFIO_DEVICE_FEATURE ${nameOfFeature.get(feature) ?? String(feature)} (${operation})`,
    request: VfioIoctl.VFIO_DEVICE_FEATURE,
    argument,
    pointers: pointers.map(({ offset, memory }) => ({ offset: offset + head, memory })),
  };
}
