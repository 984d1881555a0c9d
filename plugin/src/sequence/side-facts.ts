/** What one end of a migration is made of, as far as the other end must have the same. */
import { QmpCommandError } from 'qemu-qmp-client-ts';
import { z } from 'zod';
import { parseRamBlocks } from '../audit/ram-blocks.js';
import { checked } from './qemu-replies.js';
import { readSettings, type MigrationSettings } from './settings.js';
import type { QemuSide } from './side.js';

/** A PCI device where the migration stream looks for it. */
export interface PciDevice {
  /** Slots and functions from the root bus down, e.g. `02.0/01.0`: bus numbers are the firmware's. */
  readonly path: string;
  /** `vendor:device`, hexadecimal. */
  readonly id: string;
}

export interface SideFacts {
  /** QOM type of the machine, e.g. `pc-q35-10.0-machine`. */
  readonly machine: string;
  /** QOM type of each vCPU. */
  readonly cpus: readonly string[];
  /** Blocks that migrate, by name, bytes. */
  readonly ramBlocks: ReadonlyMap<string, number>;
  readonly pciDevices: readonly PciDevice[];
  readonly settings: MigrationSettings;
}

const text = z.string();
const cpuList = z.array(z.object({ 'qom-path': z.string() }));

interface PciReply {
  slot: number;
  function: number;
  id: { vendor: number; device: number };
  pci_bridge?: { devices?: PciReply[] | undefined } | undefined;
}
const pciReply: z.ZodType<PciReply> = z.object({
  slot: z.number().int(),
  function: z.number().int(),
  id: z.object({ vendor: z.number().int(), device: z.number().int() }),
  pci_bridge: z
    .object({
      get devices() {
        return z.array(pciReply).optional();
      },
    })
    .optional(),
});
const pciBuses = z.array(z.object({ devices: z.array(pciReply) }));

/** Asks; changes nothing. */
export async function sideFacts(side: QemuSide): Promise<SideFacts> {
  const [machine, cpus, blocks, pciDevices, settings] = await Promise.all([
    qomType(side, '/machine'),
    cpuTypes(side),
    side.monitor('info ramblock'),
    listPci(side),
    readSettings(side),
  ]);
  const ramBlocks = new Map(
    parseRamBlocks(blocks)
      .filter(({ name }) => name !== '')
      .map(({ name, usedBytes }) => [name, usedBytes]),
  );
  return { machine, cpus, ramBlocks, pciDevices, settings };
}

async function qomType(side: QemuSide, path: string): Promise<string> {
  const type = await side.query('qom-get', { path, property: 'type' });
  return checked(text, type, `qom-get ${path} type`);
}

async function cpuTypes(side: QemuSide): Promise<string[]> {
  const cpus = checked(cpuList, await side.query('query-cpus-fast'), 'query-cpus-fast');
  return await Promise.all(cpus.map((cpu) => qomType(side, cpu['qom-path'])));
}

async function listPci(side: QemuSide): Promise<PciDevice[]> {
  try {
    const buses = checked(pciBuses, await side.query('query-pci'), 'query-pci');
    return buses.flatMap(({ devices }) => devices.flatMap((device) => flatten(device, '')));
  } catch (error) {
    // A machine type without PCI.
    if (error instanceof QmpCommandError) return [];
    throw error;
  }
}

function flatten(device: PciReply, above: string): PciDevice[] {
  const { slot, function: number, id, pci_bridge: bridge } = device;
  const path = `${above}${slot.toString(16).padStart(2, '0')}.${number.toString(16)}`;
  const hex = (value: number): string => value.toString(16).padStart(4, '0');
  return [
    { path, id: `${hex(id.vendor)}:${hex(id.device)}` },
    ...(bridge?.devices ?? []).flatMap((below) => flatten(below, `${path}/`)),
  ];
}
