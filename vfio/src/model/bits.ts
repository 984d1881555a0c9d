/**
 * The kernel's bitmap functions (lib/bitmap.c) on 64-bit words, including what they do to the bits past
 * `nbits` in the last word: that is where type1's ghost bits come from.
 */

const WORD_BITS = 64;
const WORD_MASK = (1n << 64n) - 1n;

/** Words for so many bits: BITS_TO_LONGS. */
export function wordsFor(bits: number): number {
  return Math.ceil(bits / WORD_BITS);
}

/** bitmap_set. */
export function setBits(words: BigUint64Array, from: number, count: number): void {
  forWords(from, count, (index, mask) => {
    words[index] = (words[index] ?? 0n) | mask;
  });
}

/** bitmap_clear. */
export function clearBits(words: BigUint64Array, from: number, count: number): void {
  forWords(from, count, (index, mask) => {
    words[index] = (words[index] ?? 0n) & ~mask;
  });
}

function forWords(from: number, count: number, visit: (index: number, mask: bigint) => void): void {
  const end = from + count;
  for (let at = from; at < end;) {
    const index = Math.floor(at / WORD_BITS);
    const wordEnd = Math.min(end, (index + 1) * WORD_BITS);
    const bits = BigInt(wordEnd - at);
    visit(index, ((1n << bits) - 1n) << BigInt(at % WORD_BITS));
    at = wordEnd;
  }
}

/**
 * bitmap_shift_left in place by less than a word, over the whole words that hold `bits` bits. As in the
 * kernel, the last word is not masked to `bits`.
 */
export function shiftLeft(words: BigUint64Array, shift: number, bits: number): void {
  for (let k = wordsFor(bits) - 1; k >= 0; k -= 1) {
    const lower = k > 0 ? (words[k - 1] ?? 0n) >> BigInt(WORD_BITS - shift) : 0n;
    words[k] = (((words[k] ?? 0n) << BigInt(shift)) | lower) & WORD_MASK;
  }
}
