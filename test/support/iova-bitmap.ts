import { release } from 'node:os';

/**
 * Whether a device's dirty log can be read on this kernel: up to Linux 6.6 the IOVA bitmap was always built,
 * since then only with CONFIG_IOMMUFD_DRIVER, which Debian's kernels lack.
 */
export const hasIovaBitmap =
  release().startsWith('6.1.') || process.env['PRECOPY_LAB_KERNEL'] === 'iommufd';
