/** The limits that the next migration of a domain will have, as far as they are known beforehand. */
import type { Config } from '../config/schema.js';
import type { RehearseOptions } from '../harvest/rehearse.js';
import { speedOf } from '../libvirt/speed.js';
import type { Virsh } from '../libvirt/virsh.js';

/**
 * Those of the configuration, else libvirt's own speed. What QEMU has now is no limit of the next
 * migration: libvirt sets max-bandwidth anew for each one.
 *
 * @returns limits for a rehearsal; one that is undefined is QEMU's
 */
export async function migrationLimits(
  { rehearse, migration }: Pick<Config, 'rehearse' | 'migration'>,
  virsh: Pick<Virsh, 'run'>,
  uuid: string,
): Promise<Pick<RehearseOptions, 'bandwidthBytesPerSecond' | 'downtimeLimitMs'>> {
  const steered = migration.policy === 'qemu' ? undefined : migration;
  return {
    downtimeLimitMs: steered?.downtimeLimit,
    bandwidthBytesPerSecond:
      rehearse.bandwidth ?? steered?.bandwidth ?? (await speedOf(virsh, uuid)),
  };
}
