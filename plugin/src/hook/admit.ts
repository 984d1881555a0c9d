/** Whether a domain may migrate in, as far as the configuration lets a hook refuse it. */
import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { HookSettings } from '../config/hook-settings.js';
import { messageOf } from '../errors.js';
import { defaultConfigFile } from '../folders.js';
import type { HostDevice } from '../libvirt/domain-xml.js';

export interface Refusal {
  readonly why: string;
}

/**
 * Whether the configuration can refuse anything, found without what it takes to check it: most need not
 * wait for that.
 */
export function mentionsRefusal(file = defaultConfigFile()): boolean {
  try {
    return readFileSync(file, 'utf8').includes('refuseUntrackedDevices');
  } catch {
    return false;
  }
}

/**
 * Refuses VFIO devices whose dirty tracking nobody vouches for. A device can be asked only when it is
 * open, which it is not yet: what counts is the driver that it is bound to. Mediated devices pass: what
 * they write goes through the kernel, which tracks it in their container.
 *
 * @param driverOf the driver that a PCI device is bound to; undefined: none
 */
export function refusalOf(
  devices: readonly HostDevice[],
  settings: HookSettings,
  driverOf: (address: string) => string | undefined = boundDriver,
): Refusal | undefined {
  if (!settings.refuseUntrackedDevices) return undefined;
  const tracking = new Set(settings.trackingDrivers.map(normalised));
  const reasons = devices.flatMap((device) => {
    if (device.kind !== 'pci') return [];
    const driver = device.driver ?? driverOf(device.address);
    if (driver !== undefined && tracking.has(normalised(driver))) return [];
    return [`${device.address} (${driver ?? 'no driver'})`];
  });
  if (reasons.length === 0) return undefined;
  return {
    why: `VFIO devices without dirty tracking may not migrate in (hook.refuseUntrackedDevices): ${reasons.join(', ')}`,
  };
}

/** Module names are written with dashes and with underscores. */
function normalised(driver: string): string {
  return driver.replaceAll('-', '_');
}

function boundDriver(address: string): string | undefined {
  try {
    return basename(readlinkSync(join('/sys/bus/pci/devices', address, 'driver')));
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isMissing ? undefined : `unknown: ${messageOf(error)}`;
  }
}
