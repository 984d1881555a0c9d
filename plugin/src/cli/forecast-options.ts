/** Options that `rehearse` and `watch` share: which migration is forecast, what becomes of somebody else's, what the kernel can do. */
import { Option } from 'commander';
import { bitmapFreeFix } from 'linux-vfio-ts';
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

export function kernelHasOption(): Option {
  return new Option(
    '--kernel-has <commits...>',
    `fixes that this host's kernel has although its number does not show it: ${bitmapFreeFix} (docs/vfio-dirty-tracking.md)`,
  )
    .choices([bitmapFreeFix])
    .default([]);
}
