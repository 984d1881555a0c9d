import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after `ms`, or when the signal fires: for loops that look at the signal themselves. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // What it rejects with is the signal's, and nothing else.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
