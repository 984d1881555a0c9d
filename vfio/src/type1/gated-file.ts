/** What all files have in common whose dirty pages are tracked: containers, devices, iommufds. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Kernel } from '../kernel/kernel.js';
import { requirePageSize } from '../page-size.js';
import type { BitmapRequest } from './dirty-pages.js';
import { HarvestGate } from './gate.js';
import { bitmapBytesFor } from './refusal.js';

/** Bytes that are zeroed in one turn of the event loop; fresh memory is committed by that. */
const PIECE_BYTES = 2 ** 20;

export abstract class GatedFile {
  readonly fd: number;
  /** Shut it before anybody else tracks dirty pages of this file. */
  readonly gate: HarvestGate;
  protected readonly kernel: Kernel;

  /**
   * @param fd an open file; it stays the caller's to close
   * @param gate share one between everything of a guest, so that all are shut at once
   */
  constructor(kernel: Kernel, fd: number, gate = new HarvestGate()) {
    this.kernel = kernel;
    this.fd = fd;
    this.gate = gate;
  }

  /**
   * Runs one read past the gate, into memory that is zero: the kernel writes no holes, or only sets bits.
   *
   * @param memory the part of the request's bitmap that is read into
   * @param read gets a signal that is aborted when the gate shuts, or the request's signal is
   * @throws HarvestRefusedError if the gate is shut; what `read` throws
   */
  protected async readBitmap(
    memory: Uint8Array,
    { bitmapIsClear = false, signal }: Pick<BitmapRequest, 'bitmapIsClear' | 'signal'>,
    read: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    await this.gate.pass(async (either) => {
      if (!bitmapIsClear) {
        for (let at = 0; at < memory.byteLength; at += PIECE_BYTES) {
          if (at > 0) await nextTurn();
          memory.fill(0, at, at + PIECE_BYTES);
        }
      }
      await read(either);
    }, signal);
  }
}

/**
 * The part of a request's bitmap that its range needs, for calls that tell the kernel an address and no
 * length (iova_bitmap_set): it sets a bit for each page that a range touches, wherever that lies.
 *
 * @throws RangeError if the kernel could write past the bitmap
 */
export function unmeasuredBitmap(request: BitmapRequest): Uint8Array {
  const { bytes, pageBytes, bitmap } = request;
  requirePageSize(pageBytes);
  if (bytes <= 0n || bytes % BigInt(pageBytes) !== 0n) {
    throw new RangeError(
      `A range must be one page of ${pageBytes} bytes or several, and ${bytes.toString()} bytes are not.`,
    );
  }
  const needed = bitmapBytesFor(bytes, pageBytes);
  if (bitmap.byteLength < needed) {
    throw new RangeError(`The bitmap has ${bitmap.byteLength} bytes and needs ${needed}.`);
  }
  return bitmap.subarray(0, needed);
}
