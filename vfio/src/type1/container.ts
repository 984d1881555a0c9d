/** A type1 container (/dev/vfio/vfio), ours or borrowed: its identity and its dirty page tracking. */
import { VfioExtension, VfioIoctl } from '../abi/vfio.js';
import type { Kernel } from '../kernel/kernel.js';
import { DirtyPages } from './dirty-pages.js';
import { HarvestGate } from './gate.js';
import { getType1Info, type Type1Info } from './info.js';

/** One answer of VFIO_CHECK_EXTENSION. */
export interface ExtensionAnswer {
  readonly extension: number;
  /**
   * The mainline header's name, or undefined for a number that it does not define. A patched kernel may
   * mean something else by it: see DirtyTrackingSupport.
   */
  readonly name: string | undefined;
  /** What the ioctl returned: 0 is no, anything else yes. */
  readonly value: number;
}

/** Extensions above the last one that mainline defines are asked for up to here, to see strangers. */
const LAST_EXTENSION = 31;

const nameOfExtension = new Map<number, string>(
  Object.entries(VfioExtension).map(([name, extension]) => [extension, name]),
);

export class Type1Container {
  readonly fd: number;
  /** Shut it before anybody else tracks dirty pages of this container. */
  readonly gate: HarvestGate;
  /** Mappings and dirty page tracking. */
  readonly dirtyPages: DirtyPages;
  readonly #kernel: Kernel;

  /**
   * @param fd an open container; it stays the caller's to close
   * @param gate share one between the containers of a guest, so that all are shut at once
   */
  constructor(kernel: Kernel, fd: number, gate = new HarvestGate()) {
    this.#kernel = kernel;
    this.fd = fd;
    this.gate = gate;
    this.dirtyPages = new DirtyPages(kernel, fd, gate);
  }

  /** VFIO_GET_API_VERSION; 0 on every kernel so far. */
  apiVersion(): number {
    return this.#kernel.ioctl(this.fd, {
      name: 'VFIO_GET_API_VERSION',
      request: VfioIoctl.VFIO_GET_API_VERSION,
    });
  }

  /** VFIO_CHECK_EXTENSION: 0 is no, anything else yes. */
  checkExtension(extension: number): number {
    return this.#kernel.ioctl(this.fd, {
      name: 'VFIO_CHECK_EXTENSION',
      request: VfioIoctl.VFIO_CHECK_EXTENSION,
      argument: extension,
    });
  }

  /** Asks for every extension that the header names, and for the numbers after them up to 31. */
  extensions(): ExtensionAnswer[] {
    return Array.from({ length: LAST_EXTENSION }, (_, index) => {
      const extension = index + 1;
      return {
        extension,
        name: nameOfExtension.get(extension),
        value: this.checkExtension(extension),
      };
    });
  }

  /** VFIO_IOMMU_GET_INFO; see {@link getType1Info}. */
  info(): Type1Info {
    return getType1Info(this.#kernel, this.fd);
  }
}
