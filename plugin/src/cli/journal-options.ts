import { Option } from 'commander';
import { parseBytes } from './numbers.js';

/** Of commands that may write for days. */
export function journalLimitOption(): Option {
  return new Option(
    '--journal-limit <bytes>',
    'keep so much of the journal, e.g. 1G: of its segments of 64 MiB the oldest go, but for the first',
  ).argParser(parseBytes);
}
