import { VfioError } from '../errors.js';

/** Codes of {@link BitmapError}; stable. */
export type BitmapErrorCode =
  /** A layout that the kernel would not take either, or sections that do not fit it. */
  | 'BITMAP_LAYOUT'
  /** Two bitmaps of different base, page size or length, or a union that would leave the sections. */
  | 'BITMAP_LAYOUTS_DIFFER'
  /** A page or an IOVA that the bitmap, or no section of it, covers. */
  | 'BITMAP_OUT_OF_RANGE'
  /** The bitmap, or its arena, was disposed of. */
  | 'BITMAP_DISPOSED'
  /** The arena has no room for another bitmap of this size. */
  | 'BITMAP_ARENA_FULL'
  /** The SIMD engine was demanded and this runtime has no WebAssembly SIMD. */
  | 'BITMAP_NO_SIMD';

/** What dirty bitmaps throw. The message says what was asked for and what to do instead. */
export class BitmapError extends VfioError {
  override readonly name = 'BitmapError';
  override readonly code: BitmapErrorCode;

  constructor(code: BitmapErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.code = code;
  }
}
