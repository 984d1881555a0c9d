/** Numbers with units as people write them on a command line. */
import { InvalidArgumentError } from 'commander';
import { bytesFrom, msFrom } from '../units.js';

/** `500M`, `1.5GiB`, `1048576` to bytes; K, M, G, T are powers of 1024, as in QEMU. */
export function parseBytes(text: string): number {
  const bytes = bytesFrom(text);
  if (bytes !== undefined) return bytes;
  throw new InvalidArgumentError('Write bytes as 1048576, 500M or 1.5G (powers of 1024).');
}

/** `300ms`, `2s`, `5min` to ms; a bare number is in the option's own unit, given as `bareMs`. */
export function parseDuration(bareMs: number): (text: string) => number {
  return (text) => {
    const ms = msFrom(text, bareMs);
    if (ms !== undefined) return ms;
    throw new InvalidArgumentError('Write a duration as 300ms, 2s or 5min.');
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
