import { messageOf } from '../errors.js';
import { systemClock } from '../journal/clock.js';
import type { Journal } from '../journal/journal.js';
import type { MigrationControl, Tuning } from './control.js';
import { holdTuning, releaseTuning, switchoverTuning } from './hold.js';
import type { Phase } from './phase.js';
import type { Decision, Given, Policy, Request, View } from './policy.js';
import { sampleOf } from './qemu-replies.js';
import { ViewBuilder } from './view.js';

/** A policy is asked at each pass, and at least this often. */
export const tickMs = 200;

export interface SequencerOptions {
  control: MigrationControl;
  policy: Policy;
  given: Given;
  journal: Journal;
  /** What an earlier run of the same migration saw; it goes on with the journal by itself. */
  seen?: ViewBuilder | undefined;
  /** Where the run stands, and how to go on from there. */
  phases: { current(): Phase; enter(next: Phase, why: string): void };
}

/**
 * Steers a running migration: puts the view together from the journal, asks the policy, and carries out
 * what it decides. All that it does goes through the control, and into the journal.
 */
export class Sequencer {
  readonly #options: SequencerOptions;
  readonly #view: ViewBuilder;
  #wake: (() => void) | undefined;
  /** Something to decide upon has come since the policy was asked. */
  #news = true;
  /** What was seen last may be long ago. */
  #stale: boolean;
  #lastReason = '';
  #endAsked: string | undefined;
  #refused = '';
  #postcopyRefused = false;

  constructor(options: SequencerOptions) {
    this.#options = options;
    this.#view = options.seen ?? new ViewBuilder();
    this.#stale = options.seen !== undefined;
    options.journal.subscribe((record) => {
      if (!options.seen) this.#view.apply(record);
      if (record.type === 'pass' || record.type === 'request') this.#notify();
    });
    options.journal.append({ type: 'goal', ...options.given });
  }

  /** Asks for something by hand; the policy `manual` does it. */
  request(request: Request): void {
    this.#options.journal.append({ type: 'request', request });
  }

  /** Why this sequencer ended the migration before its time; undefined if it did not. */
  get cancelReason(): string | undefined {
    return this.#endAsked;
  }

  /** Asks the policy until the source's guest stops, postcopy begins, or the migration is over. */
  async follow(isOver: () => boolean): Promise<void> {
    const { control } = this.#options;
    const ends = (): boolean => isOver() || this.#isSwitchingOver || control.events.state.postcopy;
    const end = new AbortController();
    void control.events
      .until(() => (ends() ? true : undefined), end.signal)
      .catch(() => undefined)
      .finally(() => {
        this.#notify();
      });
    try {
      while (!ends()) {
        const fresh = this.#takeNews();
        if (!fresh || this.#stale) await this.#observe();
        this.#stale = false;
        if (ends()) return;
        await this.#decide(fresh);
        await this.#newsOrTick();
      }
    } catch (error) {
      // The blackout, or a monitor that went away, can end any command: the run learns it by events.
      if (!ends()) throw error;
    } finally {
      end.abort();
    }
  }

  /** In pre-switchover the source stands still, too, and can still be asked for something. */
  get #isSwitchingOver(): boolean {
    const { stopped, sourceStatus } = this.#options.control.events.state;
    return stopped !== undefined && sourceStatus !== 'pre-switchover';
  }

  async #observe(): Promise<void> {
    const { control, journal } = this.#options;
    const sample = sampleOf(await control.info());
    if (sample && control.events.state.stopped === undefined) {
      journal.append({ type: 'observation', sample });
    }
  }

  async #decide(fresh: boolean): Promise<void> {
    const { policy, given, journal } = this.#options;
    const view = this.#seen();
    if (!view || this.#endAsked !== undefined) return;
    const decision = policy.decide(view, given.goal);
    const waits = decision.action.kind === 'wait';
    if (!waits || (fresh && decision.reason !== this.#lastReason)) {
      journal.append({ type: 'decision', policy: policy.name, ...decision });
      this.#lastReason = decision.reason;
    }
    if (!waits) await this.#carryOut(decision);
  }

  #seen(): View | undefined {
    const view = this.#view.view(systemClock.monotonicMs());
    if (!view || !this.#postcopyRefused) return view;
    const abilities = new Set(view.abilities);
    abilities.delete('postcopy');
    return { ...view, abilities };
  }

  async #carryOut(decision: Decision): Promise<void> {
    const { journal, control } = this.#options;
    try {
      await this.#act(decision);
      this.#refused = '';
    } catch (error) {
      if (this.#isSwitchingOver || control.source.client.state !== 'ready') throw error;
      // QEMU goes on as before; a policy that asks for the same again is not told of each time.
      const message = `${decision.action.kind} was refused: ${messageOf(error)}`;
      if (message !== this.#refused) journal.append({ type: 'warning', message });
      this.#refused = message;
      if (decision.action.kind === 'postcopy') this.#postcopyRefused = true;
    }
  }

  async #act({ action, reason }: Decision): Promise<void> {
    const { control, given, phases } = this.#options;
    switch (action.kind) {
      case 'wait':
        return;
      case 'tune':
        await this.#tune(action.tuning);
        return;
      case 'hold':
        await this.#tune({ ...holdTuning(control.abilities), ...action.tuning });
        if (phases.current() === 'precopy') phases.enter('held', reason);
        return;
      case 'release':
        await this.#tune({
          ...this.#fullBandwidth(),
          ...releaseTuning(given.goal, given.initial),
          ...this.#view.wished,
          ...action.tuning,
        });
        if (phases.current() === 'held') phases.enter('precopy', reason);
        return;
      case 'switchover':
        await this.#tune({ ...this.#fullBandwidth(), ...switchoverTuning(given.initial) });
        if (phases.current() === 'held') phases.enter('precopy', reason);
        return;
      case 'postcopy':
        await control.switchToPostcopy();
        return;
      case 'cancel':
        await control.cancel();
        this.#endAsked = reason;
    }
  }

  /** What is held creeps, and QEMU reckons with the bandwidth that it measured. */
  #fullBandwidth(): Tuning {
    const { phases, given } = this.#options;
    if (phases.current() !== 'held') return {};
    const { maxBandwidthBytesPerSecond = given.goal.bandwidthBytesPerSecond } = this.#view.wished;
    return { maxBandwidthBytesPerSecond };
  }

  async #tune(tuning: Tuning): Promise<void> {
    const { control, journal } = this.#options;
    await control.tune(tuning);
    journal.append({ type: 'parameters', parameters: await control.parameters() });
  }

  #notify(): void {
    this.#news = true;
    this.#wake?.();
  }

  #takeNews(): boolean {
    const news = this.#news;
    this.#news = false;
    return news;
  }

  async #newsOrTick(): Promise<void> {
    if (this.#news) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, tickMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
