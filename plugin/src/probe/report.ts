/** What `precopy probe` finds out; with `--json` it is printed as it stands. */
import type { ExtensionAnswer, ProcessFd, Type1Info } from 'linux-vfio-ts';
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

/** A type1 container that this QEMU holds, asked through a duplicate of its fd. */
export interface ContainerReport {
  origin: ProcessFd;
  apiVersion: number;
  /** Every extension that answered with other than 0. */
  extensions: ExtensionAnswer[];
  info: Type1Info;
}

/** Why the kernel could not be asked. */
export interface Refused {
  message: string;
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
  devices: VfioDevice[];
  /** The VFIO files that this QEMU has open; undefined when they could not be listed. */
  files: ProcessFd[] | undefined;
  containers: ContainerReport[];
  refused: Refused | undefined;
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
