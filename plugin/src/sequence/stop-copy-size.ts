import { BorrowableProcess, LibcKernel, VfioDevice } from 'linux-vfio-ts';

/** VFIO_MIG_STOP_COPY_SIZE of hw/vfio/migration.c: assumed of a device that can't say its size. */
export const unknownStopCopyBytes = 100 * 2 ** 30;

/**
 * What the devices of a QEMU would send in STOP_COPY, as the kernel tells (MIG_DATA_SIZE): the figure that
 * QEMU adds to the RAM left and does not show. Asked through duplicates of its device fds; reads only.
 */
export class StopCopySize implements Disposable {
  readonly #qemu: BorrowableProcess;
  readonly #devices: readonly VfioDevice[];

  private constructor(qemu: BorrowableProcess, devices: readonly VfioDevice[]) {
    this.#qemu = qemu;
    this.#devices = devices;
  }

  /** @returns undefined where we may not borrow that QEMU's fds, or it has none */
  static async open(pid: number): Promise<StopCopySize | undefined> {
    const kernel = new LibcKernel();
    let qemu: BorrowableProcess | undefined;
    try {
      qemu = await BorrowableProcess.open(kernel, pid);
      const devices: VfioDevice[] = [];
      for (const origin of await qemu.list()) {
        if (origin.kind !== 'device' && origin.kind !== 'device-cdev') continue;
        const device = new VfioDevice(kernel, (await qemu.borrow(origin)).fd);
        if (device.migration() !== undefined) devices.push(device);
      }
      if (devices.length > 0) return new StopCopySize(qemu, devices);
      qemu[Symbol.dispose]();
    } catch {
      // It only makes an explanation better; a migration does not depend on it.
      qemu?.[Symbol.dispose]();
    }
    return undefined;
  }

  /** All devices together, now; undefined when the QEMU or a device is gone. */
  get bytes(): number | undefined {
    try {
      return this.#devices.reduce(
        (sum, device) => sum + Number(device.stopCopyBytes() ?? unknownStopCopyBytes),
        0,
      );
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#qemu[Symbol.dispose]();
  }
}
