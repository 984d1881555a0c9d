/**
 * Whether a type1 container has the guest's RAM mapped where QEMU's memory tree has it. No ioctl lists the
 * mappings; but GET_BITMAP refuses a range that begins or ends inside one (vfio_iova_dirty_bitmap() of
 * vfio_iommu_type1.c), so that asking for a page alone tells whether it lies in a larger mapping. With a vIOMMU
 * that translates it does not: the guest chooses IOVAs, and maps pages.
 */
import { VfioError, type DirtyPages, type IovaSpan } from 'linux-vfio-ts';

const pageBytes = 4096n;

/**
 * Tracking must be on. Clears no bit where all is mapped.
 *
 * @param sections of RAM; one of a single page can't be told
 * @returns those that are not inside one mapping
 * @throws HarvestRefusedError while the gate is shut; Type1Error
 */
export async function sectionsNotMapped(
  dirtyPages: DirtyPages,
  sections: readonly IovaSpan[],
  signal?: AbortSignal,
): Promise<IovaSpan[]> {
  const unmapped: IovaSpan[] = [];
  for (const section of sections) {
    const { iova, bytes } = section;
    if (bytes < 2n * pageBytes) continue;
    const [second, last] = [iova + pageBytes, iova + bytes - pageBytes];
    const mapped =
      (await isInLarger(dirtyPages, second, signal)) &&
      (await isInLarger(dirtyPages, last, signal));
    if (!mapped) unmapped.push(section);
  }
  return unmapped;
}

/** Whether the page is in a mapping that does not begin with it. */
async function isInLarger(
  dirtyPages: DirtyPages,
  iova: bigint,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const request = { iova, bytes: pageBytes, pageBytes: Number(pageBytes) };
  try {
    await dirtyPages.getBitmap({ ...request, bitmap: new Uint8Array(8), signal });
    return false;
  } catch (error) {
    if (error instanceof VfioError && error.code === 'VFIO_EINVAL_BISECTED') return true;
    throw error;
  }
}
