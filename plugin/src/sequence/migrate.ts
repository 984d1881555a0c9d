/**
 * One migration from preflight to its end: set up, let QEMU copy while a policy steers it, record every
 * pass, and prove the result before the destination runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyMemory, type VerifyResult, type VerifySide } from '../audit/verify.js';
import { PrecopyError, messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { JournalRecord, MigrationResult } from '../journal/records.js';
import { formatMs } from '../report/format.js';
import type { MigrationControl, Preflight } from './control.js';
import { DowntimeRecorder } from './downtime.js';
import { goalFrom, type Wish } from './goal.js';
import type { MigrationEvents } from './migration-events.js';
import { PassFollower } from './pass-follower.js';
import type { MigrationSample, PassContext } from './passes.js';
import { PhaseMachine, type Phase } from './phase.js';
import type { Policy, Expectation, Given } from './policy.js';
import { withTimeLimit } from './policies/timeout.js';
import type { MigrationInfo } from './qemu-replies.js';
import { StallWatch } from './stall.js';
import { Sequencer } from './sequencer.js';
import type { MigrationSettings } from './settings.js';
import type { QemuSide } from './side.js';
import { StopCopySize } from './stop-copy-size.js';
import type { TraceLog } from './trace-log.js';
import { unfinished } from './unfinished.js';
import { comparisonOf } from './why-not.js';

export interface MigrateOptions {
  control: MigrationControl;
  journal: Journal;
  policy: Policy;
  wish: Wish;
  /** Capabilities and parameters beside those that the policy needs. */
  settings: MigrationSettings;
  /**
   * Finds out what is to be expected of the guest. Called once preflight has found no obstacle and before
   * anything is changed; whatever it harvests must have ended when it resolves.
   */
  foresee?: ((preflight: Preflight) => Promise<Expectation>) | undefined;
  /** Opens a QEMU's RAM for verify; undefined: no verify. Called before anything is changed. */
  openMemory: ((side: QemuSide) => Promise<VerifySide>) | undefined;
  /** After how long without a byte the link is taken for dead and broken off, ms; undefined: never. */
  stallLimitMs?: number | undefined;
  /** Logs of the QEMUs, from which the parts of the downtime are read. */
  traceLogs?: readonly TraceLog[] | undefined;
  /** Cancels the migration; the guest stays on the source. */
  signal: AbortSignal;
  /** Told of the sequencer once the migration runs, so that a person can ask it for something. */
  onStarted?: (sequencer: Sequencer) => void;
}

export interface MigrateOutcome {
  result: MigrationResult;
  verify: VerifyResult | undefined;
}

/** Before each attempt to make a new channel for a postcopy migration. */
const recoverDelaysMs = [100, 500, 1000, 2000, 5000, 10_000, 10_000, 10_000];
/** How long an attempt may take. */
const recoverTimeoutMs = 30_000;

/** How long after the source's `completed` the destination may need to load what it received. */
const loadTimeoutMs = 60_000;

/**
 * Runs the migration to its end. The control is disposed of by the caller.
 *
 * @throws PrecopyError NOT_SUPPORTED if it can't work; nothing was changed
 * @throws PrecopyError MIGRATION_FAILED if QEMU gave up; says where the guest is
 * @throws PrecopyError VERIFY_DIFFERS if RAM differs; the destination was not started
 * @throws PrecopyError CANCELLED if the signal fired in time, or the policy gave up
 */
export async function migrate(options: MigrateOptions): Promise<MigrateOutcome> {
  return await carryOut(options, (run) => run.toTheEnd());
}

/**
 * Brings a migration to its end that an earlier run began and did not end.
 *
 * @param records of that run, at least the essential ones (unfinished.ts)
 * @throws as {@link migrate}
 */
export async function resumeMigration(
  options: MigrateOptions,
  records: readonly JournalRecord[],
): Promise<MigrateOutcome> {
  return await carryOut(options, (run) => run.fromWhereItIs(records));
}

/**
 * A monitor's connection ended while the migration ran. Nothing was undone: connect again and resume.
 */
export class MonitorLostError extends PrecopyError {
  constructor(cause: unknown) {
    super(
      'MONITOR',
      `The connection to a monitor ended during the migration: ${messageOf(cause)}`,
      'The migration goes on by itself. Take it up again with precopy migrate --resume and its journal.',
      { cause },
    );
  }
}

async function carryOut(
  options: MigrateOptions,
  work: (run: MigrationRun) => Promise<MigrateOutcome>,
): Promise<MigrateOutcome> {
  const run = new MigrationRun(options);
  try {
    const outcome = await work(run);
    await options.control.restore();
    return outcome;
  } catch (error) {
    if (run.canBeTakenUp) throw new MonitorLostError(error);
    const failure = await run.failed(error);
    await options.control.restore();
    throw failure;
  } finally {
    await run.tidyUp();
  }
}

interface Memories {
  readonly source: VerifySide;
  readonly destination: VerifySide;
}

/** What is known when the migration is set up. */
interface Foundation {
  readonly preflight: Preflight;
  readonly expectation: Expectation | undefined;
  /** Keep the destination from starting before it was verified. */
  readonly hold: boolean;
}

class MigrationRun {
  readonly #options: MigrateOptions;
  readonly #control: MigrationControl;
  readonly #events: MigrationEvents;
  readonly #journal: Journal;
  #phases = new PhaseMachine();
  readonly #passes: PassFollower;
  /** What must be undone at the end, whatever the end; run in reverse order. */
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #passSettings: Omit<PassContext, 'sourceStopped' | 'stopCopyBytes'>;
  readonly #downtime = new DowntimeRecorder();
  #stopCopySize: StopCopySize | undefined;
  #startedAt = 0;
  #guestRan = false;
  #sequencer: Sequencer | undefined;
  /** What was found when the link was given up. */
  #deadLink: string | undefined;
  /** Aborted when it is no use to wait for the source any longer. */
  readonly #noEnd = new AbortController();

  constructor(options: MigrateOptions) {
    this.#options = options;
    this.#control = options.control;
    this.#events = options.control.events;
    this.#journal = options.journal;
    options.journal.subscribe(this.#downtime.listener);
    this.#passSettings = {
      autoConverge: false,
      downtimeLimitMs: 0,
      switchoverBytesPerSecond: 0,
      switchoverAck: options.settings.capabilities['switchover-ack'] === true,
      comparison: comparisonOf(this.#control.source.client.greeting.version),
    };
    this.#passes = new PassFollower(
      () => this.#control.info(),
      () => ({
        ...this.#passSettings,
        stopCopyBytes: this.#stopCopySize?.bytes,
        sourceStopped: this.#events.state.stopped !== undefined,
      }),
      options.journal,
    );
    this.#events.onPass = (pass, stopped, qemuUs) => {
      this.#passes.pass(pass, stopped, qemuUs);
    };
    options.journal.subscribe((record) => {
      if (record.type !== 'parameters') return;
      const { downtimeLimitMs, switchoverBytesPerSecond = 0, throttlePercent } = record.parameters;
      const autoConverge = throttlePercent !== undefined;
      this.#passSettings = {
        ...this.#passSettings,
        autoConverge,
        downtimeLimitMs,
        switchoverBytesPerSecond,
      };
    });
  }

  async toTheEnd(): Promise<MigrateOutcome> {
    this.#control.source.journalPresence();
    this.#control.destination?.journalPresence();
    const { memories, preflight } = await this.#preflight();
    const expectation = await this.#options.foresee?.(preflight);
    await this.#observe();
    await this.#start({ preflight, expectation, hold: memories !== undefined });
    await this.#copy();
    return await this.#finish(memories);
  }

  async fromWhereItIs(records: readonly JournalRecord[]): Promise<MigrateOutcome> {
    const { control, journal, openMemory } = this.#options;
    for (const record of records) this.#downtime.listener(record);
    const earlier = unfinished(records);
    this.#guestRan = earlier.guestRan;
    this.#phases = new PhaseMachine(earlier.phase === 'held' ? 'held' : 'precopy');
    await control.resume(earlier);
    journal.append({
      type: 'phase',
      phase: this.#phases.phase,
      why: 'taken up where an earlier run left off',
    });
    const { given, verify, destinationHeld } = earlier;
    const over = this.#overOnSource();
    const { sourceStatus } = this.#events.state;
    // Without a `migrate` of ours, what is over was another migration, and what runs was taken over.
    if (sourceStatus === 'none' || (earlier.uri === undefined && over)) throw notStarted();
    const memories =
      openMemory && destinationHeld && !verify ? await this.#openMemories(openMemory) : undefined;
    if (openMemory && !memories && !verify) {
      this.#warn('It can not be verified any more: the destination was not held, or is gone.');
    }
    if (over === undefined) {
      if (given) this.#steer(given, records);
      await this.#copy();
    } else if (over !== 'completed') {
      throw await this.#notCompleted(over);
    } else this.#enter('switchover', 'the source has sent everything');
    if (verify && verify.differingPages > 0) throw verifyDiffers(verify);
    return await this.#finish(memories);
  }

  async #finish(memories: Memories | undefined): Promise<MigrateOutcome> {
    await this.#destinationLoaded();
    const verify =
      memories && !this.#events.state.postcopy ? await this.#verify(memories) : undefined;
    if (this.#control.destinationHeld && this.#guestRan) await this.#control.startDestination();
    if (this.#guestRan && this.#control.destination) {
      await this.#events.until((state) => {
        if (state.resumed === undefined && state.destinationLost) throw state.destinationLost;
        return state.resumed;
      });
    }
    const result = await this.#result();
    this.#enter('completed', 'the destination has everything');
    this.#journal.append({ type: 'result', result });
    return { result, verify };
  }

  async #preflight(): Promise<{ memories: Memories | undefined; preflight: Preflight }> {
    const { control, settings, openMemory } = this.#options;
    const preflight = await control.preflight(settings);
    this.#guestRan = preflight.guestRan;
    for (const message of preflight.warnings) this.#warn(message);
    if (!openMemory) return { memories: undefined, preflight };
    const { destination } = control;
    if (!destination || !control.abilities.has('hold-destination')) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        'Verify holds the destination until its RAM was compared, and the destination is not ours to hold.',
        'Name its monitor with --to-qmp, or leave --verify out.',
      );
    }
    return { memories: await this.#openMemories(openMemory), preflight };
  }

  async #openMemories(
    openMemory: (side: QemuSide) => Promise<VerifySide>,
  ): Promise<Memories | undefined> {
    const { source, destination } = this.#control;
    if (!destination || destination.gone) return undefined;
    const open = async (side: QemuSide): Promise<VerifySide> => {
      const memory = await openMemory(side);
      this.#cleanups.push(() => memory.memory[Symbol.asyncDispose]());
      return memory;
    };
    return { source: await open(source), destination: await open(destination) };
  }

  /** What is looked at beside QEMU's events while it copies. */
  async #observe(): Promise<void> {
    const { peer } = this.#control.source;
    this.#stopCopySize = peer && (await StopCopySize.open(peer.pid));
    this.#cleanups.push(() => {
      this.#stopCopySize?.[Symbol.dispose]();
    });
    for (const log of this.#options.traceLogs ?? []) {
      this.#cleanups.push(() => log.end());
      await log.begin();
    }
  }

  async #start({ preflight, expectation, hold }: Foundation): Promise<void> {
    const { control, journal, signal, wish, settings } = this.#options;
    signal.throwIfAborted();
    const before = await control.parameters();
    const goal = goalFrom(wish, before);
    const policy = withTimeLimit(this.#options.policy);
    const beginning = policy.begin(goal, before);
    this.#enter('setup', 'preflight found no obstacle');
    const { autoConverge } = beginning;
    const capabilities = {
      ...settings.capabilities,
      ...(autoConverge === undefined ? {} : { 'auto-converge': autoConverge }),
    };
    await control.setUp({ ...settings, capabilities }, beginning.tuning);
    if (hold) await control.holdDestination();
    const initial = await control.parameters();
    journal.append({ type: 'parameters', parameters: initial });
    const sequencer = this.#steer({
      policy: policy.name,
      goal,
      initial,
      abilities: [...control.abilities],
      ramBytes: preflight.ramBytes,
      expectation,
    });
    this.#startedAt = Date.now();
    await control.start();
    this.#enter(beginning.held ? 'held' : 'precopy', beginning.reason);
    this.#options.onStarted?.(sequencer);
  }

  #steer(given: Given, earlier?: readonly JournalRecord[]): Sequencer {
    const { control, journal, policy } = this.#options;
    this.#sequencer = new Sequencer({
      control,
      policy: withTimeLimit(policy),
      journal,
      given,
      earlier,
      phases: {
        current: () => this.#phases.phase,
        enter: (next, why) => {
          this.#enter(next, why);
        },
      },
    });
    return this.#sequencer;
  }

  /** Follows and steers QEMU until the source has sent everything. */
  async #copy(): Promise<void> {
    this.#cancelOnSignal();
    this.#watchLink();
    await this.#sequencer?.follow(() => this.#overOnSource() !== undefined);
    const { state } = this.#events;
    if (this.#guestRan && state.stopped !== undefined && !state.postcopy) {
      this.#enter('switchover', 'the source stopped');
    }
    const status = await this.#events.until(
      () => this.#overOnSource() ?? (state.postcopy ? 'postcopy' : undefined),
      this.#noEnd.signal,
    );
    const end = status === 'postcopy' ? await this.#followPostcopy() : status;
    await this.#passes.settled();
    if (end !== 'completed') throw await this.#notCompleted(end);
    const { phase } = this.#phases;
    if (phase === 'precopy' || phase === 'held') this.#enter('switchover', 'everything was sent');
  }

  #cancelOnSignal(): void {
    const { signal } = this.#options;
    const cancel = (): void => {
      this.#control.cancel().catch((error: unknown) => {
        // Then the migration goes on, and the run with it.
        if (this.#overOnSource() !== undefined) return;
        this.#warn(`The migration could not be cancelled: ${messageOf(error)}`);
      });
    };
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    this.#cleanups.push(() => {
      signal.removeEventListener('abort', cancel);
    });
  }

  #watchLink(): void {
    const { stallLimitMs, journal } = this.#options;
    if (stallLimitMs === undefined) return;
    const watch = new StallWatch({
      limitMs: stallLimitMs,
      info: () => this.#control.info(),
      onStall: (standstillMs) => this.#giveLinkUp(standstillMs),
    });
    journal.subscribe((record) => {
      if (record.type === 'event') watch.moved();
    });
    this.#cleanups.push(() => {
      watch[Symbol.dispose]();
    });
  }

  async #giveLinkUp(standstillMs: number): Promise<void> {
    if (this.#overOnSource() !== undefined || this.#phases.phase === 'recover') return;
    const found = `Nothing has moved over the link for ${formatMs(standstillMs)}`;
    try {
      this.#deadLink = found;
      await this.#control.breakLink();
      this.#warn(`${found}: it was broken off.`);
    } catch (error) {
      this.#deadLink = undefined;
      this.#warn(`${found}, and it can't be broken off: ${messageOf(error)}`);
      const { resumed } = this.#events.state;
      if (resumed === undefined) return;
      this.#noEnd.abort(
        new PrecopyError(
          'MIGRATION_FAILED',
          `${found}. The guest runs at the destination, and the source waits for its answer for ever.`,
          'End the source QEMU with "quit". Do not cancel the migration there: its guest would run as well.',
        ),
      );
    }
  }

  /** The guest runs at the destination already; only a new channel can bring a broken one back. */
  async #followPostcopy(): Promise<'completed' | 'failed' | 'cancelled'> {
    const { state } = this.#events;
    this.#enter('postcopy', 'the guest goes on at the destination');
    if (this.#control.destinationHeld && this.#guestRan) await this.#control.startDestination();
    for (;;) {
      const status = await this.#events.until(
        () =>
          this.#overOnSource() ??
          (state.sourceStatus === 'postcopy-paused' ? ('paused' as const) : undefined),
      );
      if (status !== 'paused') return status;
      this.#enter('recover', 'the channel broke');
      await this.#recover();
      if (this.#overOnSource() === undefined) this.#enter('postcopy', 'over a new channel');
    }
  }

  /** @throws PrecopyError MIGRATION_FAILED if no new channel could be made */
  async #recover(): Promise<void> {
    const { signal } = this.#options;
    const { state } = this.#events;
    for (const delayMs of recoverDelaysMs) {
      await sleep(delayMs, undefined, { signal });
      if (state.destinationLost) break;
      try {
        await this.#control.recover();
        const inTime = AbortSignal.timeout(recoverTimeoutMs);
        await this.#events.until(
          () => (state.sourceStatus === 'postcopy-paused' ? undefined : true),
          inTime,
        );
        const settled = ['postcopy-active', 'postcopy-paused', 'completed', 'failed'];
        const status = await this.#events.until(
          () => settled.find((name) => name === state.sourceStatus) ?? this.#overOnSource(),
          inTime,
        );
        if (status !== 'postcopy-paused') return;
        this.#warn('The new channel broke as well.');
      } catch (error) {
        this.#warn(`No new channel yet: ${messageOf(error)}`);
      }
    }
    throw new PrecopyError(
      'MIGRATION_FAILED',
      'The channel of the postcopy migration broke, and no new one could be made.',
      'Both QEMUs must stay as they are. Once they reach each other again, go on with migrate-recover on the destination and migrate with resume=true on the source.',
    );
  }

  #warn(message: string): void {
    this.#journal.append({ type: 'warning', message });
  }

  async #notCompleted(status: 'failed' | 'cancelled'): Promise<PrecopyError> {
    const { signal } = this.#options;
    if (status === 'cancelled') {
      const reason = this.#sequencer?.cancelReason;
      const why =
        reason === undefined
          ? signal.aborted
            ? `: ${messageOf(signal.reason)}`
            : ' by somebody else'
          : `: ${reason}`;
      return new PrecopyError(
        'CANCELLED',
        `The migration was cancelled${why}.`,
        'Start it again when you are ready.',
      );
    }
    const { sourceLost, destinationLost } = this.#events.state;
    if (this.#deadLink !== undefined && !sourceLost) {
      return new PrecopyError(
        'MIGRATION_FAILED',
        `${this.#deadLink}, so the migration was broken off.`,
        'Look at the network and at the destination QEMU; --stall-timeout sets how long to wait.',
      );
    }
    if (sourceLost) {
      return new PrecopyError(
        'MIGRATION_FAILED',
        `The monitor of the source ${this.#control.source.address} went away during the migration: ${messageOf(sourceLost)}`,
        "Look at the source QEMU's log. If it still runs, connect again: query-status and query-migrate tell how it stands.",
        { cause: sourceLost },
      );
    }
    const reason = (await this.#control.info())['error-desc'];
    const why = reason === undefined ? '.' : `: ${reason}.`;
    const also = destinationLost ? ' The destination QEMU is gone, or its monitor is.' : '';
    return new PrecopyError(
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

  async #destinationLoaded(): Promise<void> {
    await this.#control.finished?.();
    if (!this.#control.destination) return;
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
  }

  async #verify(memories: Memories): Promise<VerifyResult> {
    this.#enter('verify', 'the source is stopped and the destination has not run');
    await this.#expectBothStopped();
    const start = performance.now();
    const result = await verifyMemory(memories.source, memories.destination, {
      signal: this.#options.signal,
    });
    await this.#expectBothStopped();
    this.#journal.append({ type: 'verify', result, ms: performance.now() - start });
    if (result.differingPages > 0) {
      throw verifyDiffers(result);
    }
    return result;
  }

  /** A guest that somebody else started meanwhile makes any comparison worthless. */
  async #expectBothStopped(): Promise<void> {
    const { source, destination } = this.#control;
    for (const side of destination ? [source, destination] : [source]) {
      const { status, running } = await side.status();
      if (!running) continue;
      throw new PrecopyError(
        'MIGRATION_FAILED',
        `The guest on the ${side.role} ${side.address} runs (${status}) although it was to be verified first: somebody else started it.`,
        'Its RAM can no longer be compared. Keep other programs off both monitors while verifying.',
      );
    }
  }

  /**
   * An older QEMU (7.2) computes total-time and downtime shortly after it says `completed` (migration_iteration_finish);
   * until then both are 0.
   */
  async #finalInfo(): Promise<MigrationInfo> {
    for (let attempt = 0; ; attempt += 1) {
      const info = await this.#control.info();
      if ((info['total-time'] ?? 0) > 0 || attempt === 100) return info;
      await sleep(10);
    }
  }

  async #result(): Promise<MigrationResult> {
    const info = await this.#finalInfo();
    for (const log of this.#options.traceLogs ?? []) log.collect();
    return {
      outcome: 'completed',
      totalMs: info['total-time'] ?? Date.now() - this.#startedAt,
      passes: this.#passes.passes,
      transferredBytes: info.ram?.transferred ?? 0,
      blackoutRamBytes: info.ram?.['multifd-bytes'] ? undefined : info.ram?.['downtime-bytes'],
      downtime: this.#downtime.measure(),
      qemuDowntimeMs: info.downtime,
      expectedDowntimeMs: estimatedDowntime(this.#passes.lastSample),
    };
  }

  /** A monitor is gone and its QEMU need not be: whoever connects again can go on. */
  get canBeTakenUp(): boolean {
    const { sourceLost, destinationLost, sourceStatus } = this.#events.state;
    if (!this.#control.abilities.has('resume')) return false;
    if (this.#phases.phase === 'preflight' || this.#phases.ended) return false;
    if (sourceLost) return true;
    const goesOn = sourceStatus !== 'failed' && sourceStatus !== 'cancelled';
    return destinationLost !== undefined && !this.#control.destination?.gone && goesOn;
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
      const where = await this.#control.secureGuest();
      const end = isCancel && this.#phases.canEnter('cancelled') ? 'cancelled' : 'failed';
      this.#enter(end, messageOf(known));
      if (known instanceof PrecopyError) {
        return new PrecopyError(known.code, `${known.message} ${where}`, known.next, {
          cause: known.cause,
        });
      }
    }
    return known;
  }

  #enter(phase: Phase, why: string): void {
    this.#phases.enter(phase);
    this.#journal.append({ type: 'phase', phase, why });
  }

  async tidyUp(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}

function verifyDiffers(result: VerifyResult): PrecopyError {
  return new PrecopyError(
    'VERIFY_DIFFERS',
    `${result.differingPages} pages of the destination's RAM differ from the source's, although QEMU reports the migration as completed.`,
    "A page was written without being reported dirty, or its dirty bit was taken by somebody else: look for another reader of the dirty bitmap, then at the device driver's dirty tracking.",
    { cause: result },
  );
}

function notStarted(): PrecopyError {
  return new PrecopyError(
    'MIGRATION_FAILED',
    'The run ended before the migration was started.',
    'Start it again: what had been set was put back.',
  );
}

/**
 * QEMU's `expected-downtime` starts as the downtime limit, and is an estimate only from when QEMU has
 * seen a dirty rate (migration_update_counters).
 */
function estimatedDowntime(sample: MigrationSample | undefined): number | undefined {
  return sample && sample.dirtyBytesPerSecond > 0 ? sample.expectedDowntimeMs : undefined;
}
