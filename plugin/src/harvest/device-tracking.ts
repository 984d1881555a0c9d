/** Which harvest of devices this guest allows. Pure. */
import { PrecopyError } from '../errors.js';
import type { ProbeReport } from '../probe/report.js';

export type DeviceTracking =
  /** No VFIO device writes its memory. */
  | { readonly kind: 'none' }
  /** These containers (fds of QEMU) say which pages their devices wrote. */
  | { readonly kind: 'containers'; readonly fds: readonly number[] }
  /** A container says all of its memory, at each read; because of these devices. */
  | { readonly kind: 'everything'; readonly culprits: readonly string[] };

/** @throws PrecopyError NOT_SUPPORTED, NO_ACCESS: there are devices that can't be harvested */
export function deviceTracking({ kernel, devices }: ProbeReport): DeviceTracking {
  if ('refused' in kernel) {
    if (devices.length === 0) return { kind: 'none' };
    throw new PrecopyError(
      'NO_ACCESS',
      `The guest has VFIO devices, and what they dirty can't be asked for: ${kernel.refused}`,
      'Run precopy as root or with CAP_SYS_PTRACE beside that QEMU.',
    );
  }
  const { verdict, summary, containers } = kernel.support;
  switch (verdict) {
    case 'not-needed':
      return { kind: 'none' };
    case 'container-precise':
      return {
        kind: 'containers',
        fds: containers.filter(({ tracks }) => tracks).map(({ fd }) => fd),
      };
    case 'container-everything':
      return {
        kind: 'everything',
        culprits: containers.flatMap(({ scopeCulprits }) => scopeCulprits),
      };
    case 'device-logging':
    case 'iommufd':
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `QEMU would use tracking that rehearse does not harvest yet: ${summary}`,
        'Only type1 containers are harvested. A forecast without these devices would be wrong, so there is none.',
      );
    case 'broken-device-logging':
    case 'none':
    case 'unknown':
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `What the VFIO devices dirty can't be harvested: ${summary}`,
        'Run precopy probe on this guest; it says why and what to change.',
      );
  }
}
