/** What a vIOMMU means for a guest's VFIO devices. Pure. */
import type { ProbeReport, Viommu } from './report.js';

/**
 * The vIOMMU that VFIO devices of the guest may be behind. On a root bus with `bypass_iommu=on` a device is
 * not; no monitor command tells. But each device behind one has an address space of its own, and so a
 * container: devices that share one are past it. Whether devices on an iommufd share one can't be seen.
 */
export function viommuBefore({
  viommus: [viommu],
  devices,
  kernel,
}: ProbeReport): Viommu | undefined {
  if (devices.length === 0) return undefined;
  const containers = 'refused' in kernel ? [] : kernel.support.containers;
  const allOnType1 = devices.every(({ properties }) => properties['iommufd'] === undefined);
  const shareOne = allOnType1 && devices.length > 1 && containers.length === 1;
  return shareOne ? undefined : viommu;
}
