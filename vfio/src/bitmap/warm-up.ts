import { analysis } from './analyse.js';
import type { BitmapArena } from './arena.js';
import { BitmapLayout } from './layout.js';

/** Enough runs that the engine compiles what they need: every other page of 256 MiB. */
const pages = 65_536;
const pageSizeBytes = 4096;

/**
 * Has the loops over bitmaps compiled now. Otherwise that happens in the first harvest of a process and
 * holds up the event loop: some ms, and some tens of ms under an emulator. Call it once, before anything
 * is watched. Borrows 8 KiB of the arena.
 *
 * @throws BitmapError BITMAP_ARENA_FULL
 */
export function warmUp(arena: BitmapArena): void {
  const last = BigInt(pages * pageSizeBytes) - 1n;
  const range = { first: 0n, last };
  using bitmap = arena.create(new BitmapLayout({ range, pageSizeBytes, sections: [range] }));
  bitmap.bytes.fill(0x55);
  const steps = analysis(bitmap, 1);
  while (steps.next().done !== true);
  bitmap.or(bitmap);
  bitmap.count();
  bitmap.clear();
}
