/** /proc/PID/smaps: in which page sizes a process has its memory (Documentation/filesystems/proc.rst). */
import type { RamWindow } from './soft-dirty-source.js';

/** Bytes of memory that are not in pages of 4 KiB. */
export interface HugePages {
  /** In mappings of hugetlbfs. */
  readonly hugetlbBytes: number;
  /** In transparent huge pages, of anonymous memory or shmem. */
  readonly transparentBytes: number;
}

/** What of the mappings that hold guest RAM is in huge pages. Pure. */
export function hugePagesOf(smaps: string, windows: readonly RamWindow[]): HugePages {
  let [hugetlbBytes, transparentBytes] = [0, 0];
  for (const mapping of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(mapping);
    if (!range) continue;
    const start = BigInt(`0x${range[1] ?? ''}`);
    const end = BigInt(`0x${range[2] ?? ''}`);
    const holdsRam = windows.some(
      ({ hostAddress, pages }) => hostAddress < end && start < hostAddress + BigInt(pages) * 4096n,
    );
    if (!holdsRam) continue;
    const kib = (name: string): number =>
      Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(mapping)?.[1] ?? 0);
    if (kib('KernelPageSize') > 4) hugetlbBytes += Number(end - start);
    transparentBytes +=
      1024 * (kib('AnonHugePages') + kib('ShmemPmdMapped') + kib('FilePmdMapped'));
  }
  return { hugetlbBytes, transparentBytes };
}
