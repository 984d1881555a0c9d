/**
 * A migratable device in a container of this process, with memory of this process mapped: VFIO's side of a
 * VMM, and nothing else, so that a test sees each ioctl's effect by itself.
 */
import { readSync, writeSync } from 'node:fs';
import {
  bitmapBytesFor,
  DeviceFeature,
  FeatureFlag,
  LibcKernel,
  MigrationState,
  vfio,
  VfioDevice,
  VfioIoctl,
  type Kernel,
  type Mapping,
  type Type1Container,
} from 'linux-vfio-ts';
import type { DirtygenState } from '#scripts/lab/dirtygen.js';
import { RawContainer, type HostDevice } from './raw-container.js';
import { PAGE } from './type1-rig.js';

const stateNumbers: Record<DirtygenState, number> = {
  error: MigrationState.VFIO_DEVICE_STATE_ERROR,
  stop: MigrationState.VFIO_DEVICE_STATE_STOP,
  running: MigrationState.VFIO_DEVICE_STATE_RUNNING,
  'stop-copy': MigrationState.VFIO_DEVICE_STATE_STOP_COPY,
  resuming: MigrationState.VFIO_DEVICE_STATE_RESUMING,
  'running-p2p': MigrationState.VFIO_DEVICE_STATE_RUNNING_P2P,
  'pre-copy': MigrationState.VFIO_DEVICE_STATE_PRE_COPY,
  'pre-copy-p2p': MigrationState.VFIO_DEVICE_STATE_PRE_COPY_P2P,
};

const VFIO_MIG_GET_PRECOPY_INFO = (';'.charCodeAt(0) << 8) | 121;

/** "Nothing yet" of a migration file in PRE_COPY; libuv has no name for it. */
const ENOMSG = 42;

/** The device, opened. */
export class MigratableDevice implements Disposable {
  readonly container: Type1Container;
  readonly device: VfioDevice;
  readonly #kernel = new LibcKernel();
  readonly #raw: RawContainer;
  readonly #mappings: { iova: bigint; mapping: Mapping }[] = [];

  constructor(host: HostDevice) {
    this.#raw = new RawContainer(this.#kernel, host);
    this.container = this.#raw.container;
    this.device = new VfioDevice(this.#kernel, this.#raw.openDevice(host));
  }

  /** Maps fresh memory. */
  map(iova: bigint, pages: number): void {
    const mapping = this.#kernel.mmap({ bytes: pages * PAGE, writable: true });
    this.#mappings.push({ iova, mapping });
    const bytes = BigInt(pages * PAGE);
    this.container.dirtyPages.map({ iova, bytes, memory: mapping.memory });
  }

  /** The 4096 bytes at `iova`, which must be mapped. */
  page(iova: bigint): Uint8Array {
    for (const { iova: start, mapping } of this.#mappings) {
      const offset = Number(iova - start);
      if (offset >= 0 && offset < mapping.memory.byteLength) {
        return mapping.memory.subarray(offset, offset + PAGE);
      }
    }
    throw new RangeError(`Nothing is mapped at ${iova}.`);
  }

  /** Reads and clears the container's dirty bitmap from IOVA 0 on. */
  async harvest(pages: number): Promise<Uint8Array> {
    const bytes = BigInt(pages * PAGE);
    const bitmap = new Uint8Array(bitmapBytesFor(bytes, PAGE));
    await this.container.dirtyPages.getBitmap({ iova: 0n, bytes, pageBytes: PAGE, bitmap });
    return bitmap;
  }

  /** Changes the migration state. Returns the migration file that this opened, or undefined. */
  setState(state: DirtygenState): MigrationFile | undefined {
    const head = vfio.deviceFeature.size;
    const feature = DeviceFeature.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
    const argument = vfio.deviceFeature.create(
      {
        argsz: head + vfio.featureMigState.size,
        flags: FeatureFlag.VFIO_DEVICE_FEATURE_SET | feature,
      },
      vfio.featureMigState.size,
    );
    vfio.featureMigState.write(argument, { device_state: stateNumbers[state], data_fd: -1 }, head);
    this.#kernel.ioctl(this.device.fd, {
      name: `VFIO_DEVICE_FEATURE MIG_DEVICE_STATE ${state}`,
      request: VfioIoctl.VFIO_DEVICE_FEATURE,
      argument,
    });
    const { data_fd: fd } = vfio.featureMigState.read(argument, head);
    return fd < 0 ? undefined : new MigrationFile(this.#kernel, fd);
  }

  reset(): void {
    const { VFIO_DEVICE_RESET: request } = VfioIoctl;
    this.#kernel.ioctl(this.device.fd, { name: 'VFIO_DEVICE_RESET', request });
  }

  [Symbol.dispose](): void {
    this.#raw[Symbol.dispose]();
    for (const { mapping } of this.#mappings.splice(0)) mapping[Symbol.dispose]();
  }
}

/** The data_fd of a migration. */
export class MigrationFile implements Disposable {
  readonly #kernel: Kernel;
  readonly fd: number;

  constructor(kernel: Kernel, fd: number) {
    this.#kernel = kernel;
    this.fd = fd;
  }

  /** Reads until the end, or until ENOMSG ("nothing yet" in pre-copy). */
  readAll(): Buffer {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.alloc(1 << 20);
      let bytes: number;
      try {
        bytes = readSync(this.fd, chunk);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).errno !== -ENOMSG) throw error;
        bytes = 0;
      }
      if (bytes === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, bytes));
    }
  }

  /** Writes everything, in pieces of `pieceBytes`. */
  writeAll(data: Uint8Array, pieceBytes = data.byteLength): void {
    for (let at = 0; at < data.byteLength;) {
      at += writeSync(this.fd, data.subarray(at, at + pieceBytes));
    }
  }

  /** VFIO_MIG_GET_PRECOPY_INFO. */
  precopyInfo(): { initialBytes: bigint; dirtyBytes: bigint } {
    const argument = Buffer.alloc(24);
    argument.writeUInt32LE(argument.byteLength);
    this.#kernel.ioctl(this.fd, {
      name: 'VFIO_MIG_GET_PRECOPY_INFO',
      request: VFIO_MIG_GET_PRECOPY_INFO,
      argument,
    });
    return { initialBytes: argument.readBigUInt64LE(8), dirtyBytes: argument.readBigUInt64LE(16) };
  }

  [Symbol.dispose](): void {
    this.#kernel.close(this.fd);
  }
}
