import type { RehearseOptions } from '../harvest/rehearse.js';
import { watchVersion, type WatchNotice, type WatchRecord } from './records.js';

/** What is watched, and which migration of it is forecast, is said as for a rehearsal. */
export interface WatchOptions extends Pick<
  RehearseOptions,
  | 'side'
  | 'bandwidthBytesPerSecond'
  | 'downtimeLimitMs'
  | 'cpu'
  | 'history'
  | 'onStolenBits'
  | 'kernelHas'
> {
  /** Between two samples. */
  readonly intervalMs: number;
  /** How much of one core all of it may take, 0 to 1. */
  readonly overheadShare: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly show: (record: WatchRecord) => void;
}

export function notice(text: string): WatchNotice {
  return { type: 'notice', version: watchVersion, atMs: Date.now(), text };
}
