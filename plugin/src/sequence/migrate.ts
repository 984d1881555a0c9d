/**
 * One migration from preflight to its end: set up, let QEMU copy while a policy steers it, record every
 * pass, and prove the result before the destination runs.
 */
import type { RamSection } from '../audit/ram-blocks.js';
import type { VerifyResult } from '../audit/verify.js';
import { PrecopyError, messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { MigrationResult } from '../journal/records.js';
import type { MigrationControl, Preflight } from './control.js';
import { goalFrom, type Wish } from './goal.js';
import { DeadLink } from './migrate/dead-link.js';
import {
  MonitorLostError,
  notCompleted,
  notLoaded,
  notStarted,
  interrupted,
  verifyDiffers,
  withWhereabouts,
} from './migrate/errors.js';
import { guestStarted } from './migrate/guest-start.js';
import { memoryMoved, movedMemoryWarning, sectionsOf } from './migrate/moved-memory.js';
import { followPostcopy } from './migrate/postcopy.js';
import { resultOf } from './migrate/result.js';
import { Verification, type OpenMemory } from './migrate/verification.js';
import type { MigrationEvents, SourceEnd } from './migration-events.js';
import { PassConditions } from './pass-conditions.js';
import { PassFollower } from './pass-follower.js';
import { PhaseMachine, type Phase } from './phase.js';
import type { Policy, Expectation, Given } from './policy.js';
import { withTimeLimit } from './policies/timeout.js';
import { Sequencer } from './sequencer.js';
import type { MigrationSettings } from './settings.js';
import type { TraceLog } from './trace-log.js';
import { RunSoFar } from './unfinished.js';
import type { ViewBuilder } from './view.js';

export { MonitorLostError } from './migrate/errors.js';

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
  openMemory: OpenMemory | undefined;
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

/** How long after the source's `completed` the destination may need to load what it received. */
const loadTimeoutMs = 60_000;

/**
 * Runs the migration to its end. The control is disposed of by the caller.
 *
 * @param soFar a fresh one that follows the journal
 * @throws PrecopyError NOT_SUPPORTED if it can't work; nothing was changed
 * @throws PrecopyError MIGRATION_FAILED if QEMU gave up; says where the guest is
 * @throws PrecopyError VERIFY_DIFFERS if RAM differs; the destination was not started
 * @throws PrecopyError CANCELLED if the signal fired in time, or the policy gave up
 */
export async function migrate(
  options: MigrateOptions,
  soFar = new RunSoFar().follow(options.journal),
): Promise<MigrateOutcome> {
  return await carryOut(options, soFar, (run) => run.toTheEnd());
}

/**
 * Brings a migration to its end that an earlier run began and did not end.
 *
 * @param soFar that run; it follows the journal
 * @throws as {@link migrate}
 */
export async function resumeMigration(
  options: MigrateOptions,
  soFar: RunSoFar,
): Promise<MigrateOutcome> {
  return await carryOut(options, soFar, (run) => run.fromWhereItIs());
}

async function carryOut(
  options: MigrateOptions,
  soFar: RunSoFar,
  work: (run: MigrationRun) => Promise<MigrateOutcome>,
): Promise<MigrateOutcome> {
  const run = new MigrationRun(options, soFar);
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
  readonly #traceLogs: readonly TraceLog[];
  /** What must be undone at the end, whatever the end; run in reverse order. */
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  readonly #conditions: PassConditions;
  readonly #soFar: RunSoFar;
  #startedAtMs = 0;
  #guestRan = false;
  #sequencer: Sequencer | undefined;
  #link: DeadLink | undefined;
  /** Where RAM stood when the migration began; undefined of one that runs already. */
  #sectionsBefore: readonly RamSection[] | undefined;

  constructor(options: MigrateOptions, soFar: RunSoFar) {
    this.#options = options;
    this.#soFar = soFar;
    this.#traceLogs = options.traceLogs ?? [];
    for (const log of this.#traceLogs) this.#cleanups.push(() => log.end());
    this.#control = options.control;
    this.#events = options.control.events;
    this.#journal = options.journal;
    this.#conditions = new PassConditions(options.control, options.journal);
    this.#cleanups.push(() => {
      this.#conditions[Symbol.dispose]();
    });
    this.#passes = new PassFollower(
      () => this.#control.info(),
      () => this.#conditions.now,
      options.journal,
    );
    this.#events.onPass = (pass, stopped, qemuUs) => {
      this.#passes.pass(pass, stopped, qemuUs);
    };
  }

  async toTheEnd(): Promise<MigrateOutcome> {
    this.#control.source.journalPresence();
    this.#control.destination?.journalPresence();
    const { verification, preflight } = await this.#preflight();
    const expectation = await this.#options.foresee?.(preflight);
    await this.#traceDowntime();
    await this.#start({ preflight, expectation, hold: verification !== undefined });
    await this.#copy();
    return await this.#finish(verification);
  }

  async fromWhereItIs(): Promise<MigrateOutcome> {
    const { control, journal, openMemory } = this.#options;
    const earlier = { ...this.#soFar.unfinished };
    this.#guestRan = earlier.guestRan;
    this.#startedAtMs = earlier.startedAtMs ?? 0;
    this.#phases = new PhaseMachine(earlier.phase === 'held' ? 'held' : 'precopy');
    for (const log of this.#traceLogs) {
      log.goOn(earlier.traced[log.side] ?? [], this.#startedAtMs);
    }
    await control.resume(earlier);
    journal.append({
      type: 'phase',
      phase: this.#phases.phase,
      why: 'taken up where an earlier run left off',
    });
    const { given, verify, destinationHeld } = earlier;
    const over = this.#events.overOnSource;
    const { sourceStatus } = this.#events.state;
    // Without a `migrate` of ours, what is over was another migration, and what runs was taken over.
    if (sourceStatus === 'none' || (earlier.uri === undefined && over)) throw notStarted();
    const verification =
      openMemory && destinationHeld && !verify
        ? await this.#openVerification(openMemory)
        : undefined;
    if (openMemory && !verification && !verify) {
      this.#warn('It can not be verified any more: the destination was not held, or is gone.');
    }
    if (over === undefined) {
      await this.#traceDowntime();
      await this.#conditions.look();
      journal.append({ type: 'parameters', parameters: await control.parameters() });
      if (given) this.#steer(given, this.#soFar.view);
      await this.#copy();
    } else if (over !== 'completed') {
      throw await this.#notCompleted(over);
    } else this.#enter('switchover', 'the source has sent everything');
    if (verify && verify.differingPages > 0) throw verifyDiffers(verify);
    return await this.#finish(verification);
  }

  async #finish(verification: Verification | undefined): Promise<MigrateOutcome> {
    await this.#destinationLoaded();
    const moved = await this.#deviceMemoryMoved();
    if (moved) this.#warn(movedMemoryWarning);
    const verify =
      verification && !this.#events.state.postcopy
        ? await this.#verify(verification, moved)
        : undefined;
    if (this.#control.destinationHeld && this.#guestRan) await this.#control.startDestination();
    if (this.#guestRan && this.#control.destination) {
      await guestStarted(this.#control, this.#journal);
    }
    const result = await resultOf({
      control: this.#control,
      passes: this.#passes,
      soFar: this.#soFar,
      traceLogs: this.#traceLogs,
      startedAtMs: this.#startedAtMs,
    });
    this.#enter('completed', 'the destination has everything');
    this.#journal.append({ type: 'result', result });
    return { result, verify };
  }

  async #deviceMemoryMoved(): Promise<boolean> {
    const sample = this.#passes.lastSample ?? this.#soFar.view.lastPass?.sample;
    if (sample?.vfioBytes === undefined) return false;
    return await memoryMoved(this.#control.source, this.#sectionsBefore, this.#events.state);
  }

  async #preflight(): Promise<{ verification: Verification | undefined; preflight: Preflight }> {
    const { control, settings, openMemory } = this.#options;
    const preflight = await control.preflight(settings);
    this.#guestRan = preflight.guestRan;
    for (const message of preflight.warnings) this.#warn(message);
    if (!openMemory) return { verification: undefined, preflight };
    const { destination } = control;
    if (!destination || !control.abilities.has('hold-destination')) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        'Verify holds the destination until its RAM was compared, and the destination is not ours to hold.',
        'Name its monitor with --to-qmp, or leave --verify out.',
      );
    }
    return { verification: await this.#openVerification(openMemory), preflight };
  }

  async #openVerification(openMemory: OpenMemory): Promise<Verification | undefined> {
    const verification = await Verification.open(this.#control, openMemory);
    if (verification) this.#cleanups.push(() => verification[Symbol.asyncDispose]());
    return verification;
  }

  /** Has both QEMUs log what the downtime is spent on. */
  async #traceDowntime(): Promise<void> {
    for (const log of this.#traceLogs) await log.begin();
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
    await this.#conditions.look();
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
    this.#sectionsBefore = await sectionsOf(control.source);
    this.#startedAtMs = Date.now();
    await control.start();
    this.#enter(beginning.held ? 'held' : 'precopy', beginning.reason);
    this.#options.onStarted?.(sequencer);
  }

  #steer(given: Given, seen?: ViewBuilder): Sequencer {
    const { control, journal, policy } = this.#options;
    this.#sequencer = new Sequencer({
      control,
      policy: withTimeLimit(policy),
      journal,
      given,
      seen,
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
    const link = this.#watchLink();
    const events = this.#events;
    const { state } = events;
    do await this.#sequencer?.follow(() => events.overOnSource !== undefined);
    while (await this.#stoppedBySomebody(link.hopeless));
    if (this.#guestRan && state.stopped !== undefined && !state.postcopy) {
      this.#enter('switchover', 'the source stopped');
    }
    const status = await events.until(
      () => events.overOnSource ?? (state.postcopy ? 'postcopy' : undefined),
      link.hopeless,
    );
    const end = status === 'postcopy' ? await this.#followPostcopy() : status;
    await this.#passes.settled();
    if (end !== 'completed') throw await this.#notCompleted(end);
    const { phase } = this.#phases;
    if (phase === 'precopy' || phase === 'held') this.#enter('switchover', 'everything was sent');
  }

  /** A STOP without a switchover: the guest was paused, or an error stopped it, and QEMU copies on. */
  async #stoppedBySomebody(hopeless: AbortSignal): Promise<boolean> {
    const events = this.#events;
    if (!this.#sequencer) return false;
    const copiesOn = await events.until(({ stopped, sourceStatus, postcopy }) => {
      if (events.overOnSource !== undefined || postcopy) return false;
      if (stopped === undefined) return true;
      return sourceStatus === 'device' ? false : undefined;
    }, hopeless);
    const { paused } = events.state;
    if (copiesOn && paused !== undefined) {
      this.#warn(
        `The guest was stopped, not for the switchover (${paused}); the migration goes on.`,
      );
    }
    return copiesOn;
  }

  #cancelOnSignal(): void {
    const { signal } = this.#options;
    const cancel = (): void => {
      this.#control.cancel().catch((error: unknown) => {
        // Then the migration goes on, and the run with it.
        if (this.#events.overOnSource !== undefined) return;
        this.#warn(`The migration could not be cancelled: ${messageOf(error)}`);
      });
    };
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    this.#cleanups.push(() => {
      signal.removeEventListener('abort', cancel);
    });
  }

  #watchLink(): DeadLink {
    const { control, journal, stallLimitMs } = this.#options;
    const link = new DeadLink({
      ...{ control, journal, limitMs: stallLimitMs },
      recovering: () => this.#phases.phase === 'recover',
      stopCopyBytes: () => this.#conditions.now.stopCopyBytes,
    });
    this.#link = link;
    this.#cleanups.push(() => {
      link[Symbol.dispose]();
    });
    return link;
  }

  async #followPostcopy(): Promise<SourceEnd> {
    const { control, journal, stallLimitMs } = this.#options;
    const enter = (phase: Phase, why: string): void => {
      this.#enter(phase, why);
    };
    enter('postcopy', 'the guest goes on at the destination');
    if (control.destinationHeld && this.#guestRan) await control.startDestination();
    return await followPostcopy({ control, journal, enter, stallLimitMs });
  }

  #warn(message: string): void {
    this.#journal.append({ type: 'warning', message });
  }

  async #notCompleted(status: 'failed' | 'cancelled'): Promise<PrecopyError> {
    const { control, signal } = this.#options;
    return await notCompleted(status, {
      ...{ control, signal },
      cancelReason: this.#sequencer?.cancelReason,
      deadLink: this.#link?.found,
    });
  }

  async #destinationLoaded(): Promise<void> {
    await this.#control.finished?.();
    if (!this.#control.destination) return;
    const outcome = await this.#events
      .until((state) => {
        if (state.loaded !== undefined) return state.loaded;
        if (state.destinationStatus === 'failed') return notLoaded('it reports `failed`');
        const lost = state.destinationLost;
        return lost && notLoaded(`its monitor is gone: ${messageOf(lost)}`, lost);
      }, AbortSignal.timeout(loadTimeoutMs))
      .catch((cause: unknown) => notLoaded(`no answer for ${loadTimeoutMs / 1000} s`, cause));
    if (outcome instanceof PrecopyError) throw outcome;
  }

  async #verify(verification: Verification, moved: boolean): Promise<VerifyResult> {
    this.#enter('verify', 'the source is stopped and the destination has not run');
    const start = performance.now();
    const result = await verification.compare(this.#options.signal);
    this.#journal.append({ type: 'verify', result, ms: performance.now() - start });
    if (result.differingPages > 0) throw verifyDiffers(result, moved);
    return result;
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
    const { signal } = this.#options;
    const stopped = signal.aborted && (error === signal.reason || !(error instanceof PrecopyError));
    const known = stopped ? interrupted(signal, error) : error;
    const isCancel = known instanceof PrecopyError && known.code === 'CANCELLED';
    if (this.#phases.phase === 'preflight') {
      this.#enter(isCancel ? 'cancelled' : 'failed', `before it started: ${messageOf(known)}`);
      return known;
    }
    const whereabouts = await this.#control.secureGuest();
    const end = isCancel && this.#phases.canEnter('cancelled') ? 'cancelled' : 'failed';
    this.#enter(end, messageOf(known));
    return known instanceof PrecopyError ? withWhereabouts(known, whereabouts) : known;
  }

  #enter(phase: Phase, why: string): void {
    this.#phases.enter(phase);
    this.#journal.append({ type: 'phase', phase, why });
  }

  async tidyUp(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}
