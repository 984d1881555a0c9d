/**
 * VFIO_IOMMU_DIRTY_PAGES and VFIO_IOMMU_UNMAP_DMA of a type1 container (vfio.h).
 *
 * What to know before calling (Linux 5.8 to 7.x):
 * - GET_BITMAP clears what it returns. Pages that a driver holds pinned come back every time.
 * - Tracking is one switch for all holders of the container: START twice is fine and keeps the bits, one
 *   STOP ends it for everybody and drops the bits.
 * - A container with an IOMMU-backed device that does not pin through VFIO returns every page, every time.
 * - Holes in a range are not written, hence the buffer is zeroed first.
 * - Bits past the end of a mapping can be set (up to 63): mask the bitmap to mapped memory.
 */
import { VfioFlag, VfioIoctl, vfio } from '../abi/vfio.js';
import { isErrno } from '../errors.js';
import type { IoctlCall } from '../kernel/kernel.js';
import { requirePageSize } from '../page-size.js';
import { GatedFile } from './gated-file.js';
import { getType1Info, smallestPageBytes } from './info.js';
import {
  bitmapBytesFor,
  explainType1Refusal,
  type Type1Request,
  type Type1State,
} from './refusal.js';

/** Part of the IOVA space, in bytes. */
export interface IovaSpan {
  readonly iova: bigint;
  readonly bytes: bigint;
}

/** One read of a bitmap: bit n of `bitmap` is the page at `iova + n * pageBytes`. */
export interface BitmapRequest extends IovaSpan {
  /** Page size in bytes: a power of two, and the container's smallest one. */
  readonly pageBytes: number;
  /**
   * Where the kernel writes; a whole number of 64-bit words with a bit for each page. Zeroed before the
   * call. Longer than needed is fine.
   */
  readonly bitmap: Uint8Array;
  /**
   * Says that `bitmap` is zero already, so that it need not be zeroed here: zeroing commits memory for
   * holes, and `DirtyBitmap.clear()` does not where it is clear.
   */
  readonly bitmapIsClear?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A mapping to be made; `memory` backs it and must stay where it is until it is unmapped. */
export interface DmaMapRequest extends IovaSpan {
  /** Its first byte's address becomes `vaddr`; it may be shorter than the mapping behind it. */
  readonly memory: Uint8Array;
  readonly readable?: boolean;
  readonly writable?: boolean;
}

export class DirtyPages extends GatedFile {
  /**
   * Switches tracking on; the kernel allocates 32 KiB a GiB of mapped memory. Does nothing when it is on.
   *
   * @throws HarvestRefusedError while the gate is shut
   * @throws Type1Error VFIO_NOT_TYPE1V2, VFIO_NO_DIRTY_TRACKING, VFIO_NO_MEMORY, ...
   */
  start(): void {
    this.gate.check();
    this.#switch('START', VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
  }

  /**
   * Switches tracking off for everybody and drops all bits. Does nothing when it is off.
   *
   * @throws HarvestRefusedError while the gate is shut: it would make a running migration fail
   * @throws Type1Error
   */
  stop(): void {
    this.gate.check();
    this.#switch('STOP', VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
  }

  /**
   * Reads and clears the dirty bits of a range, away from the event loop. The range must not begin or end
   * inside a mapping; it may span any number of mappings and holes.
   *
   * @throws HarvestRefusedError if the gate is shut when the call's turn comes
   * @throws Type1Error with the reason in `code`
   * @throws RangeError if `pageBytes` is no power of two (the kernel must not see such a value)
   */
  getBitmap(request: BitmapRequest): Promise<void> {
    const { iova, bytes, pageBytes, bitmap } = request;
    requirePageSize(pageBytes);
    const stated = statedBitmap(bitmap, bytes, pageBytes);
    return this.readBitmap(stated, request, async (signal) => {
      const call = getBitmapCall({ iova, bytes }, pageBytes, stated);
      try {
        await this.kernel.ioctlAsync(this.fd, call, signal);
      } catch (error) {
        throw this.#explain(error, {
          operation: 'GET_BITMAP',
          iova,
          bytes,
          pageBytes,
          bitmapBytes: stated.byteLength,
        });
      }
    });
  }

  /**
   * Reads several ranges, one after the other: exact mappings, or parts of more than 8 TiB. When one
   * fails, those before it have been read (and cleared), and their bitmaps hold what they had.
   *
   * @throws what {@link getBitmap} throws, for the first range that fails
   */
  async getBitmaps(requests: readonly BitmapRequest[]): Promise<void> {
    for (const request of requests) await this.getBitmap(request);
  }

  /**
   * Makes a mapping. Only the process that owns the memory can: for containers of our own.
   *
   * @throws KernelError EEXIST (overlap), EINVAL (alignment, IOVA not allowed), ENOSPC (too many),
   *   EOVERFLOW (past 2^64, from 6.19 on)
   */
  map(request: DmaMapRequest): void {
    const { iova, bytes, memory, readable = true, writable = true } = request;
    const argument = vfio.dmaMap.create({
      argsz: vfio.dmaMap.size,
      flags:
        (readable ? VfioFlag.VFIO_DMA_MAP_FLAG_READ : 0) |
        (writable ? VfioFlag.VFIO_DMA_MAP_FLAG_WRITE : 0),
      iova,
      size: bytes,
    });
    this.kernel.ioctl(this.fd, {
      name: 'VFIO_IOMMU_MAP_DMA',
      request: VfioIoctl.VFIO_IOMMU_MAP_DMA,
      argument,
      pointers: [{ offset: vfio.dmaMap.offsets.vaddr, memory }],
    });
  }

  /**
   * Unmaps whole mappings. With `dirty`, the bits that they had are returned; without, they are lost.
   *
   * @returns how many bytes were unmapped; 0 if the range held no mapping
   * @throws Type1Error with the reason in `code`
   */
  unmap(span: IovaSpan, dirty?: { pageBytes: number; bitmap: Uint8Array }): bigint {
    const { iova, bytes } = span;
    const argument = vfio.dmaUnmap.create(
      { argsz: vfio.dmaUnmap.size, iova, size: bytes },
      dirty === undefined ? 0 : vfio.bitmap.size,
    );
    const request: Type1Request = { operation: 'UNMAP', fd: this.fd, iova, bytes };
    const call = {
      name: 'VFIO_IOMMU_UNMAP_DMA',
      request: VfioIoctl.VFIO_IOMMU_UNMAP_DMA,
      argument,
    };
    if (dirty === undefined) {
      this.#ioctl(call, request);
    } else {
      this.gate.check();
      const { pageBytes } = dirty;
      requirePageSize(pageBytes);
      const stated = statedBitmap(dirty.bitmap, bytes, pageBytes);
      stated.fill(0);
      vfio.dmaUnmap.write(argument, {
        argsz: argument.byteLength,
        flags: VfioFlag.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
      });
      vfio.bitmap.write(
        argument,
        { pgsize: BigInt(pageBytes), size: BigInt(stated.byteLength) },
        vfio.dmaUnmap.size,
      );
      const pointerAt = vfio.dmaUnmap.size + vfio.bitmap.offsets.data;
      this.#ioctl(
        { ...call, pointers: [{ offset: pointerAt, memory: stated }] },
        { ...request, pageBytes, bitmapBytes: stated.byteLength },
      );
    }
    return vfio.dmaUnmap.read(argument).size;
  }

  /** Whether tracking is on, without touching any bit. Undefined if the container has no tracking at all. */
  tracking(): boolean | undefined {
    try {
      return this.askTracking();
    } catch (error) {
      if (isErrno(error)) return undefined;
      throw error;
    }
  }

  /**
   * The same, and why not if the container has no tracking.
   *
   * Asks for the bitmap of one page, at an address where nothing can be written: the kernel checks whether
   * tracking is on before it writes, and clears only what it has written (vfio_iova_dirty_bitmap). So
   * wherever mappings are, no bit is taken. The page is one at the top of the address space, as a mapping
   * that begins before it or ends after it would look like tracking that is off.
   *
   * @throws KernelError ENOTTY (no dirty page tracking), EACCES (type1 v1), EINVAL (no IOMMU)
   */
  askTracking(): boolean {
    const pageBytes = smallestPageBytes(getType1Info(this.kernel, this.fd)) ?? 4096;
    const page = BigInt(pageBytes);
    // The last page but one: a range that ends at 2^64 wraps on kernels before 6.19.
    const top = { iova: (1n << 64n) - 2n * page, bytes: page };
    try {
      this.kernel.ioctl(this.fd, getBitmapCall(top, pageBytes, 8));
      return true;
    } catch (error) {
      if (isErrno(error, 'EFAULT')) return true;
      if (isErrno(error, 'EINVAL')) return false;
      throw error;
    }
  }

  #switch(operation: 'START' | 'STOP', flags: number): void {
    const argument = vfio.dirtyBitmap.create({ argsz: vfio.dirtyBitmap.size, flags });
    const call = {
      name: `VFIO_IOMMU_DIRTY_PAGES ${operation}`,
      request: VfioIoctl.VFIO_IOMMU_DIRTY_PAGES,
      argument,
    };
    this.#ioctl(call, { operation, fd: this.fd });
  }

  #ioctl(call: IoctlCall, request: Type1Request): void {
    try {
      this.kernel.ioctl(this.fd, call);
    } catch (error) {
      throw this.#explain(error, request);
    }
  }

  #explain(error: unknown, request: Omit<Type1Request, 'fd'>): unknown {
    if (!isErrno(error)) return error;
    const state = error.errnoName === 'EINVAL' ? this.#state() : {};
    return explainType1Refusal({ ...request, fd: this.fd }, state, error);
  }

  #state(): Type1State {
    let pageBytes: number | undefined;
    try {
      pageBytes = smallestPageBytes(getType1Info(this.kernel, this.fd));
    } catch (error) {
      return { hasIommu: isErrno(error, 'EINVAL') ? false : undefined };
    }
    return {
      hasIommu: true,
      smallestPageBytes: pageBytes,
      tracking: this.tracking(),
      topOfAddressSpace: this.#takesTopOfAddressSpace(pageBytes),
    };
  }

  /** By how a range that passes 2^64 is refused, which the kernel sees before it looks at anything else. */
  #takesTopOfAddressSpace(pageBytes = 4096): boolean {
    const page = BigInt(pageBytes);
    const passing = { iova: (1n << 64n) - page, bytes: 2n * page };
    try {
      this.kernel.ioctl(this.fd, getBitmapCall(passing, pageBytes, 8));
    } catch (error) {
      return isErrno(error, 'EOVERFLOW');
    }
    return false;
  }
}

/** @param bitmap the buffer; or, for a call that writes nothing, how long it is said to be, at address 0 */
function getBitmapCall(span: IovaSpan, pageBytes: number, bitmap: Uint8Array | number): IoctlCall {
  const bitmapBytes = typeof bitmap === 'number' ? bitmap : bitmap.byteLength;
  const head = vfio.dirtyBitmap.size;
  const argument = vfio.dirtyBitmap.create(
    {
      argsz: head + vfio.dirtyBitmapGet.size,
      flags: VfioFlag.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
    },
    vfio.dirtyBitmapGet.size,
  );
  vfio.dirtyBitmapGet.write(
    argument,
    {
      iova: span.iova,
      size: span.bytes,
      bitmap: { pgsize: BigInt(pageBytes), size: BigInt(bitmapBytes), data: 0n },
    },
    head,
  );
  const offset = head + vfio.dirtyBitmapGet.offsets.bitmap + vfio.bitmap.offsets.data;
  return {
    name: 'VFIO_IOMMU_DIRTY_PAGES GET_BITMAP',
    request: VfioIoctl.VFIO_IOMMU_DIRTY_PAGES,
    argument,
    ...(typeof bitmap === 'number' ? {} : { pointers: [{ offset, memory: bitmap }] }),
  };
}

/** The part of the buffer that the kernel is told of: what the range needs, or all if that is less. */
function statedBitmap(bitmap: Uint8Array, bytes: bigint, pageBytes: number): Uint8Array {
  return bitmap.subarray(0, Math.min(bitmap.byteLength, bitmapBytesFor(bytes, pageBytes)));
}
