/** How fast libvirt lets a domain migrate, which it counts in MiB/s (`virsh migrate-getspeed`). */
import { LibvirtError, type Virsh } from './virsh.js';

const mib = 2 ** 20;
/** What libvirt takes for "no limit", MiB/s (`QEMU_DOMAIN_MIG_BANDWIDTH_MAX`). */
const noLimitMibPerSecond = Math.floor(2 ** 63 / mib) - 1;

/** @param bytesPerSecond 0: no limit @returns for `virsh migrate-setspeed` */
export function speedText(bytesPerSecond: number): string {
  const mibPerSecond = bytesPerSecond === 0 ? Infinity : Math.round(bytesPerSecond / mib);
  return String(Math.min(noLimitMibPerSecond, Math.max(1, mibPerSecond)));
}

/** @param text what `virsh migrate-getspeed` prints @returns bytes/s; 0: no limit; undefined: no number */
export function speedFrom(text: string): number | undefined {
  const mibPerSecond = /^\s*\d+\s*$/.test(text) ? Number(text) : 0;
  if (mibPerSecond === 0) return undefined;
  return mibPerSecond >= noLimitMibPerSecond ? 0 : mibPerSecond * mib;
}

/** @returns bytes/s; 0: no limit; undefined if libvirt does not tell, or is away */
export async function speedOf(
  virsh: Pick<Virsh, 'run'>,
  domain: string,
): Promise<number | undefined> {
  try {
    return speedFrom(await virsh.run(['migrate-getspeed', '--domain', domain]));
  } catch (error) {
    if (error instanceof LibvirtError) return undefined;
    throw error;
  }
}
