/** Asks QEMU through its monitor, and the kernel through duplicates of that QEMU's own fds. */
import { BorrowableProcess, LibcKernel, Type1Container, VfioError } from 'linux-vfio-ts';
import { QmpCommandError } from 'qemu-qmp-client-ts';
import { z } from 'zod';
import { checked } from '../sequence/qemuReplies.js';
import type { QemuSide } from '../sequence/side.js';
import { explainBlocker } from './blockers.js';
import { probeVersion, type ContainerReport, type ProbeReport, type VfioDevice } from './report.js';

export async function probe(side: QemuSide): Promise<ProbeReport> {
  const [{ status }, migration, devices] = await Promise.all([
    side.status(),
    side.migration(),
    findVfioDevices(side),
  ]);
  return {
    version: probeVersion,
    address: side.address,
    qemu: {
      version: side.client.versionText,
      pid: side.peer?.pid,
      status,
      migration: migration.status ?? 'none',
    },
    blockers: (migration['blocked-reasons'] ?? []).map(explainBlocker),
    devices,
    ...(await askKernel(side)),
  };
}

async function askKernel(
  side: QemuSide,
): Promise<Pick<ProbeReport, 'files' | 'containers' | 'refused'>> {
  if (!side.peer) {
    const message = `${side.address} is no unix socket of this host, so its QEMU's fds are out of reach. Run precopy beside that QEMU.`;
    return { files: undefined, containers: [], refused: { message } };
  }
  const kernel = new LibcKernel();
  try {
    using process = await BorrowableProcess.open(kernel, side.peer.pid);
    const files = await process.list();
    const containers: ContainerReport[] = [];
    for (const origin of files.filter(({ kind }) => kind === 'container')) {
      using borrowed = await process.borrow(origin);
      const container = new Type1Container(kernel, borrowed.fd);
      containers.push({
        origin,
        apiVersion: container.apiVersion(),
        extensions: container.extensions().filter(({ value }) => value !== 0),
        info: container.info(),
      });
    }
    return { files, containers, refused: undefined };
  } catch (error) {
    if (!(error instanceof VfioError)) throw error;
    return { files: undefined, containers: [], refused: { message: error.message } };
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

async function findVfioDevices(side: QemuSide): Promise<VfioDevice[]> {
  const devices: VfioDevice[] = [];
  for (const folder of ['/machine/peripheral', '/machine/peripheral-anon']) {
    for (const { name, type } of await listObjects(side, folder)) {
      const qomType = /^child<(vfio-.*)>$/.exec(type)?.[1];
      if (qomType === undefined) continue;
      const path = `${folder}/${name}`;
      devices.push({ path, type: qomType, properties: await readProperties(side, path) });
    }
  }
  return devices;
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
