/** How fast pages of zeros went through a migration: hardly a byte of each is sent, but each is looked at. Pure. */
import { pageHeaderBytes, zeroPageBytes } from '../forecast/qemu-model/rate.js';
import type { JournalRecord } from '../journal/records.js';

const pageBytes = 4096;
const dataPageBytes = pageBytes + pageHeaderBytes;
/** Of the time between two samples, at most this part may have gone into pages that were no zeros. */
const mostOtherShare = 0.3;
/** Fewer pages, or less time, than this say nothing. */
const leastPages = 2000;
const leastMs = 20;

/**
 * From samples in the first round, in which the pages are that nobody ever wrote.
 *
 * @param bytesPerSecond how fast pages went that were no zeros: what the link takes, or max-bandwidth
 * @returns pages a second; null where there were too few
 */
export function zeroPagesPerSecondOf(
  records: readonly JournalRecord[],
  bytesPerSecond: number,
): number | null {
  let [pages, ms] = [0, 0];
  let before:
    { readonly atMs: number; readonly handled: number; readonly bytes: number } | undefined;
  for (const record of records) {
    if (record.type !== 'pass' && record.type !== 'observation') continue;
    const { dirtySyncCount, handledBytes, transferredBytes } = record.sample;
    const now = {
      atMs: record.monotonicMs,
      handled: handledBytes / pageBytes,
      bytes: transferredBytes,
    };
    if (before !== undefined) {
      const handled = now.handled - before.handled;
      const whole =
        (now.bytes - before.bytes - handled * zeroPageBytes) / (dataPageBytes - zeroPageBytes);
      const data = Math.min(handled, Math.max(0, whole));
      const passedMs = now.atMs - before.atMs;
      const otherMs = data === 0 ? 0 : (data * dataPageBytes * 1000) / bytesPerSecond;
      if (otherMs <= mostOtherShare * passedMs) {
        pages += handled - data;
        ms += passedMs - otherMs;
      }
    }
    if (dirtySyncCount > 1) break;
    before = now;
  }
  return pages >= leastPages && ms >= leastMs ? (pages * 1000) / ms : null;
}
