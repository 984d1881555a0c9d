/** A type1 container (/dev/vfio/vfio), ours or borrowed: its identity and its dirty page tracking. */
import { VfioExtension, VfioIoctl } from '../abi/vfio.js';
import { DirtyPages } from './dirty-pages.js';
import { GatedFile } from './gated-file.js';
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

export class Type1Container extends GatedFile {
  /** Mappings and dirty page tracking. */
  readonly dirtyPages = new DirtyPages(this.kernel, this.fd, this.gate);

  /** VFIO_GET_API_VERSION; 0 on every kernel so far. */
  apiVersion(): number {
    return this.kernel.ioctl(this.fd, {
      name: 'VFIO_GET_API_VERSION',
      request: VfioIoctl.VFIO_GET_API_VERSION,
    });
  }

  /** VFIO_CHECK_EXTENSION: 0 is no, anything else yes. */
  checkExtension(extension: number): number {
    return this.kernel.ioctl(this.fd, {
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
    return getType1Info(this.kernel, this.fd);
  }
}
