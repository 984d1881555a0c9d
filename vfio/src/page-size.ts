/** Whether a page size, in bytes, can be one: a power of two. */
export function isPageSize(bytes: number): boolean {
  return bytes > 0 && Number.isSafeInteger(bytes) && 2 ** Math.round(Math.log2(bytes)) === bytes;
}
