/** Short, spaced rehearsals of one guest, so that a forecast is ready when a migration is wanted. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/schema.js';
import { messageOf } from '../errors.js';
import { rehearse } from '../harvest/rehearse.js';
import type { Rehearsal } from '../harvest/rehearsal.js';
import type { ProcessIdentity } from '../process-identity.js';
import type { QemuSide } from '../sequence/side.js';
import { keepRehearsal } from './standing.js';

export interface RehearsalsOptions {
  readonly side: QemuSide;
  readonly uuid: string;
  readonly qemu: ProcessIdentity;
  readonly settings: Config['rehearse'];
  readonly signal: AbortSignal;
  /** No rehearsal begins while this says why not. */
  readonly pausedBecause: () => string | undefined;
  readonly log: (message: string) => void;
}

/** Rehearses every `settings.every` until the signal fires; a rehearsal that fails is logged. */
export async function keepRehearsing(options: RehearsalsOptions): Promise<void> {
  const { settings, signal, pausedBecause, log } = options;
  if (!settings.enabled) return;
  let lastFailure = '';
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    if (pausedBecause() === undefined) {
      try {
        const rehearsal = await rehearseOnce(options);
        keepRehearsal(options.uuid, options.qemu, rehearsal);
        log(`rehearsed: converges ${rehearsal.forecast.converges}. ${rehearsal.forecast.why}`);
        lastFailure = '';
      } catch (error) {
        const failure = messageOf(error);
        // Every ten minutes the same line for months helps nobody.
        if (!isOver() && failure !== lastFailure) log(`no rehearsal: ${failure}`);
        lastFailure = failure;
      }
    }
    await sleep(settings.every, undefined, { signal }).catch(() => undefined);
  }
}

async function rehearseOnce({ side, settings, signal }: RehearsalsOptions): Promise<Rehearsal> {
  return await rehearse({
    side,
    durationMs: settings.duration,
    intervalMs: settings.interval,
    overheadShare: settings.overhead / 100,
    bandwidthBytesPerSecond: settings.bandwidth,
    cpu: settings.cpu,
    signal,
    onStage: () => undefined,
    onProgress: () => undefined,
  });
}
