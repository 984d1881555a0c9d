/**
 * The commit that has vfio_dma_bitmap_free() use kvfree() (Linux 5.17). Distributions may have it under an older
 * number, which nothing tells.
 */
export const bitmapFreeFix = '2bed2ced40c9';

/**
 * A bitmap of so much memory has 32 KiB, which kmalloc() gives whatever the fragmentation (PAGE_ALLOC_COSTLY_ORDER).
 */
const harmlessBytes = 1n << 30n;

/**
 * Whether the kernel may oops when dirty tracking of a mapping ends: before Linux 5.17 type1 gave to kfree()
 * what kvzalloc() may have taken from vmalloc, and always has from 128 GiB of memory on
 * (drivers/vfio/vfio_iommu_type1.c).
 *
 * @param kernelRelease as `uname -r` says it
 * @param mappingBytes the largest mapping
 */
export function mayOopsAtBitmapFree(kernelRelease: string, mappingBytes: bigint): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernelRelease) ?? [];
  if (major === undefined || mappingBytes <= harmlessBytes) return false;
  const number = Number(major) * 1000 + Number(minor);
  // Nothing was tracked before 5.8.
  return number >= 5008 && number < 5017;
}
