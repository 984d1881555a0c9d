/** Seeded random numbers, so that a forecast is the same each time it is made from the same data. */
export interface Random {
  /** Uniform, 0 <= x < 1. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
}

/** Mulberry32: 32 bits of state are plenty for some thousand draws. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
