/**
 * Tells apart why type1 refused: DIRTY_PAGES and UNMAP_DMA answer EINVAL to a dozen different mistakes
 * (drivers/vfio/vfio_iommu_type1.c: vfio_iommu_type1_dirty_pages, vfio_iova_dirty_bitmap,
 * verify_bitmap_size, vfio_dma_do_unmap). The rules are checked in the kernel's own order. Pure.
 */
import { type KernelError, VfioError } from '../errors.js';

/** Bitmap bytes that the kernel accepts at most: 2^31 pages, 8 TiB of 4 KiB pages. */
export const LARGEST_BITMAP_BYTES = 2 ** 28;

const ADDRESS_SPACE_END = 1n << 64n;

export type Type1ErrorCode =
  /** The bitmap buffer has fewer bits than the range has pages (rounded up to 64). */
  | 'VFIO_EINVAL_BITMAP_TOO_SHORT'
  /** The range begins or ends inside a mapping. */
  | 'VFIO_EINVAL_BISECTED'
  /** The range has no page. */
  | 'VFIO_EINVAL_EMPTY'
  /** A mapping of the container is larger than tracking allows: 2^31 pages or more. */
  | 'VFIO_EINVAL_MAPPING_TOO_LARGE'
  /** The container has no IOMMU (any more): its owner has ended. */
  | 'VFIO_EINVAL_NO_IOMMU'
  /** Dirty page tracking is off. */
  | 'VFIO_EINVAL_NOT_TRACKING'
  /** The page size is not the smallest one of the container. */
  | 'VFIO_EINVAL_PGSIZE'
  /** The range needs a bitmap of more than 256 MiB. */
  | 'VFIO_EINVAL_RANGE_TOO_LARGE'
  /** Start or size of the range are no multiple of the page size. */
  | 'VFIO_EINVAL_UNALIGNED'
  /**
   * The range passes 2^64 (EOVERFLOW from 6.19 on); or a read ends there, which kernels take since 6.19.
   */
  | 'VFIO_EINVAL_WRAP'
  /** EINVAL for none of the reasons above. */
  | 'VFIO_EINVAL_UNEXPLAINED'
  /** The kernel or this kind of container has no dirty page tracking (ENOTTY). */
  | 'VFIO_NO_DIRTY_TRACKING'
  /** The container uses the old type1 (v1) interface (EACCES). */
  | 'VFIO_NOT_TYPE1V2'
  /** The kernel had no memory for the bitmaps of its own (ENOMEM). */
  | 'VFIO_NO_MEMORY'
  /** The bitmap buffer is not writable memory (EFAULT). */
  | 'VFIO_BAD_BUFFER'
  /** Any other errno; see `cause`. */
  | 'VFIO_TYPE1_FAILED';

/** What was asked of the kernel. Bytes and IOVAs in bytes. */
export interface Type1Request {
  readonly operation: 'START' | 'STOP' | 'GET_BITMAP' | 'UNMAP';
  readonly fd: number;
  readonly iova?: bigint | undefined;
  readonly bytes?: bigint | undefined;
  readonly pageBytes?: number | undefined;
  readonly bitmapBytes?: number | undefined;
}

/** What was found out about the container after the refusal. Undefined: not known. */
export interface Type1State {
  /** False when GET_INFO fails with EINVAL. */
  readonly hasIommu?: boolean | undefined;
  /** The smallest page size, in bytes. */
  readonly smallestPageBytes?: number | undefined;
  readonly tracking?: boolean | undefined;
  /**
   * Whether a range that passes 2^64 is EOVERFLOW, and one that ends there is read (6.19). Undefined is taken
   * for an older kernel.
   */
  readonly topOfAddressSpace?: boolean | undefined;
}

/** A type1 operation that the kernel refused; `cause` is the {@link KernelError}. */
export class Type1Error extends VfioError {
  override readonly name = 'Type1Error';
  declare readonly code: Type1ErrorCode;
  readonly request: Type1Request;

  constructor(code: Type1ErrorCode, why: string, request: Type1Request, cause: KernelError) {
    super(code, `${describe(request)}: ${cause.errnoName}: ${why}`, { cause });
    this.request = request;
  }
}

/** Names the reason for `error`. */
export function explainType1Refusal(
  request: Type1Request,
  state: Type1State,
  error: KernelError,
): Type1Error {
  const [code, why] = reasonFor(request, state, error);
  return new Type1Error(code, why, request, error);
}

function reasonFor(
  request: Type1Request,
  state: Type1State,
  error: KernelError,
): [Type1ErrorCode, string] {
  switch (error.errnoName) {
    case 'EINVAL':
      return einval(request, state);
    case 'EOVERFLOW':
      return ['VFIO_EINVAL_WRAP', 'the range passes 2^64.'];
    case 'EACCES':
      return [
        'VFIO_NOT_TYPE1V2',
        'the container uses VFIO_TYPE1_IOMMU; dirty page tracking needs VFIO_TYPE1v2_IOMMU.',
      ];
    case 'ENOTTY':
      return [
        'VFIO_NO_DIRTY_TRACKING',
        'this container has no dirty page tracking: the kernel is older than Linux 5.8, or iommufd serves /dev/vfio/vfio.',
      ];
    case 'ENOMEM':
      return [
        'VFIO_NO_MEMORY',
        'the kernel could not allocate its dirty bitmaps (32 KiB for each GiB that is mapped).',
      ];
    case 'EFAULT':
      return ['VFIO_BAD_BUFFER', 'the bitmap buffer is not writable memory of this process.'];
    default:
      return ['VFIO_TYPE1_FAILED', 'the operation failed.'];
  }
}

function einval(request: Type1Request, state: Type1State): [Type1ErrorCode, string] {
  const { operation, iova = 0n, bytes = 0n, pageBytes, bitmapBytes } = request;
  if (state.hasIommu === false) {
    return [
      'VFIO_EINVAL_NO_IOMMU',
      'the container has no IOMMU; the process that set it up has ended. Borrow the file again from the QEMU that runs now.',
    ];
  }
  if (operation === 'START') {
    return [
      'VFIO_EINVAL_MAPPING_TOO_LARGE',
      'a mapping of this container has 2^31 pages or more, which can not be tracked.',
    ];
  }
  if (operation === 'STOP')
    return ['VFIO_EINVAL_UNEXPLAINED', 'the kernel knows no reason for that.'];
  if (bytes === 0n) return ['VFIO_EINVAL_EMPTY', 'the range is empty.'];
  // From 6.19 on that would be EOVERFLOW: EINVAL has another reason there.
  if (state.topOfAddressSpace !== true) {
    const end = iova + bytes;
    if (end > ADDRESS_SPACE_END) return ['VFIO_EINVAL_WRAP', 'the range passes 2^64.'];
    if (end === ADDRESS_SPACE_END && operation === 'GET_BITMAP') {
      return [
        'VFIO_EINVAL_WRAP',
        'the range ends at 2^64, and kernels before 6.19 do not read the last page.',
      ];
    }
  }
  if (pageBytes !== undefined && bitmapBytes !== undefined) {
    const needed = bitmapBytesFor(bytes, pageBytes);
    if (needed > LARGEST_BITMAP_BYTES) {
      return [
        'VFIO_EINVAL_RANGE_TOO_LARGE',
        `it needs a bitmap of ${needed} bytes, and ${LARGEST_BITMAP_BYTES} are the most for one call. Read parts that begin and end at mappings.`,
      ];
    }
    if (bitmapBytes < needed) {
      return [
        'VFIO_EINVAL_BITMAP_TOO_SHORT',
        `the bitmap has ${bitmapBytes} bytes and needs ${needed}.`,
      ];
    }
    if (state.smallestPageBytes !== undefined && pageBytes !== state.smallestPageBytes) {
      return [
        'VFIO_EINVAL_PGSIZE',
        `the page size is ${pageBytes}, and only the smallest one, ${state.smallestPageBytes}, is taken.`,
      ];
    }
  }
  const alignment = BigInt(state.smallestPageBytes ?? pageBytes ?? 1);
  if (iova % alignment !== 0n || bytes % alignment !== 0n) {
    return [
      'VFIO_EINVAL_UNALIGNED',
      `start and size must be multiples of the page size, ${alignment.toString()} bytes.`,
    ];
  }
  if (state.tracking === false && pageBytes !== undefined) {
    return [
      'VFIO_EINVAL_NOT_TRACKING',
      'dirty page tracking is off: it was never started, or somebody else stopped it (one STOP ends it for all).',
    ];
  }
  if (state.tracking === true || pageBytes === undefined) {
    return [
      'VFIO_EINVAL_BISECTED',
      'the range begins or ends inside a mapping. The layout changes while a guest boots; a range from 0 to above the last mapping can not bisect any.',
    ];
  }
  return ['VFIO_EINVAL_UNEXPLAINED', 'none of the known reasons applies.'];
}

/** Bytes of a bitmap for a range: one bit a page, in whole 64-bit words. */
export function bitmapBytesFor(bytes: bigint, pageBytes: number): number {
  const pages = bytes / BigInt(pageBytes);
  return Number(((pages + 63n) / 64n) * 8n);
}

function describe({ operation, fd, iova, bytes }: Type1Request): string {
  const range =
    iova === undefined || bytes === undefined
      ? ''
      : ` of IOVA 0x${iova.toString(16)}, 0x${bytes.toString(16)} bytes`;
  return `${operation}${range} on container fd ${fd} was refused`;
}
