/**
 * A type1 container with an emulated device, on the model or on a real kernel: what the table of cases in
 * type1-cases.ts runs on.
 */
import type { IoctlCall, Type1Container } from 'linux-vfio-ts';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { Type1Model, type Type1Behaviour } from '#vfio/model/type1-model.js';
import { Type1Container as Container } from 'linux-vfio-ts';

export const PAGE = 4096;

/** `pages` pages of 4 KiB, in bytes. */
export function pages(count: number): bigint {
  return BigInt(count) * BigInt(PAGE);
}

/**
 * `pinned`: an emulated device, whose writes are known. `all`: an IOMMU-backed device, with which every
 * mapped page is dirty all the time; it writes nothing here.
 */
export type RigScope = 'pinned' | 'all';

export interface Type1Rig extends Disposable {
  readonly container: Type1Container;
  /** Whether a range may end at 2^64, which kernels take since 6.19. */
  readonly topOfAddressSpace: boolean;
  /** Maps fresh memory, readable and writable for the device. */
  map(iova: bigint, pageCount: number): void;
  /** The device writes so many whole pages through vfio_dma_rw. */
  deviceWrites(iova: bigint, pageCount: number): Promise<void>;
  /** The device pins the pages for writing and keeps them pinned. */
  devicePins(iova: bigint, pageCount: number): Promise<void>;
  /** The device lets go of all that it has pinned. */
  deviceUnpinsAll(): Promise<void>;
  /** An IOMMU-backed device's group joins the container, and leaves it again. */
  iommuGroupJoins(): void;
  iommuGroupLeaves(): void;
  /** Any ioctl of the container, past what checks its argument. */
  ioctl(call: IoctlCall): number;
}

export function modelRig(behaviour?: Type1Behaviour, scope: RigScope = 'pinned'): Type1Rig {
  const kernel = new ModelKernel();
  const model = new Type1Model(behaviour, { emulatedDevices: scope === 'pinned' });
  if (scope === 'all') model.attachIommuGroup();
  const container = new Container(kernel, kernel.install(model));
  const pinned: { iova: bigint; pageCount: number }[] = [];
  return {
    container,
    topOfAddressSpace: behaviour?.topOfAddressSpace ?? false,
    map(iova, pageCount) {
      container.dirtyPages.map({ iova, bytes: pages(pageCount), memory: new Uint8Array(PAGE) });
    },
    deviceWrites(iova, pageCount) {
      model.deviceWrites(iova, pages(pageCount));
      return Promise.resolve();
    },
    devicePins(iova, pageCount) {
      model.devicePins(iova, pageCount);
      pinned.push({ iova, pageCount });
      return Promise.resolve();
    },
    deviceUnpinsAll() {
      for (const { iova, pageCount } of pinned.splice(0)) model.deviceUnpins(iova, pageCount);
      return Promise.resolve();
    },
    iommuGroupJoins() {
      model.attachIommuGroup();
    },
    iommuGroupLeaves() {
      model.detachIommuGroup();
    },
    ioctl: (call) => kernel.ioctl(container.fd, call),
    [Symbol.dispose]: () => undefined,
  };
}
