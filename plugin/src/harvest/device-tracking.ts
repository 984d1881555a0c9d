/** Which harvest of devices this guest allows. Pure. */
import { PrecopyError } from '../errors.js';
import type { ProbeReport } from '../probe/report.js';
import { viommuBefore } from '../probe/viommu.js';

export type DeviceTracking =
  /** No VFIO device writes its memory. */
  | { readonly kind: 'none' }
  /** Who says which pages the devices wrote. All are fds of QEMU. */
  | {
      readonly kind: 'tracked';
      /** type1 containers. */
      readonly containers: readonly number[];
      /** Devices with a log of their own, which QEMU would use. */
      readonly logs: readonly number[];
      /** iommufds whose page tables track. */
      readonly iommufds: readonly number[];
    }
  /** A container says all of its memory, at each read; because of these devices. */
  | { readonly kind: 'everything'; readonly culprits: readonly string[] };

/** @throws PrecopyError NOT_SUPPORTED, NO_ACCESS: there are devices that can't be harvested */
export function deviceTracking(report: ProbeReport): DeviceTracking {
  const { kernel, devices } = report;
  const viommu = viommuBefore(report);
  if (viommu !== undefined) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `The guest has a vIOMMU (${viommu.type}): dirty bitmaps of devices behind it are by the guest's own IOVAs, which nobody outside can lead back to its memory.`,
      'Start the guest without the vIOMMU to rehearse its migration.',
    );
  }
  if ('refused' in kernel) {
    if (devices.length === 0) return { kind: 'none' };
    throw new PrecopyError(
      'NO_ACCESS',
      `The guest has VFIO devices, and what they dirty can't be asked for: ${kernel.refused}`,
      'Run precopy as root or with CAP_SYS_PTRACE beside that QEMU.',
    );
  }
  const { verdict, summary, containers, sides } = kernel.support;
  switch (verdict) {
    case 'not-needed':
      return { kind: 'none' };
    case 'container-precise':
    case 'device-logging':
    case 'iommufd': {
      const fdsOf = (wanted: typeof verdict, of: 'fds' | 'deviceFds'): number[] =>
        sides.filter((side) => side.verdict === wanted).flatMap((side) => side[of]);
      return {
        kind: 'tracked',
        containers: fdsOf('container-precise', 'fds'),
        logs: fdsOf('device-logging', 'deviceFds'),
        iommufds: fdsOf('iommufd', 'fds'),
      };
    }
    case 'container-everything':
      return {
        kind: 'everything',
        culprits: containers.flatMap(({ scopeCulprits, scopeSuspects }) =>
          scopeCulprits.length > 0 ? scopeCulprits : scopeSuspects.map((name) => `perhaps ${name}`),
        ),
      };
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
