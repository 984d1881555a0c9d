import { parseAddress } from 'qemu-qmp-client-ts';
import { PrecopyError } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { QemuSide } from '../sequence/side.js';
import { LibvirtControl } from './control.js';
import { readDomain } from './domain.js';
import { Virsh } from './virsh.js';

export interface LibvirtMigration {
  /** Of the source: `libvirt:DOMAIN`. */
  readonly address: string;
  readonly source: QemuSide;
  readonly destinationUri: string;
  readonly migrateUri: string | undefined;
  /** More options of `virsh migrate`. */
  readonly virshOptions: readonly string[];
  readonly journal: Journal;
}

/**
 * The control of a migration that libvirt shall run.
 *
 * @throws PrecopyError USAGE if the source is no domain of libvirt; LibvirtError
 */
export async function openLibvirtControl(
  { address, ...options }: LibvirtMigration,
  signal: AbortSignal,
): Promise<LibvirtControl> {
  const parsed = parseAddress(address);
  if (parsed.kind !== 'libvirt') {
    throw new PrecopyError(
      'USAGE',
      `--to has libvirt migrate the guest, and ${address} is no domain of libvirt.`,
      'Name the source as libvirt:DOMAIN or libvirt:URI#DOMAIN, or give --to-qmp instead of --to.',
    );
  }
  const virsh = new Virsh(parsed.uri);
  const { uuid } = await readDomain(virsh, parsed.domain, signal);
  return new LibvirtControl({ virsh, uuid, ...options });
}
