import type { HistoryEntry } from '../history/entries.js';
import type { QemuSide } from '../sequence/side.js';
import { watchVersion, type WatchNotice, type WatchRecord } from './records.js';

export interface WatchOptions {
  readonly side: QemuSide;
  /** Between two samples. */
  readonly intervalMs: number;
  /** How much of one core all of it may take, 0 to 1. */
  readonly overheadShare: number;
  /** Bytes/s that the link takes; default: QEMU's max-bandwidth. */
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** Default: QEMU's. */
  readonly downtimeLimitMs?: number | undefined;
  /** Watch the CPUs too, which clears soft-dirty bits of the QEMU. */
  readonly cpu: boolean;
  /** Past forecasts and migrations. */
  readonly history?: readonly HistoryEntry[] | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly show: (record: WatchRecord) => void;
}

export function notice(text: string): WatchNotice {
  return { type: 'notice', version: watchVersion, atMs: Date.now(), text };
}
