/**
 * The hot loops over dirty bitmaps, in AssemblyScript: compiled to WebAssembly with SIMD by
 * `npm run build:bitmap-kernels`, which writes ../kernels.generated.ts.
 *
 * A bitmap is a run of little-endian 64-bit words, as VFIO_IOMMU_DIRTY_PAGES writes it: page n is
 * bit n % 64 of word n / 64. All pointers are multiples of 8 and all lengths are whole words; the
 * caller (DirtyBitmap) guarantees that they lie in memory. Nothing here allocates.
 */

/** Bytes that loops take at a time: one cache line, four vectors or eight words. */
const LINE: usize = 64;
/** Bytes of memory that the operating system commits together, and hardware prefetches within. */
const OS_PAGE: usize = 4096;
/** Bytes that are counted together: a line each of six pages at a time. */
const COUNT_BLOCK: usize = 6 * OS_PAGE;

/** Sum bit of a full adder, 128 adders at a time. */
function sum(a: v128, b: v128, c: v128): v128 {
  return v128.xor(v128.xor(a, b), c);
}

/** Carry bit of a full adder, 128 adders at a time. */
function carry(a: v128, b: v128, c: v128): v128 {
  return v128.or(v128.and(a, b), v128.and(v128.xor(a, b), c));
}

function sumOfLanes16(lanes: v128): u32 {
  const wide = i32x4.extadd_pairwise_i16x8_u(lanes);
  return (
    i32x4.extract_lane(wide, 0) +
    i32x4.extract_lane(wide, 1) +
    i32x4.extract_lane(wide, 2) +
    i32x4.extract_lane(wide, 3)
  );
}

function bytePopcounts16(vector: v128): v128 {
  return i16x8.extadd_pairwise_i8x16_u(i8x16.popcnt(vector));
}

function lineCount(at: usize): u64 {
  return (
    popcnt<u64>(load<u64>(at)) +
    popcnt<u64>(load<u64>(at, 8)) +
    popcnt<u64>(load<u64>(at, 16)) +
    popcnt<u64>(load<u64>(at, 24)) +
    popcnt<u64>(load<u64>(at, 32)) +
    popcnt<u64>(load<u64>(at, 40)) +
    popcnt<u64>(load<u64>(at, 48)) +
    popcnt<u64>(load<u64>(at, 56))
  );
}

/** Number of set bits, line after line. */
export function popcount(source: usize, end: usize): u32 {
  let total: u64 = 0;
  let at = source;
  for (; end - at >= LINE; at += LINE) total += lineCount(at);
  for (; at < end; at += 8) total += popcnt<u64>(load<u64>(at));
  return <u32>total;
}

/**
 * The same for large bitmaps on processors that read too little ahead for `popcount`: which way is faster
 * differs by a factor of two and more, either way (../faster-way.ts).
 *
 * Harley-Seal: a tree of carry-save adders turns sixteen vectors into one vector of sixteens plus
 * running ones, twos, fours and eights, so that the (in SSE/AVX costly) byte popcount runs once per
 * sixteen vectors. Two more lines go through the scalar instruction, which other units of the processor
 * execute meanwhile.
 *
 * A step takes its six lines from six pages of memory. That many instructions per line keep too few
 * reads of one page in flight to hide the latency of memory; six pages keep six prefetchers busy.
 */
export function popcountPages(source: usize, end: usize): u32 {
  let total: u32 = 0;
  let scalar: u64 = 0;
  let ones = i64x2.splat(0);
  let twos = i64x2.splat(0);
  let fours = i64x2.splat(0);
  let eights = i64x2.splat(0);
  let at = source;
  for (; end - at >= COUNT_BLOCK; at += COUNT_BLOCK - OS_PAGE) {
    const stop = at + OS_PAGE;
    // Each 16-bit lane gains at most 16 (two bytes of 8 bits) in each of 64 steps.
    let sixteenths = i64x2.splat(0);
    for (; at < stop; at += LINE) {
      let a = v128.load(at);
      let b = v128.load(at, 16);
      let twosA = carry(ones, a, b);
      ones = sum(ones, a, b);
      a = v128.load(at, 32);
      b = v128.load(at, 48);
      let twosB = carry(ones, a, b);
      ones = sum(ones, a, b);
      let foursA = carry(twos, twosA, twosB);
      twos = sum(twos, twosA, twosB);

      a = v128.load(at, OS_PAGE);
      b = v128.load(at, OS_PAGE + 16);
      twosA = carry(ones, a, b);
      ones = sum(ones, a, b);
      a = v128.load(at, OS_PAGE + 32);
      b = v128.load(at, OS_PAGE + 48);
      twosB = carry(ones, a, b);
      ones = sum(ones, a, b);
      let foursB = carry(twos, twosA, twosB);
      twos = sum(twos, twosA, twosB);
      const eightsA = carry(fours, foursA, foursB);
      fours = sum(fours, foursA, foursB);

      a = v128.load(at, 2 * OS_PAGE);
      b = v128.load(at, 2 * OS_PAGE + 16);
      twosA = carry(ones, a, b);
      ones = sum(ones, a, b);
      a = v128.load(at, 2 * OS_PAGE + 32);
      b = v128.load(at, 2 * OS_PAGE + 48);
      twosB = carry(ones, a, b);
      ones = sum(ones, a, b);
      foursA = carry(twos, twosA, twosB);
      twos = sum(twos, twosA, twosB);

      a = v128.load(at, 3 * OS_PAGE);
      b = v128.load(at, 3 * OS_PAGE + 16);
      twosA = carry(ones, a, b);
      ones = sum(ones, a, b);
      a = v128.load(at, 3 * OS_PAGE + 32);
      b = v128.load(at, 3 * OS_PAGE + 48);
      twosB = carry(ones, a, b);
      ones = sum(ones, a, b);
      foursB = carry(twos, twosA, twosB);
      twos = sum(twos, twosA, twosB);
      const eightsB = carry(fours, foursA, foursB);
      fours = sum(fours, foursA, foursB);

      const sixteens = carry(eights, eightsA, eightsB);
      eights = sum(eights, eightsA, eightsB);
      scalar += lineCount(at + 4 * OS_PAGE) + lineCount(at + 5 * OS_PAGE);
      sixteenths = i16x8.add(sixteenths, bytePopcounts16(sixteens));
    }
    total += 16 * sumOfLanes16(sixteenths);
  }
  total += 8 * sumOfLanes16(bytePopcounts16(eights));
  total += 4 * sumOfLanes16(bytePopcounts16(fours));
  total += 2 * sumOfLanes16(bytePopcounts16(twos));
  total += sumOfLanes16(bytePopcounts16(ones));
  return total + <u32>scalar + popcount(at, end);
}

/** target |= source. */
export function or(target: usize, end: usize, source: usize): void {
  let to = target;
  let from = source;
  for (; end - to >= LINE; to += LINE, from += LINE) {
    v128.store(to, v128.or(v128.load(to), v128.load(from)));
    v128.store(to, v128.or(v128.load(to, 16), v128.load(from, 16)), 16);
    v128.store(to, v128.or(v128.load(to, 32), v128.load(from, 32)), 32);
    v128.store(to, v128.or(v128.load(to, 48), v128.load(from, 48)), 48);
  }
  for (; to < end; to += 8, from += 8) store<u64>(to, load<u64>(to) | load<u64>(from));
}

/** target &= source. */
export function and(target: usize, end: usize, source: usize): void {
  let to = target;
  let from = source;
  for (; end - to >= LINE; to += LINE, from += LINE) {
    v128.store(to, v128.and(v128.load(to), v128.load(from)));
    v128.store(to, v128.and(v128.load(to, 16), v128.load(from, 16)), 16);
    v128.store(to, v128.and(v128.load(to, 32), v128.load(from, 32)), 32);
    v128.store(to, v128.and(v128.load(to, 48), v128.load(from, 48)), 48);
  }
  for (; to < end; to += 8, from += 8) store<u64>(to, load<u64>(to) & load<u64>(from));
}

/** target &= ~source. */
export function andNot(target: usize, end: usize, source: usize): void {
  let to = target;
  let from = source;
  for (; end - to >= LINE; to += LINE, from += LINE) {
    v128.store(to, v128.andnot(v128.load(to), v128.load(from)));
    v128.store(to, v128.andnot(v128.load(to, 16), v128.load(from, 16)), 16);
    v128.store(to, v128.andnot(v128.load(to, 32), v128.load(from, 32)), 32);
    v128.store(to, v128.andnot(v128.load(to, 48), v128.load(from, 48)), 48);
  }
  for (; to < end; to += 8, from += 8) store<u64>(to, load<u64>(to) & ~load<u64>(from));
}

/** 1 if both bitmaps have the same bits set, else 0. */
export function equal(a: usize, end: usize, b: usize): u32 {
  for (; end - a >= LINE; a += LINE, b += LINE) {
    const differs = v128.or(
      v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a, 16), v128.load(b, 16))),
      v128.or(
        v128.xor(v128.load(a, 32), v128.load(b, 32)),
        v128.xor(v128.load(a, 48), v128.load(b, 48)),
      ),
    );
    if (v128.any_true(differs)) return 0;
  }
  for (; a < end; a += 8, b += 8) if (load<u64>(a) != load<u64>(b)) return 0;
  return 1;
}

/** 1 if every bit of `a` is set in `b`, else 0. */
export function subset(a: usize, end: usize, b: usize): u32 {
  for (; end - a >= LINE; a += LINE, b += LINE) {
    const missing = v128.or(
      v128.or(
        v128.andnot(v128.load(a), v128.load(b)),
        v128.andnot(v128.load(a, 16), v128.load(b, 16)),
      ),
      v128.or(
        v128.andnot(v128.load(a, 32), v128.load(b, 32)),
        v128.andnot(v128.load(a, 48), v128.load(b, 48)),
      ),
    );
    if (v128.any_true(missing)) return 0;
  }
  for (; a < end; a += 8, b += 8) if ((load<u64>(a) & ~load<u64>(b)) != 0) return 0;
  return 1;
}

/** 1 if no bit is set, else 0. */
export function zero(source: usize, end: usize): u32 {
  let at = source;
  for (; end - at >= LINE; at += LINE) {
    const bits = v128.or(
      v128.or(v128.load(at), v128.load(at, 16)),
      v128.or(v128.load(at, 32), v128.load(at, 48)),
    );
    if (v128.any_true(bits)) return 0;
  }
  for (; at < end; at += 8) if (load<u64>(at) != 0) return 0;
  return 1;
}

/**
 * Clears all bits, reading before it writes: a page of memory that was never written stays
 * uncommitted, where memory.fill would make the operating system back every hole with a page.
 */
export function clear(target: usize, end: usize): void {
  let at = target;
  while (at < end) {
    const stop = min((at + OS_PAGE) & ~(OS_PAGE - 1), end);
    if (!zero(at, stop)) memory.fill(at, 0, stop - at);
    at = stop;
  }
}

/**
 * Bit number of the set bit that has `rank` set bits before it. The caller knows that there is one:
 * popcount(source, end) > rank.
 */
export function select(source: usize, end: usize, rank: u32): u32 {
  let at = source;
  for (; end - at >= OS_PAGE; at += OS_PAGE) {
    const count = popcount(at, at + OS_PAGE);
    if (rank < count) break;
    rank -= count;
  }
  let word: u64 = 0;
  for (; at < end; at += 8) {
    word = load<u64>(at);
    const count = <u32>popcnt<u64>(word);
    if (rank < count) break;
    rank -= count;
  }
  for (; rank > 0; rank--) word &= word - 1;
  return ((<u32>(at - source)) << 3) + <u32>ctz<u64>(word);
}

/** Writes the positions of the four lowest set bits and returns `changes` without them. */
function writeFour(changes: u64, page: u32, out: usize): u64 {
  store<u32>(out, page + <u32>ctz<u64>(changes));
  changes &= changes - 1;
  store<u32>(out, page + <u32>ctz<u64>(changes), 4);
  changes &= changes - 1;
  store<u32>(out, page + <u32>ctz<u64>(changes), 8);
  changes &= changes - 1;
  store<u32>(out, page + <u32>ctz<u64>(changes), 12);
  return changes & (changes - 1);
}

/**
 * Where a table lies of the numbers of each byte's set bits, ascending, eight bytes each; those left are 0.
 * In the bytes that are the engine's own (ENGINE_RESERVED_BYTES).
 */
const BITS_OF_BYTES: usize = 1024;

for (let byte: usize = 0; byte < 256; byte++) {
  let at = BITS_OF_BYTES + byte * 8;
  for (let bit: u8 = 0; bit < 8; bit++) if (byte & (1 << bit)) store<u8>(at++, bit);
}

/** Writes the positions of a byte's set bits, and as many too many as make eight. */
function writeByte(byte: usize, pages: v128, out: usize): usize {
  const bits = v128.load_ext<u8>(BITS_OF_BYTES + (byte << 3));
  v128.store(out, i32x4.add(i32x4.extend_low_i16x8_u(bits), pages));
  v128.store(out, i32x4.add(i32x4.extend_high_i16x8_u(bits), pages), 16);
  return out + ((<usize>popcnt<u32>(<u32>byte)) << 2);
}

function writeHalf(half: u32, page: u32, out: usize): usize {
  const eight = i32x4.splat(8);
  let pages = i32x4.splat(page);
  out = writeByte(half & 0xff, pages, out);
  pages = i32x4.add(pages, eight);
  out = writeByte((half >>> 8) & 0xff, pages, out);
  pages = i32x4.add(pages, eight);
  out = writeByte((half >>> 16) & 0xff, pages, out);
  pages = i32x4.add(pages, eight);
  return writeByte(half >>> 24, pages, out);
}

/** Writes the edges of a word that has many, byte for byte. */
function writeMany(changes: u64, page: u32, out: usize): void {
  out = writeHalf(<u32>changes, page, out);
  writeHalf(<u32>(changes >>> 32), page + 32, out);
}

/** More edges in a word than so many are found byte for byte. */
const MANY: u32 = 12;

/**
 * Writes the page numbers at which the bitmap changes between clean and dirty, so that
 * [edge 0, edge 1) is the first run of dirty pages, [edge 2, edge 3) the second, and so on.
 *
 * Four of a word, eight or twelve, or eight of each byte, whether they are there or not: those written too
 * many are overwritten by the next word's, which costs less than branches that the processor guesses wrong.
 *
 * @param source  where to start reading
 * @param end     where to stop reading
 * @param page    page number of the first bit at `source`
 * @param inRun   1 if the page before `page` was dirty (an odd number of edges so far), else 0
 * @param out     where edges go, one u32 each
 * @param outEnd  end of that buffer; it must have room for at least 512 edges
 * @param stopped where to write the pointer at which reading stopped (u32): `end`, or the end of an
 *                earlier line when the buffer might not hold another one's edges
 * @returns the pointer after the last edge
 */
export function edges(
  source: usize,
  end: usize,
  page: u32,
  inRun: u32,
  out: usize,
  outEnd: usize,
  stopped: usize,
): usize {
  // A line has up to 512 edges, and what is written too many for a word stays within its 64.
  const full = outEnd - LINE * 8 * 4;
  let at = source;
  /** The last bit before `at`. */
  let before: u64 = inRun;
  while (at < end && out <= full) {
    const stop = min(at + LINE, end);
    if (stop - at == LINE) {
      const same = i64x2.splat(0 - <i64>before);
      const differs = v128.or(
        v128.or(v128.xor(v128.load(at), same), v128.xor(v128.load(at, 16), same)),
        v128.or(v128.xor(v128.load(at, 32), same), v128.xor(v128.load(at, 48), same)),
      );
      if (!v128.any_true(differs)) {
        at = stop;
        page += <u32>LINE * 8;
        continue;
      }
    }
    for (; at < stop; at += 8, page += 64) {
      const word = load<u64>(at);
      const changes = word ^ ((word << 1) | before);
      before = word >>> 63;
      const count = <u32>popcnt<u64>(changes);
      if (count > MANY) {
        writeMany(changes, page, out);
      } else {
        let left = writeFour(changes, page, out);
        if (count > 4) {
          left = writeFour(left, page, out + 16);
          if (count > 8) writeFour(left, page, out + 32);
        }
      }
      out += (<usize>count) << 2;
    }
  }
  store<u32>(stopped, <u32>at);
  return out;
}
