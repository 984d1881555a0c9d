/** Short, spaced rehearsals of one guest, so that a forecast is ready when a migration is wanted. */
import type { Config } from '../config/schema.js';
import { messageOf, PrecopyError } from '../errors.js';
import { UnknownBandwidthError } from '../harvest/forecast-input.js';
import { rehearse } from '../harvest/rehearse.js';
import { HistoryFile } from '../history/file.js';
import type { Virsh } from '../libvirt/virsh.js';
import { pause } from '../pause.js';
import { isAlive, type ProcessIdentity } from '../process-identity.js';
import type { QemuSide } from '../sequence/side.js';
import { migrationLimits } from './migration-limits.js';
import { keepObstacle, keepRehearsal, type Obstacle } from './standing.js';

export interface RehearsalsOptions {
  readonly side: QemuSide;
  readonly virsh: Virsh;
  readonly uuid: string;
  readonly qemu: ProcessIdentity;
  readonly config: Config;
  readonly signal: AbortSignal;
  /** No rehearsal begins while this says why not. */
  readonly pausedBecause: () => string | undefined;
  readonly log: (message: string) => void;
}

export class Rehearsals {
  readonly #options: RehearsalsOptions;
  #underWay: Promise<Obstacle | undefined> = Promise.resolve(undefined);
  #lastFailure = '';

  constructor(options: RehearsalsOptions) {
    this.#options = options;
  }

  /** Resolves when no rehearsal is under way any more, with why the last one failed, if it did. */
  get underWay(): Promise<Obstacle | undefined> {
    return this.#underWay;
  }

  /** Rehearses every `rehearse.every` until the signal fires; a rehearsal that fails is logged. */
  async keepOn(): Promise<void> {
    const { config, signal, pausedBecause } = this.#options;
    const { enabled, every } = config.rehearse;
    if (!enabled) return;
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      if (pausedBecause() === undefined) {
        this.#underWay = this.#once();
        await this.#underWay;
        this.#underWay = Promise.resolve(undefined);
      }
      await pause(every, signal);
    }
  }

  async #once(): Promise<Obstacle | undefined> {
    const { uuid, qemu, signal, log } = this.#options;
    try {
      const rehearsal = await this.#rehearse();
      const { forecast } = rehearsal;
      keepRehearsal(uuid, qemu, rehearsal);
      log(`rehearsed: converges ${forecast.converges}. ${forecast.why}`);
      this.#lastFailure = '';
      return undefined;
    } catch (error) {
      const obstacle = obstacleFrom(error);
      // Files of /proc that are gone with QEMU are nobody's trouble.
      const ended = signal.aborted || !isAlive(qemu);
      if (ended) return error instanceof PrecopyError ? obstacle : undefined;
      this.#keep(obstacle);
      // Every ten minutes the same line for months helps nobody.
      if (obstacle.why !== this.#lastFailure) log(`no rehearsal: ${obstacle.why} ${obstacle.next}`);
      this.#lastFailure = obstacle.why;
      return obstacle;
    }
  }

  #keep(obstacle: Obstacle): void {
    const { uuid, qemu, log } = this.#options;
    try {
      keepObstacle(uuid, qemu, obstacle);
    } catch (error) {
      log(`what failed can't be kept: ${messageOf(error)}`);
    }
  }

  async #rehearse(): ReturnType<typeof rehearse> {
    const { side, virsh, uuid, config, signal } = this.#options;
    const { duration, interval, overhead, cpu, onStolenBits, kernelHas } = config.rehearse;
    return await rehearse({
      side,
      durationMs: duration,
      intervalMs: interval,
      overheadShare: overhead / 100,
      ...(await migrationLimits(config, virsh, uuid)),
      cpu,
      ...{ onStolenBits, kernelHas },
      history: new HistoryFile().read(),
      signal,
      onStage: () => undefined,
      onProgress: () => undefined,
    });
  }
}

/** What a controller's user can do about it is not what one at the command line can. */
export function obstacleFrom(error: unknown, atMs = Date.now()): Obstacle {
  const why = messageOf(error);
  if (error instanceof UnknownBandwidthError) {
    const next =
      'Set rehearse.bandwidth to what the link to the destination takes (docs/configuration.md), or let one migration run without a bandwidth limit: what QEMU measures in it is remembered.';
    return { atMs, why, next };
  }
  return { atMs, why, next: error instanceof PrecopyError ? error.next : '' };
}
