/** Asks QEMU through its monitor, and the kernel through duplicates of that QEMU's own fds. */
import {
  BorrowableProcess,
  HarvestGate,
  LibcKernel,
  VfioError,
  dirtyTrackingSupport,
  observeDirtyTracking,
  type SupportHints,
} from 'linux-vfio-ts';
import { QmpCommandError } from 'qemu-qmp-client-ts';
import { z } from 'zod';
import { parseRamSections } from '../audit/ram-blocks.js';
import { identityOf, TrackingState } from '../harvest/state-file.js';
import { checked, migrationIsOver } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import { explainBlocker } from './blockers.js';
import {
  probeVersion,
  type KernelReport,
  type ProbeReport,
  type VfioDevice,
  type Viommu,
} from './report.js';

/** Changes nothing, and clears no dirty bit: while QEMU migrates, what could do so is not asked. */
export async function probe(side: QemuSide): Promise<ProbeReport> {
  const [{ status }, migration, devices, viommus, memoryTree] = await Promise.all([
    side.status(),
    side.migration(),
    findVfioDevices(side),
    findViommus(side),
    side.monitor('info mtree -f'),
  ]);
  const ramBytes = parseRamSections(memoryTree).reduce((sum, { bytes }) => sum + bytes, 0n);
  // QEMU uses a device's own dirty logging since 8.0.
  const logs = side.client.greeting.version.major >= 8;
  const gate = new HarvestGate();
  const migrationStatus = migration.status ?? 'none';
  if (!migrationIsOver(migrationStatus)) gate.shut(`QEMU is migrating (${migrationStatus})`);
  return {
    version: probeVersion,
    address: side.address,
    qemu: {
      version: side.client.versionText,
      pid: side.peer?.pid,
      status,
      migration: migrationStatus,
    },
    blockers: (migration['blocked-reasons'] ?? []).map(explainBlocker),
    leftover: side.peer !== undefined && isLeftover(side.peer.pid),
    devices,
    viommus,
    ramBytes,
    kernel: await askKernel(side, gate, {
      mappedBytes: ramBytes,
      deviceLoggingOff: {
        type1: loggingOff(
          devices.filter(({ properties }) => properties['iommufd'] === undefined),
          logs,
        ),
        iommufd: loggingOff(
          devices.filter(({ properties }) => properties['iommufd'] !== undefined),
          logs,
        ),
      },
    }),
  };
}

/** For how many of the devices QEMU does not use their own dirty logging. */
function loggingOff(devices: readonly VfioDevice[], logs: boolean): 'some' | 'all' | undefined {
  const off = devices.filter(
    ({ properties }) => !logs || properties['x-device-dirty-page-tracking'] === 'off',
  );
  if (off.length === 0) return undefined;
  return off.length === devices.length ? 'all' : 'some';
}

function isLeftover(pid: number): boolean {
  const identity = identityOf(pid);
  return identity !== undefined && TrackingState.wasLeftOn(identity);
}

async function askKernel(
  side: QemuSide,
  gate: HarvestGate,
  hints: SupportHints,
): Promise<ProbeReport['kernel']> {
  if (!side.peer) {
    return {
      refused: `No process of this host is the QEMU that answers at ${side.address} (its vCPUs are no threads of whoever listens there), so its files are out of reach. Run precopy beside that QEMU, in the host's pid namespace, and name a unix socket that QEMU itself made, or libvirt:DOMAIN.`,
    };
  }
  const kernel = new LibcKernel();
  try {
    using process = await BorrowableProcess.open(kernel, side.peer.pid);
    const files = await process.list();
    const held = await Promise.all(
      files
        .filter(({ kind }) => kind !== 'group' && kind !== 'kvm-vm')
        .map((origin) => process.borrow(origin)),
    );
    const observation = await observeDirtyTracking(kernel, held, files, { gate });
    const support = dirtyTrackingSupport(observation, hints);
    return { files, support, observation } satisfies KernelReport;
  } catch (error) {
    if (!(error instanceof VfioError)) throw error;
    return { refused: error.message };
  }
}

const objectList = z.array(z.object({ name: z.string(), type: z.string() }));

/** Properties of QEMU's VFIO devices (hw/vfio/pci.c) that decide about migration. */
const deviceProperties = [
  'host',
  'sysfsdev',
  'enable-migration',
  'migration-events',
  'x-device-dirty-page-tracking',
  'x-pre-copy-dirty-page-tracking',
  'iommufd',
];

/** Where QEMU keeps what was given with `-device` or `device_add`. */
const userFolders = ['/machine/peripheral', '/machine/peripheral-anon'];

async function findVfioDevices(side: QemuSide): Promise<VfioDevice[]> {
  const devices: VfioDevice[] = [];
  for (const folder of userFolders) {
    for (const { path, type } of await findObjects(side, folder, /^vfio-/)) {
      devices.push({ path, type, properties: await readProperties(side, path) });
    }
  }
  return devices;
}

/** Those that the user asked for, and those that belong to the machine (`-machine virt,iommu=smmuv3`). */
async function findViommus(side: QemuSide): Promise<Viommu[]> {
  const found = await Promise.all(
    [...userFolders, '/machine/unattached'].map((folder) =>
      findObjects(side, folder, /^(intel|amd|virtio|riscv)-iommu|^arm-smmuv3/),
    ),
  );
  return found.flat();
}

/** The children of a QOM object whose type matches. */
async function findObjects(
  side: QemuSide,
  folder: string,
  wanted: RegExp,
): Promise<{ path: string; type: string }[]> {
  const objects = await listObjects(side, folder);
  return objects.flatMap(({ name, type }) => {
    const child = /^child<(.*)>$/.exec(type)?.[1];
    return child !== undefined && wanted.test(child)
      ? [{ path: `${folder}/${name}`, type: child }]
      : [];
  });
}

async function listObjects(side: QemuSide, path: string): Promise<z.output<typeof objectList>> {
  return checked(objectList, await side.query('qom-list', { path }), `qom-list ${path}`);
}

async function readProperties(
  side: QemuSide,
  path: string,
): Promise<Record<string, string | boolean>> {
  const there = new Set((await listObjects(side, path)).map(({ name }) => name));
  const found: Record<string, string | boolean> = {};
  for (const property of deviceProperties) {
    if (!there.has(property)) continue;
    try {
      const value = await side.query('qom-get', { path, property });
      // `host` of a device given by sysfsdev is a placeholder (all ones).
      if (value === 'ffff:ff:ff.f') continue;
      if (typeof value === 'boolean' || (typeof value === 'string' && value !== '')) {
        found[property] = value;
      }
    } catch (error) {
      // Some getters fail while a property is unset.
      if (!(error instanceof QmpCommandError)) throw error;
    }
  }
  return found;
}
