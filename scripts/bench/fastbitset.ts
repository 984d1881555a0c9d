import { createRequire } from 'node:module';

/** The part of the npm package fastbitset that tests and benches use; it ships no types. */
export interface FastBitSet {
  /** 32 bits each, lowest first; a plain array of signed numbers. */
  words: number[];
  add(index: number): void;
  has(index: number): boolean;
  size(): number;
  array(): number[];
  forEach(visit: (index: number) => void): void;
  clone(): FastBitSet;
  /** this |= other */
  union(other: FastBitSet): FastBitSet;
  /** this &= other */
  intersection(other: FastBitSet): FastBitSet;
  /** this &= ~other */
  difference(other: FastBitSet): FastBitSet;
  equals(other: FastBitSet): boolean;
}

export const FastBitSet = createRequire(import.meta.url)('fastbitset') as new (
  indexes?: Iterable<number>,
) => FastBitSet;
