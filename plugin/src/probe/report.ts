/** What `precopy probe` finds out; with `--json` it is printed as it stands (docs/probe.md). */
import type { DirtyTrackingObservation, DirtyTrackingSupport, ProcessFd } from 'linux-vfio-ts';
import type { Blocker } from './blockers.js';

/** Version of the JSON's shape; grows with every change that is not an addition. */
export const probeVersion = 1;

/** One VFIO device of the guest, as QEMU's object tree shows it. */
export interface VfioDevice {
  /** QOM path, e.g. `/machine/peripheral/nic0`. */
  path: string;
  /** QOM type, e.g. `vfio-pci`. */
  type: string;
  /** Properties that matter for migration, those that this QEMU has. */
  properties: Record<string, string | boolean>;
}

/** What the kernel answered, asked through duplicates of QEMU's own fds. */
export interface KernelReport {
  /** The VFIO files that this QEMU has open. */
  files: ProcessFd[];
  support: DirtyTrackingSupport;
  observation: DirtyTrackingObservation;
}

/** An IOMMU that QEMU emulates for the guest. */
export interface Viommu {
  /** QOM path. */
  path: string;
  /** QOM type, e.g. `intel-iommu`. */
  type: string;
}

export interface ProbeReport {
  version: typeof probeVersion;
  address: string;
  qemu: {
    version: string;
    pid: number | undefined;
    /** QAPI `RunState`. */
    status: string;
    /** QAPI `MigrationStatus`; `none` before the first migration. */
    migration: string;
  };
  blockers: Blocker[];
  /** A rehearsal was killed and left this QEMU's dirty tracking on. */
  leftover: boolean;
  devices: VfioDevice[];
  /** A VFIO device behind one has an address space of its own: its IOVAs are not guest-physical addresses. */
  viommus: Viommu[];
  /** Guest RAM that is mapped for devices, bytes. */
  ramBytes: bigint;
  /** The kernel's answers, or why it could not be asked. */
  kernel: KernelReport | { refused: string };
}

/** Something the user should know, and what to do about it. */
export interface Finding {
  severity: 'blocks' | 'warns' | 'tells';
  what: string;
  fix: string | undefined;
}

export interface Assessment {
  verdict: 'migratable' | 'not migratable' | 'unknown';
  findings: Finding[];
}
