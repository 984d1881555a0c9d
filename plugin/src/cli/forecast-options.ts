/** Options of `rehearse` and `watch` that say which migration is forecast. */
import { Option } from 'commander';
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
