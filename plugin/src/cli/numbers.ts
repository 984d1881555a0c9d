/** Numbers with units as people write them on a command line. */
import { InvalidArgumentError } from 'commander';

const byteUnits: Record<string, number> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** `500M`, `1.5GiB`, `1048576` to bytes; K, M, G, T are powers of 1024, as in QEMU. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?(?:\/s)?$/i.exec(text);
  const unit = byteUnits[match?.[2]?.toUpperCase() ?? '?'];
  if (!match || unit === undefined) {
    throw new InvalidArgumentError('Write bytes as 1048576, 500M or 1.5G (powers of 1024).');
  }
  return Math.round(Number(match[1]) * unit);
}

/** `300ms`, `2s`, `5min` to ms; a bare number is in the option's own unit, given as `bareMs`. */
export function parseDuration(bareMs: number): (text: string) => number {
  const units: Record<string, number> = { '': bareMs, ms: 1, s: 1000, min: 60_000, h: 3_600_000 };
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|min|h)?$/.exec(text);
    const unit = units[match?.[2] ?? ''];
    if (!match || unit === undefined) {
      throw new InvalidArgumentError('Write a duration as 300ms, 2s or 5min.');
    }
    return Math.round(Number(match[1]) * unit);
  };
}

/** `40` or `40%`, 0 to 99. */
export function parsePercent(text: string): number {
  const match = /^(\d{1,2})%?$/.exec(text);
  if (!match) throw new InvalidArgumentError('Write percent as 40 or 40%, from 0 to 99.');
  return Number(match[1]);
}

/** `2` or `2%`: a part of one core. */
export function parseCorePercent(text: string): number {
  const percent = Number(text.replace(/%$/, ''));
  if (percent > 0 && percent <= 100) return percent;
  throw new InvalidArgumentError('Write a part of one core as 2 or 2%, above 0 and up to 100.');
}
