/**
 * What dirtygen and the guest workload leave at the start of each page that they write, so that any
 * page of a destination can be checked by itself (docs/dirtygen.md, "The stamp").
 */

/** Who wrote a page: the device by DMA, or the guest's CPU. */
export type StampWriter = 'dirtygen' | 'workload';

/** A stamp as found in a page. */
export interface Stamp {
  readonly writer: StampWriter;
  /** Where the writer wrote it: IOVA, or guest-physical address. */
  readonly address: bigint;
  /** Each writer counts its writes from 1. */
  readonly sequence: bigint;
  /** How much of the page the write covered, the stamp included. */
  readonly bytes: number;
  /** False if the bytes are not those of one write: a page torn or mixed while it was copied. */
  readonly intact: boolean;
}

/** Bytes of the stamp itself. */
export const STAMP_BYTES = 32;

/** What `fill` must be (dg_fill_page() of the module, write_page of the boot sector). */
export function stampFill(address: bigint, sequence: bigint, bytes: number): number {
  const page = Number(BigInt.asUintN(32, address >> 12n));
  const count = Number(BigInt.asUintN(32, sequence));
  return (Math.imul(page, 0x9e3779b1) ^ Math.imul(count, 0x85ebca6b) ^ bytes) >>> 0;
}

/**
 * Reads the stamp at the start of `page` (4096 bytes).
 *
 * @returns undefined if the page starts with no stamp
 * @throws RangeError if `page` is shorter than the stamp
 */
export function readStamp(page: Uint8Array): Stamp | undefined {
  if (page.byteLength < STAMP_BYTES) {
    throw new RangeError(`A stamp has ${STAMP_BYTES} bytes, there are only ${page.byteLength}.`);
  }
  const magic = Buffer.from(page.buffer, page.byteOffset, 8).toString('latin1');
  if (magic !== 'dirtygen' && magic !== 'workload') return undefined;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const address = view.getBigUint64(8, true);
  const sequence = view.getBigUint64(16, true);
  const bytes = view.getUint32(24, true);
  const fill = view.getUint32(28, true);
  const possible = bytes >= STAMP_BYTES && bytes <= page.byteLength && bytes % 4 === 0;
  let intact =
    possible && (address & 0xfffn) === 0n && fill === stampFill(address, sequence, bytes);
  for (let at = STAMP_BYTES; intact && at < bytes; at += 4) {
    intact = view.getUint32(at, true) === (fill + at / 4) >>> 0;
  }
  return { writer: magic, address, sequence, bytes, intact };
}
