/** Whether a page size, in bytes, can be one: a power of two. */
export function isPageSize(bytes: number): boolean {
  return bytes > 0 && Number.isSafeInteger(bytes) && 2 ** Math.round(Math.log2(bytes)) === bytes;
}

/** @throws RangeError: the kernel takes the lowest set bit of a page size (`__ffs`), whatever else it has */
export function requirePageSize(bytes: number): void {
  if (!isPageSize(bytes)) {
    throw new RangeError(`A page size must be a power of two, and ${bytes} is not.`);
  }
}
