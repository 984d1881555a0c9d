/**
 * Dirty bitmaps: sets of guest pages in the kernel's own format, in memory that the kernel writes
 * straight into. See docs/bitmap.md.
 *
 * layout        which page a bit stands for, where RAM is mapped, pages <-> IOVAs
 * arena         the memory that bitmaps live in, and its disposal
 * dirty-bitmap  set algebra, counting, runs
 * analyse       the same for big bitmaps, without holding up the event loop
 * engine        the loops: WebAssembly SIMD (assembly/kernels.ts) or plain TypeScript
 */
export { type AnalyseOptions, analyse, type BitmapAnalysis } from './analyse.js';
export { BitmapArena, type BitmapArenaOptions, MAX_ARENA_BYTES } from './arena.js';
export { warmUp } from './warm-up.js';
export { type CooperateOptions, cooperate, finish } from './cooperate.js';
export { type BitmapSteps, DirtyBitmap, type Steps } from './dirty-bitmap.js';
export type { EngineName } from './engine.js';
export { simdAvailable } from './engine-simd.js';
export { BitmapError, type BitmapErrorCode } from './errors.js';
export {
  BitmapLayout,
  type BitmapLayoutOptions,
  type ByteSpan,
  MAX_BITMAP_BYTES,
  MAX_BITMAP_PAGES,
  type PageRange,
} from './layout.js';
