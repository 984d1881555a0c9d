/** What all reads of dirty bitmaps have in common, whoever keeps them: container, device or page table. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BitmapRequest } from './dirty-pages.js';
import type { HarvestGate } from './gate.js';

/** Bytes that are zeroed in one turn of the event loop; fresh memory is committed by that. */
const PIECE_BYTES = 2 ** 20;

/**
 * Runs one read past the gate, into memory that is zero: the kernel writes no holes, or only sets bits.
 *
 * @param memory the part of the request's bitmap that is read into
 * @param read gets a signal that is aborted when the gate shuts, or the request's signal is
 * @throws HarvestRefusedError if the gate is shut; what `read` throws
 */
export async function readBitmap(
  gate: HarvestGate,
  memory: Uint8Array,
  { bitmapIsClear = false, signal }: Pick<BitmapRequest, 'bitmapIsClear' | 'signal'>,
  read: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  await gate.pass(async (shut) => {
    if (!bitmapIsClear) {
      for (let at = 0; at < memory.byteLength; at += PIECE_BYTES) {
        if (at > 0) await nextTurn();
        memory.fill(0, at, at + PIECE_BYTES);
      }
    }
    await read(signal === undefined ? shut : AbortSignal.any([signal, shut]));
  });
}
