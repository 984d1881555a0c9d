/**
 * QEMU's `blocked-reasons` explained: what each means and what to do. The texts are QEMU's own
 * (hw/vfio/migration.c, hw/vfio/common.c and others that add a migration blocker), matched loosely
 * since they change with the versions.
 */
export interface Blocker {
  /** QEMU's own words. */
  reason: string;
  meaning: string;
  fix: string;
}

/** How a VFIO device gets rid of a vIOMMU. */
export const pastTheViommu =
  'Start the guest without the vIOMMU, or put the device on a root bus that bypasses it (-device pxb-pcie,bypass_iommu=on, or -machine default_bus_bypass_iommu=on for the first bus).';

interface Known {
  readonly pattern: RegExp;
  readonly meaning: string;
  readonly fix: string;
  /** Of a device that QEMU has registered no state of: it can't take one over either. */
  readonly keepsFromLoading?: true;
}

const known: readonly Known[] = [
  {
    pattern: /VFIO migration is not supported in kernel|VFIO device doesn't support migration/i,
    keepsFromLoading: true,
    meaning: 'The device driver on this host offers no migration to VFIO.',
    fix: "Bind the device to its vendor's migration driver (mlx5_vfio_pci, hisi_acc_vfio_pci, ...) instead of vfio-pci, or unplug the device before migrating.",
  },
  {
    pattern: /Migration is disabled for VFIO device/i,
    keepsFromLoading: true,
    meaning: 'The device was started with enable-migration=off.',
    fix: 'Start it with enable-migration=auto, or unplug it before migrating.',
  },
  {
    pattern: /Migration couldn't be initialized for VFIO device/i,
    keepsFromLoading: true,
    meaning:
      'The kernel offers migration for the device, but setting it up failed with the errno shown.',
    fix: "Look at the kernel log of the device's driver.",
  },
  {
    pattern:
      /doesn't support device and IOMMU dirty tracking|doesn't support device dirty tracking/i,
    meaning:
      "With enable-migration=auto QEMU relies only on dirty tracking by the device itself (DMA logging) or by iommufd, and this device has neither; a type1 container's own tracking is used only on request.",
    fix: "Start the device with enable-migration=on. QEMU then uses the type1 container's tracking: exact for mediated devices, but all guest RAM in every pass where an IOMMU-backed device is in the container.",
  },
  {
    pattern: /only if all of them support P2P/i,
    meaning:
      'With several VFIO devices each must have a P2P quiescent state, since one could write to another while it is stopped.',
    fix: 'Keep at most one device without VFIO_MIGRATION_P2P in the guest while migrating.',
  },
  {
    pattern: /vIOMMU/i,
    meaning: 'This QEMU can not track what a device behind a vIOMMU writes.',
    fix: pastTheViommu,
  },
  {
    pattern: /invtsc/i,
    meaning:
      "The guest's CPU model has the invariant TSC, which is bound to this host's frequency.",
    fix: 'Use a CPU model without +invtsc, or give it tsc-frequency.',
  },
];

/** Whether a QEMU with this blocked reason can't be the destination of that device either. */
export function keepsFromLoading(reason: string): boolean {
  return known.some(({ pattern, keepsFromLoading: too }) => too === true && pattern.test(reason));
}

export function explainBlocker(reason: string): Blocker {
  const match = known.find(({ pattern }) => pattern.test(reason));
  return {
    reason,
    meaning: match?.meaning ?? 'A part of this QEMU does not let itself be migrated.',
    fix: match?.fix ?? 'Look up the part that QEMU names; remove or replace it before migrating.',
  };
}
