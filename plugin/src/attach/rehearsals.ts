/** Short, spaced rehearsals of one guest, so that a forecast is ready when a migration is wanted. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/schema.js';
import { messageOf } from '../errors.js';
import { runFolder } from '../folders.js';
import { rehearse } from '../harvest/rehearse.js';
import type { Rehearsal } from '../harvest/rehearsal.js';
import { toJson } from '../journal/json.js';
import type { QemuSide } from '../sequence/side.js';

/** A rehearsal and when it ended. */
export interface Standing {
  /** ms since the epoch. */
  readonly atMs: number;
  readonly rehearsal: Rehearsal;
}

export interface RehearsalsOptions {
  readonly side: QemuSide;
  readonly uuid: string;
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
        writeStanding(options.uuid, { atMs: Date.now(), rehearsal });
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

function fileOf(uuid: string): string {
  return join(runFolder(), `rehearsal-${uuid}.json`);
}

function writeStanding(uuid: string, standing: Standing): void {
  const file = fileOf(uuid);
  mkdirSync(runFolder(), { recursive: true, mode: 0o755 });
  // Whoever reads it sees the old one or the new one.
  writeFileSync(`${file}.new`, toJson(standing), { mode: 0o640 });
  renameSync(`${file}.new`, file);
}

export function removeStanding(uuid: string): void {
  rmSync(fileOf(uuid), { force: true });
}
