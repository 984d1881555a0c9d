/**
 * A QEMU with a dirtygen device, and a guest whose CPU dirties memory as well; alone, or as the
 * source and the destination of a migration. Runs inside the lab.
 */
import { join } from 'node:path';
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
  /** More properties of `-device vfio-pci`, e.g. `x-pre-copy-dirty-page-tracking=off`. */
  deviceProperties?: string;
}

export interface VfioGuest extends AsyncDisposable {
  readonly guest: Guest;
  readonly device: Dirtygen;
}

/**
 * Starts one. Unless it waits for a migration, it is returned when its workload runs and its device
 * has been started.
 */
export async function startVfioGuest(options: VfioGuestOptions): Promise<VfioGuest> {
  const { dirty, deviceOptions, deviceProperties, ...shape } = options;
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
      args: ['-device', `${device.qemuDevice}${properties}`, ...(shape.args ?? [])],
    });
    if (shape.incoming !== true) {
      if (shape.workload) await guest.workloadRuns();
      if (dirty) {
        await deviceIsReset(guest);
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

/** QEMU resets the device while it starts, which halts its generator; a reply tells that it is past that. */
async function deviceIsReset(guest: Guest): Promise<void> {
  await using client = await QmpClient.connect(guest.secondQmp, { connectTimeoutMs: 60_000 });
  await client.execute('query-status');
}
