/**
 * A QEMU with a dirtygen device, and a guest whose CPU dirties memory as well; alone, or as the
 * source and the destination of a migration. Runs inside the lab.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import { Dirtygen, type DirtygenOptions, type DirtygenSettings } from './dirtygen.js';
import { Guest, type GuestOptions } from './guest.js';

export interface VfioGuestOptions extends Pick<
  GuestOptions,
  'memoryMiB' | 'sharedRam' | 'folder' | 'workload' | 'incoming' | 'args'
> {
  /** What the device dirties. */
  dirty?: Partial<DirtygenSettings>;
  deviceOptions?: DirtygenOptions;
  /** Its firmware waits ({@link endFirmware}). It is returned meanwhile, with all its RAM in one piece. */
  firmwareWaits?: boolean;
  /** More properties of `-device vfio-pci`, e.g. `x-pre-copy-dirty-page-tracking=off`. */
  deviceProperties?: string;
}

/** QEMU takes no `splash-time` above 65535. */
const firmwareWaitsMs = 65_000;

export interface VfioGuest extends AsyncDisposable {
  readonly guest: Guest;
  readonly device: Dirtygen;
}

/**
 * Starts one. Unless it waits for a migration, it is returned when its firmware has ended, its workload runs,
 * and its device writes.
 */
export async function startVfioGuest(options: VfioGuestOptions): Promise<VfioGuest> {
  const { dirty, deviceOptions, deviceProperties, firmwareWaits, ...shape } = options;
  const device = Dirtygen.create(deviceOptions);
  let guest: Guest | undefined;
  const dispose = async (): Promise<void> => {
    await guest?.[Symbol.asyncDispose]();
    device.remove();
  };
  try {
    const properties = deviceProperties === undefined ? '' : `,${deviceProperties}`;
    guest = await Guest.start({
      memoryMiB: 256,
      ...shape,
      args: [
        ...['-device', `${device.qemuDevice}${properties}`],
        ...(firmwareWaits === true ? ['-boot', `menu=on,splash-time=${firmwareWaitsMs}`] : []),
        ...(shape.args ?? []),
      ],
    });
    if (shape.incoming !== true) {
      if (firmwareWaits === true) await untilMemoryShows(guest, firmwareOpensSegments);
      else if (shape.workload) await guest.workloadRuns();
      else await untilMemoryShows(guest, firmwareHasEnded);
      if (dirty) {
        await device.set(dirty);
        await device.run();
      }
    }
    return { guest, device, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

export interface VfioPair extends AsyncDisposable {
  readonly source: VfioGuest;
  readonly destination: VfioGuest;
}

/** Starts a source, and a destination of the same shape that waits for it. */
export async function startVfioPair(options: VfioGuestOptions): Promise<VfioPair> {
  const { folder } = options;
  const folderOf = (name: string): { folder?: string } =>
    folder === undefined ? {} : { folder: join(folder, name) };
  const source = await startVfioGuest({ ...options, ...folderOf('source') });
  try {
    const destination = await startVfioGuest({
      ...options,
      ...folderOf('destination'),
      incoming: true,
    });
    return {
      source,
      destination,
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]();
        await destination[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * While the firmware runs, the chipset's PAM registers move RAM: first SeaBIOS makes its segments RAM, which puts all
 * below 4 GiB in one piece; last it makes its own read-only. QEMU unmaps what moves without reading its dirty bits,
 * and a migration meanwhile misses pages (docs/migrate.md).
 */
const firmwareOpensSegments = /^ +0{16}-(?!0{10}).* \(prio 0, ram\)/m;
const firmwareHasEnded = /-00000000000fffff \(prio 0, rom\): \S+ @00000000000f0000/;

/** Presses a key until the firmware has ended, of a guest whose firmware waits. */
export async function endFirmware(client: QmpClient): Promise<void> {
  while (!(await memoryShows(client, firmwareHasEnded))) {
    await client.execute('send-key', { keys: [{ type: 'qcode', data: 'spc' }] });
    await sleep(50);
  }
}

async function untilMemoryShows(guest: Guest, what: RegExp): Promise<void> {
  await using client = await QmpClient.connect(guest.secondQmp, { connectTimeoutMs: 60_000 });
  while (!(await memoryShows(client, what))) await sleep(50);
}

async function memoryShows(client: QmpClient, what: RegExp): Promise<boolean> {
  const ask = { 'command-line': 'info mtree -f' };
  return what.test(await client.execute('human-monitor-command', ask));
}
