/** Options that `rehearse` and `watch` share: which migration is forecast, and what becomes of somebody else's. */
import { Option } from 'commander';
import { stolenBitsActions } from '../harvest/stolen-bits.js';
import { parseBytes, parseDuration } from './numbers.js';

export function bandwidthOption(): Option {
  return new Option(
    '--bandwidth <bytes>',
    "bandwidth to use, bytes per second, e.g. 1G (default: QEMU's max-bandwidth); stands for the link's own where nothing tells that",
  ).argParser(parseBytes);
}

export function downtimeLimitOption(): Option {
  return new Option(
    '--downtime-limit <time>',
    "longest downtime to accept, e.g. 300ms (default: QEMU's)",
  ).argParser(parseDuration(1));
}

export function stolenBitsOption(): Option {
  return new Option(
    '--on-stolen-bits <action>',
    'of a migration that somebody else starts in the middle of a harvest, from which dirty bits may have been taken',
  )
    .choices(stolenBitsActions)
    .default('cancel');
}
