/**
 * One migration between two QEMUs whose monitors we hold: set up both sides, let QEMU copy, record
 * every pass, and prove the result before the destination runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyMemory, type VerifyResult, type VerifySide } from '../audit/verify.js';
import { PrecopyError, messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { MigrationResult } from '../journal/records.js';
import { measureDowntime } from './downtime.js';
import { openIncoming } from './incoming.js';
import { MigrationEvents } from './migration-events.js';
import { PassFollower } from './pass-follower.js';
import type { MigrationSample } from './passes.js';
import { PhaseMachine, type Phase } from './phase.js';
import { findObstacle } from './preflight.js';
import { checked, migrationParameters, type MigrationInfo } from './qemu-replies.js';
import { applySettings, restoreSettings, type MigrationSettings } from './settings.js';
import type { QemuSide } from './side.js';

export interface MigrateOptions {
  source: QemuSide;
  destination: QemuSide;
  journal: Journal;
  /** Where the destination listens, as QEMU's `migrate-incoming` takes it; undefined: we choose. */
  uri: string | undefined;
  settings: MigrationSettings;
  /** Opens a QEMU's RAM for verify; undefined: no verify. Called before anything is changed. */
  openMemory: ((side: QemuSide) => Promise<VerifySide>) | undefined;
  /** Cancels the migration; the guest stays on the source. */
  signal: AbortSignal;
}

export interface MigrateOutcome {
  result: MigrationResult;
  verify: VerifyResult | undefined;
}

/** How long after the source's `completed` the destination may need to load what it received. */
const loadTimeoutMs = 60_000;

/**
 * Runs the migration to its end.
 *
 * @throws PrecopyError NOT_SUPPORTED if it can't work; nothing was changed
 * @throws PrecopyError MIGRATION_FAILED if QEMU gave up; says where the guest is
 * @throws PrecopyError VERIFY_DIFFERS if RAM differs; the destination was not started
 * @throws PrecopyError CANCELLED if the signal fired in time
 */
export async function migrate(options: MigrateOptions): Promise<MigrateOutcome> {
  const run = new MigrationRun(options);
  try {
    return await run.toTheEnd();
  } catch (error) {
    throw await run.failed(error);
  } finally {
    await run.tidyUp();
  }
}

class MigrationRun {
  readonly #options: MigrateOptions;
  readonly #source: QemuSide;
  readonly #destination: QemuSide;
  readonly #journal: Journal;
  readonly #phases = new PhaseMachine();
  readonly #events: MigrationEvents;
  readonly #passes: PassFollower;
  /** What must be undone at the end, whatever the end; run in reverse order. */
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #passSettings = { autoConverge: false, downtimeLimitMs: 0, switchoverBytesPerSecond: 0 };
  #startedAt = 0;
  /** The guest ran when we came: it must run somewhere when we go. */
  #guestRan = false;
  /** The destination's guest runs only when we say so (`stop` while it waits, `cont` at the end). */
  #destinationHeld = false;
  #contSentAt: number | undefined;

  constructor(options: MigrateOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#destination = options.destination;
    this.#journal = options.journal;
    this.#passes = new PassFollower(
      () => this.#source.migration(),
      () => ({
        ...this.#passSettings,
        sourceStopped: this.#events.state.stopped !== undefined,
      }),
      options.journal,
    );
    this.#events = new MigrationEvents(options.source, options.destination, (pass, stopped) => {
      this.#passes.pass(pass, stopped);
    });
    this.#cleanups.push(() => {
      this.#events[Symbol.dispose]();
    });
  }

  async toTheEnd(): Promise<MigrateOutcome> {
    const memories = await this.#preflight();
    await this.#setUp();
    await this.#copy();
    const loaded = await this.#destinationLoaded();
    const verify = memories ? await this.#verify(memories) : undefined;
    if (this.#destinationHeld && this.#guestRan) await this.#startDestination();
    if (this.#guestRan) await this.#events.until((state) => state.resumed);
    const result = await this.#result(loaded);
    this.#enter('completed', 'the destination has everything');
    this.#journal.append({ type: 'result', result });
    return { result, verify };
  }

  async #preflight(): Promise<{ source: VerifySide; destination: VerifySide } | undefined> {
    const [sourceStatus, sourceMigration, destinationStatus] = await Promise.all([
      this.#source.status(),
      this.#source.migration(),
      this.#destination.status(),
    ]);
    const obstacle = findObstacle({
      sourceStatus,
      sourceMigration,
      destinationStatus,
      sourceAddress: this.#source.address,
      destinationAddress: this.#destination.address,
    });
    if (obstacle) throw obstacle;
    this.#guestRan = sourceStatus.running;
    const { openMemory } = this.#options;
    if (!openMemory) return undefined;
    const open = async (side: QemuSide): Promise<VerifySide> => {
      const memory = await openMemory(side);
      this.#cleanups.push(() => memory.memory[Symbol.asyncDispose]());
      return memory;
    };
    return { source: await open(this.#source), destination: await open(this.#destination) };
  }

  async #setUp(): Promise<void> {
    this.#options.signal.throwIfAborted();
    this.#enter('setup', 'preflight found no obstacle');
    const { settings, openMemory, uri } = this.#options;
    for (const side of [this.#destination, this.#source]) {
      const saved = await applySettings(side, settings, this.#journal);
      this.#cleanups.push(() => restoreSettings(side, saved, this.#journal));
    }
    const parameters = checked(
      migrationParameters,
      await this.#source.query('query-migrate-parameters'),
      'query-migrate-parameters',
    );
    this.#passSettings = {
      autoConverge: settings.capabilities['auto-converge'] === true,
      downtimeLimitMs: parameters['downtime-limit'],
      switchoverBytesPerSecond: parameters['avail-switchover-bandwidth'] ?? 0,
    };
    if (openMemory) {
      // `stop` on a QEMU that waits for a migration only takes back its autostart (qmp_stop).
      await this.#destination.effect('stop');
      this.#destinationHeld = true;
    }
    const incoming = await openIncoming(this.#source, this.#destination, uri);
    this.#cleanups.push(() => {
      incoming[Symbol.dispose]();
    });
    this.#startedAt = Date.now();
    await this.#source.effect('migrate', { uri: incoming.uri });
    this.#enter('precopy', `migrate to ${incoming.uri}`);
  }

  /** Follows QEMU until the source has sent everything. */
  async #copy(): Promise<void> {
    const { signal } = this.#options;
    const cancel = (): void => {
      // QEMU may have completed in the meantime; then the refusal says so and the run goes on.
      this.#source.effect('migrate_cancel').catch(() => undefined);
    };
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    this.#cleanups.push(() => {
      signal.removeEventListener('abort', cancel);
    });
    if (this.#guestRan) {
      const stoppedOrOver = await this.#events.until(
        (state) => state.stopped ?? this.#overOnSource(),
      );
      if (typeof stoppedOrOver === 'number') this.#enter('switchover', 'the source stopped');
    }
    const status = await this.#events.until(() => this.#overOnSource());
    await this.#passes.settled();
    if (status === 'completed') {
      if (this.#phases.phase === 'precopy') this.#enter('switchover', 'everything was sent');
      return;
    }
    if (status === 'cancelled') {
      const why = signal.aborted ? `: ${messageOf(signal.reason)}` : ' by somebody else';
      throw new PrecopyError(
        'CANCELLED',
        `The migration was cancelled${why}.`,
        'Start it again when you are ready.',
      );
    }
    const { sourceLost, destinationLost } = this.#events.state;
    if (sourceLost) {
      throw new PrecopyError(
        'MIGRATION_FAILED',
        `The monitor of the source ${this.#source.address} went away during the migration: ${messageOf(sourceLost)}`,
        "Look at the source QEMU's log. If it still runs, connect again: query-status and query-migrate tell how it stands.",
        { cause: sourceLost },
      );
    }
    const reason = (await this.#source.migration())['error-desc'];
    const why = reason === undefined ? '.' : `: ${reason}.`;
    const also = destinationLost ? ' The destination QEMU is gone, or its monitor is.' : '';
    throw new PrecopyError(
      'MIGRATION_FAILED',
      `QEMU gave the migration up${why}${also}`,
      "Look at the destination QEMU's log for the reason, and start a new destination to try again.",
    );
  }

  /** The source's final state, once it has one; `failed` also when its monitor is gone. */
  #overOnSource(): 'completed' | 'failed' | 'cancelled' | undefined {
    const { sourceStatus, sourceLost } = this.#events.state;
    if (sourceStatus === 'completed' || sourceStatus === 'failed' || sourceStatus === 'cancelled') {
      return sourceStatus;
    }
    return sourceLost ? 'failed' : undefined;
  }

  async #destinationLoaded(): Promise<number> {
    const failure = (why: string, cause?: unknown): PrecopyError =>
      new PrecopyError(
        'MIGRATION_FAILED',
        `The source sent everything, but the destination did not load it: ${why}.`,
        "Look at the destination QEMU's log for the reason.",
        { cause },
      );
    const outcome = await this.#events
      .until((state) => {
        if (state.loaded !== undefined) return state.loaded;
        if (state.destinationStatus === 'failed') return failure('it reports `failed`');
        const lost = state.destinationLost;
        return lost && failure(`its monitor is gone: ${messageOf(lost)}`, lost);
      }, AbortSignal.timeout(loadTimeoutMs))
      .catch((cause: unknown) => failure(`no answer for ${loadTimeoutMs / 1000} s`, cause));
    if (outcome instanceof PrecopyError) throw outcome;
    return outcome;
  }

  async #verify(memories: { source: VerifySide; destination: VerifySide }): Promise<VerifyResult> {
    this.#enter('verify', 'the source is stopped and the destination has not run');
    await this.#expectBothStopped();
    const start = performance.now();
    const result = await verifyMemory(memories.source, memories.destination, {
      signal: this.#options.signal,
    });
    await this.#expectBothStopped();
    this.#journal.append({ type: 'verify', result, ms: performance.now() - start });
    if (result.differingPages > 0) {
      throw new PrecopyError(
        'VERIFY_DIFFERS',
        `${result.differingPages} pages of the destination's RAM differ from the source's, although QEMU reports the migration as completed.`,
        "A page was written without being reported dirty, or its dirty bit was taken by somebody else: look for another reader of the dirty bitmap, then at the device driver's dirty tracking.",
        { cause: result },
      );
    }
    return result;
  }

  /** A guest that somebody else started meanwhile makes any comparison worthless. */
  async #expectBothStopped(): Promise<void> {
    for (const side of [this.#source, this.#destination]) {
      const { status, running } = await side.status();
      if (!running) continue;
      throw new PrecopyError(
        'MIGRATION_FAILED',
        `The guest on the ${side.role} ${side.address} runs (${status}) although it was to be verified first: somebody else started it.`,
        'Its RAM can no longer be compared. Keep other programs off both monitors while verifying.',
      );
    }
  }

  async #startDestination(): Promise<void> {
    this.#contSentAt = Date.now();
    await this.#destination.effect('cont');
  }

  /**
   * An older QEMU (7.2) computes total-time and downtime shortly after it says `completed` (migration_iteration_finish);
   * until then both are 0.
   */
  async #finalInfo(): Promise<MigrationInfo> {
    for (let attempt = 0; ; attempt += 1) {
      const info = await this.#source.migration();
      if ((info['total-time'] ?? 0) > 0 || attempt === 100) return info;
      await sleep(10);
    }
  }

  async #result(loaded: number): Promise<MigrationResult> {
    const info = await this.#finalInfo();
    const { stopped, resumed } = this.#events.state;
    return {
      outcome: 'completed',
      totalMs: info['total-time'] ?? Date.now() - this.#startedAt,
      passes: this.#passes.passes,
      transferredBytes: info.ram?.transferred ?? 0,
      downtime: measureDowntime({ stopped, loaded, resumed, started: this.#contSentAt }),
      qemuDowntimeMs: info.downtime,
      expectedDowntimeMs: estimatedDowntime(this.#passes.lastSample),
    };
  }

  /** Makes sure that the guest runs somewhere, and says where, in the error that is thrown. */
  async failed(error: unknown): Promise<unknown> {
    const cancelled = this.#options.signal.aborted && !(error instanceof PrecopyError);
    const known = cancelled
      ? new PrecopyError(
          'CANCELLED',
          `Stopped: ${messageOf(this.#options.signal.reason)}.`,
          'Start it again when you are ready.',
          { cause: error },
        )
      : error;
    const phase = this.#phases.phase;
    if (phase !== 'preflight') {
      const isCancel = known instanceof PrecopyError && known.code === 'CANCELLED';
      const where = await this.#recoverGuest();
      this.#enter(isCancel ? 'cancelled' : 'failed', messageOf(known));
      if (known instanceof PrecopyError) {
        return new PrecopyError(known.code, `${known.message} ${where}`, known.next, {
          cause: known.cause,
        });
      }
    }
    return known;
  }

  /** Resumes the source if the destination certainly does not run. Returns where the guest is. */
  async #recoverGuest(): Promise<string> {
    try {
      if (this.#events.state.sourceLost) return 'Whether the guest runs is unknown.';
      await this.#cancelOnSource();
      let { status, running } = await this.#source.status();
      if (this.#guestRan && !running) {
        const doubt = await this.#destinationDoubt();
        if (doubt !== undefined) {
          return `The guest stands still on the source (${status}) and was not resumed there, since ${doubt}: resume it with "cont" once you are sure that the destination does not run.`;
        }
        await this.#source.effect('cont');
        ({ status, running } = await this.#source.status());
      }
      return `The guest is on the source: ${status}.`;
    } catch (error) {
      return `How the guest on the source stands could not be found out: ${messageOf(error)}`;
    }
  }

  /** A failure of ours must not leave a migration under way that nobody looks after. */
  async #cancelOnSource(): Promise<void> {
    if (this.#phases.phase !== 'precopy' && this.#phases.phase !== 'switchover') return;
    if (this.#overOnSource() !== undefined) return;
    await this.#source.effect('migrate_cancel');
    await this.#events.until(() => this.#overOnSource(), AbortSignal.timeout(loadTimeoutMs));
  }

  /** Why the destination might run the guest; undefined if it certainly does not. */
  async #destinationDoubt(): Promise<string | undefined> {
    const { peer } = this.#destination;
    if (peer !== undefined && !processExists(peer.pid)) return undefined;
    if (this.#events.state.destinationLost && !this.#destinationHeld) {
      return 'the monitor of the destination is gone but its QEMU may run';
    }
    if (this.#events.state.destinationLost) return undefined;
    const { status, running } = await this.#destination.status();
    if (running) return `the destination runs (${status})`;
    if (this.#destinationHeld || status === 'inmigrate') return undefined;
    return `the destination is ${status}`;
  }

  #enter(phase: Phase, why: string): void {
    this.#phases.enter(phase);
    this.#journal.append({ type: 'phase', phase, why });
  }

  async tidyUp(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}

/**
 * QEMU's `expected-downtime` starts as the downtime limit, and is an estimate only from when QEMU has
 * seen a dirty rate (migration_update_counters).
 */
function estimatedDowntime(sample: MigrationSample | undefined): number | undefined {
  return sample && sample.dirtyBytesPerSecond > 0 ? sample.expectedDowntimeMs : undefined;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
