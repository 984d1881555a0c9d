/** Numbers with units as people write them. */

const byteUnits: Record<string, number> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** `500M`, `1.5GiB`, `1048576` to bytes; K, M, G, T are powers of 1024, as in QEMU. */
export function bytesFrom(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?(?:\/s)?$/i.exec(text);
  const unit = byteUnits[match?.[2]?.toUpperCase() ?? '?'];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : undefined;
}

const durationUnits: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** `300ms`, `2s`, `5min` to ms. @param bareMs what a number without unit counts; undefined: refused */
export function msFrom(text: string, bareMs?: number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min|h)?$/.exec(text);
  const unit = match?.[2] === undefined ? bareMs : durationUnits[match[2]];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : undefined;
}
