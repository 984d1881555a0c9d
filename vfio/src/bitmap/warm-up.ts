import { analysis } from './analyse.js';
import type { BitmapArena } from './arena.js';
import { finish } from './cooperate.js';
import { BitmapLayout } from './layout.js';

/** Enough runs that the engine compiles what they need: every other page of 256 MiB. */
const pages = 65_536;
const pageSizeBytes = 4096;
/** Steps of large bitmaps that a program takes before the engine finds them worth compiling. */
const steps = 2000;
/** Of a small bitmap, a step each. */
const stepPages = 64;

/**
 * Has the loops over bitmaps compiled now. Otherwise that happens in the first harvest of a process and
 * holds up the event loop: some ms, and some tens of ms under an emulator. Call it once, before anything
 * is watched. Borrows 12 KiB of the arena.
 *
 * @throws BitmapError BITMAP_ARENA_FULL
 */
export function warmUp(arena: BitmapArena): void {
  using runs = arena.create(layoutOf(pages));
  runs.bytes.fill(0x55);
  finish(analysis(runs, 1));
  using bitmap = arena.create(layoutOf(stepPages));
  for (let step = 0; step < steps; step += 1) {
    bitmap.bytes.fill(0x55);
    finish(analysis(bitmap, 1));
    bitmap.or(bitmap);
    bitmap.count();
    bitmap.clear();
  }
}

function layoutOf(count: number): BitmapLayout {
  const range = { first: 0n, last: BigInt(count * pageSizeBytes) - 1n };
  return new BitmapLayout({ range, pageSizeBytes, sections: [range] });
}
