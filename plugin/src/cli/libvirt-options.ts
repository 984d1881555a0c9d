/** Options of a migration that libvirt runs, under the names that virsh migrate has for them. */
import type { Command } from 'commander';
import { PrecopyError } from '../errors.js';

export interface LibvirtFlags {
  xml?: string | undefined;
  persistent?: true | undefined;
  persistentXml?: string | undefined;
  undefinesource?: true | undefined;
}

export function addLibvirtOptions(command: Command): Command {
  return command
    .option(
      '--xml <file>',
      "with --to: the domain's XML for the destination, e.g. with the UUID of the mediated device there",
    )
    .option('--persistent', 'with --to: define the domain on the destination, too')
    .option('--persistent-xml <file>', 'with --persistent: the XML to define it by')
    .option('--undefinesource', 'with --to: undefine the domain on the source');
}

/** @returns arguments of virsh migrate @throws PrecopyError USAGE for an option without the one it belongs to */
export function virshMigrateOptions(flags: LibvirtFlags & { to?: string | undefined }): string[] {
  const { xml, persistent, persistentXml, undefinesource } = flags;
  const options = [
    ...(xml === undefined ? [] : ['--xml', xml]),
    ...(persistent ? ['--persistent'] : []),
    ...(persistentXml === undefined ? [] : ['--persistent-xml', persistentXml]),
    ...(undefinesource ? ['--undefinesource'] : []),
  ];
  const [first] = options;
  if (first !== undefined && flags.to === undefined) {
    throw new PrecopyError(
      'USAGE',
      `${first} is for a migration that libvirt runs.`,
      'Name the source as libvirt:DOMAIN and give --to as well, or leave it out.',
    );
  }
  if (persistentXml !== undefined && !persistent) {
    throw new PrecopyError(
      'USAGE',
      '--persistent-xml says how the domain is to be defined on the destination, and it is not to be.',
      'Give --persistent as well, or leave it out.',
    );
  }
  return options;
}
