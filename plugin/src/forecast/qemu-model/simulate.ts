import { DeviceStates } from './devices.js';
import { blackoutLedger, ledgerTotalMs, savedBytes } from './blackout.js';
import { Hope } from './hope.js';
import { changedParameters, PolicySeat, type PolicyView, type SimulateOptions } from './policy.js';
import { RamToSend } from './ram.js';
import { pageHeaderBytes, SendRate, windowMs, zeroPageBytes, zeroPageMs } from './rate.js';
import { SteadyWindows, type SteadyWindow } from './steady.js';
import { Throttle } from './throttle.js';
import type { PassKind } from '../../sequence/passes.js';
import type {
  LimitingTerm,
  ModelCosts,
  ModelGuest,
  ModelLink,
  ModelParameters,
  ModelPass,
  ModelResult,
  QemuBehaviour,
} from './types.js';

export interface ModelInput {
  readonly guest: ModelGuest;
  readonly link: ModelLink;
  readonly parameters: ModelParameters;
  readonly behaviour: QemuBehaviour;
  readonly costs: ModelCosts;
  /** A migration that takes longer has not converged. */
  readonly horizonMs: number;
  /**
   * Give up after so many synchronisations (and five bandwidth windows) in which nothing changed that
   * could make it converge, as in a round the dirty rate is what it is. Default: never.
   */
  readonly giveUpAfterPasses?: number | undefined;
  /**
   * What chance makes of the pages dirtied in a window, as a factor of their expected number; called
   * once a synchronisation. Default: always 1.
   */
  readonly chance?: ((windowMs: number) => number) | undefined;
}

/** MAX_WAIT of ram.c is 50 ms; it is compared with whole ms, so the time is up at 51. */
const sliceMs = 51;
/** CPU_THROTTLE_DIRTY_SYNC_TIMESLICE_MS */
const throttleTimerMs = 5000;
/**
 * Header, footer and end mark of a section in the stream. So little matters where a device holds the
 * guest: an idle guest's threshold is made of it, and at a threshold of 0 QEMU up to 10.1 completes.
 */
const sectionBytes = 18;
/** Flag and size before a block of a device's data. */
const blockHeaderBytes = 16;
/** Passes that are listed; a device that holds the guest in precopy can cause 2,000 a second. */
const listedPasses = 1000;
/** A flood of passes that are all alike is skipped in steps of this, where a policy looks on. */
const policySkipMs = 1000;
/** Windows in a row without any change, after which only the horizon is left to wait for. */
const steadyWindows = 50;

/**
 * Runs QEMU's precopy loop (`migration_thread` of migration/migration.c) over expectations instead of
 * pages. The same input, with a policy that decides the same, gives the same result.
 */
export function simulatePrecopy(input: ModelInput, options: SimulateOptions = {}): ModelResult {
  return new Simulation(input, options).run();
}

class Simulation {
  readonly #input: ModelInput;
  readonly #ram: RamToSend;
  readonly #devices: DeviceStates;
  readonly #throttle: Throttle;
  readonly #rate: SendRate;
  readonly #zeroPageMs: number;
  readonly #passes: ModelPass[] = [];
  readonly #policy: PolicySeat;
  readonly #hope: Hope;
  readonly #windows = new SteadyWindows();
  #parameters: ModelParameters;
  #lastPass: ModelPass = {
    pass: 0,
    kind: 'round',
    startMs: 0,
    remainingBytes: 0,
    sentBytes: 0,
    thresholdBytes: 0,
  };

  #nowMs = 0;
  #sentBytes = 0;
  #handledPages = 0;
  #deviceBytes = 0;
  #passCount = 0;
  #limitedBy: LimitingTerm | undefined;

  /** The bandwidth window: since when, and what was sent before it. */
  #windowStartMs = 0;
  #windowStartBytes = 0;
  #thresholdBytes = 0;
  /** Of the last window, bytes/ms. */
  #bandwidth = 0;
  #expectedDowntimeMs: number;

  /** Since the last synchronisation. */
  #syncedAtMs = 0;
  #cpuMs = 0;
  #dirtyBytesLastSync = 0;
  /** RAM was below the threshold after the last exact query, and yet QEMU could not switch over. */
  #retrying = false;

  /** Since the last synchronisation more than 1 s after the one before. */
  #periodStartMs: number | undefined;
  #periodStartBytes = 0;
  #periodPages = 0;
  #dirtyPagesRate = 0;

  #timerAtMs: number;
  #timerPassCount = 0;

  constructor(input: ModelInput, options: SimulateOptions) {
    const { guest, link, parameters, behaviour, costs } = input;
    this.#input = input;
    this.#parameters = parameters;
    this.#policy = new PolicySeat(options);
    this.#hope = new Hope(input.giveUpAfterPasses ?? Infinity);
    this.#ram = new RamToSend(
      guest.ram,
      guest.sources,
      parameters.zeroPageDetection,
      costs.clearPieces,
    );
    this.#devices = new DeviceStates(guest.devices);
    this.#throttle = new Throttle(guest, parameters);
    this.#rate = new SendRate(link, parameters, behaviour, guest.pageBytes);
    this.#zeroPageMs = zeroPageMs(costs, parameters);
    // migration_connect() starts with the limit itself.
    this.#expectedDowntimeMs = parameters.downtimeLimitMs;
    this.#timerAtMs =
      behaviour.throttleTimer && parameters.autoConverge ? throttleTimerMs : Infinity;
  }

  run(): ModelResult {
    this.#advance(this.#input.costs.setupMs);
    // The guest's dirtying counts from here on; the bitmap starts with every page set.
    this.#syncedAtMs = this.#nowMs;
    this.#cpuMs = 0;
    this.#sync('round');
    this.#devices.query(this.#nowMs);
    while (this.#nowMs < this.#input.horizonMs && !this.#hope.isLost(this.#nowMs)) {
      if (!this.#exceeded() && this.#turn()) return this.#complete();
      this.#throttleTimer();
      const step = this.#policy.ask(this.#nowMs, (asked) => this.#view(asked));
      if (step?.cancel !== undefined) break;
      if (step?.parameters) this.#change(changedParameters(this.#parameters, step.parameters));
      this.#rateLimit();
    }
    return this.#result(undefined);
  }

  #change(parameters: ModelParameters): void {
    this.#parameters = parameters;
    this.#rate.change(parameters);
    this.#throttle.change(parameters);
    this.#hope.renew(this.#nowMs);
    this.#windows.forget();
  }

  #view(asked: PolicyView['asked']): PolicyView {
    const { pageBytes, devices } = this.#input.guest;
    return {
      asked,
      nowMs: this.#nowMs,
      pass: this.#lastPass,
      thresholdBytes: this.#thresholdBytes,
      parameters: this.#parameters,
      sample: {
        dirtySyncCount: this.#passCount,
        remainingBytes: this.#ram.pages * pageBytes,
        transferredBytes: this.#sentBytes,
        handledBytes: this.#handledPages * pageBytes,
        bandwidthBytesPerSecond: this.#bandwidth * 1000,
        dirtyBytesPerSecond: this.#dirtyPagesRate * pageBytes,
        vfioBytes: devices.length === 0 ? undefined : this.#deviceBytes,
        expectedDowntimeMs: this.#expectedDowntimeMs,
        throttlePercent: this.#parameters.autoConverge && this.#throttle.percent,
      },
    };
  }

  /** `migration_iteration_run`. @returns whether to complete */
  #turn(): boolean {
    const { guest } = this.#input;
    this.#advance(this.#input.costs.turnMs);
    const acknowledged = !this.#parameters.switchoverAck || this.#devices.initialDataSent;
    const ramBytes = (): number => this.#ram.pages * guest.pageBytes;
    const estimate = ramBytes() + this.#devices.estimateBytes;
    let pending = estimate;
    const exact = this.#below(estimate);
    if (exact) {
      this.#sync(this.#retrying ? 'exact-retry' : 'round');
      this.#devices.query(this.#nowMs);
      pending = ramBytes() + this.#devices.stopCopyBytes;
    }
    if ((pending === 0 || this.#below(pending)) && acknowledged) return true;
    if (exact) {
      this.#retrying = this.#below(ramBytes());
      this.#limitedBy = this.#blockingTerm(pending);
    } else if (this.#passCount === 1) this.#limitedBy = 'first-round';
    else if (this.#below(ramBytes())) this.#limitedBy = 'device-precopy';
    this.#iterate();
    return false;
  }

  #below(bytes: number): boolean {
    return this.#input.behaviour.switchover === 'below'
      ? bytes < this.#thresholdBytes
      : bytes <= this.#thresholdBytes;
  }

  #blockingTerm(pending: number): LimitingTerm {
    if (!this.#retrying) return 'ram';
    return this.#below(pending) ? 'switchover-ack' : 'device-state';
  }

  /** `qemu_savevm_state_iterate`: RAM comes first, and a device only when the window has room left. */
  #iterate(): void {
    if (this.#exceeded()) return;
    this.#sendRam();
    this.#sentBytes += sectionBytes;
    for (const bytes of this.#deviceBlocks()) this.#sendDeviceBlock(bytes);
  }

  *#deviceBlocks(): Generator<number, void, undefined> {
    if (this.#exceeded()) return;
    for (const bytes of this.#devices.blocks(this.#nowMs)) {
      yield bytes;
      if (this.#exceeded()) return;
    }
  }

  /** `ram_save_iterate` */
  #sendRam(): void {
    const endMs = this.#nowMs + sliceMs;
    while (this.#nowMs < endMs) {
      const next = this.#ram.next();
      if (next === undefined) return;
      const { bytes, ms } = this.#pageCost(next.zero, this.#rate.bytesPerMs);
      const left = this.#rate.bytesLeft(this.#sentBytes - this.#windowStartBytes);
      const pages = Math.min(
        next.pages,
        Math.ceil(left / bytes),
        Math.max(1, Math.ceil((endMs - this.#nowMs) / ms)),
      );
      if (pages <= 0) return;
      this.#take(pages);
      this.#sentBytes += pages * bytes;
      this.#advance(pages * ms);
      if (this.#exceeded()) return;
    }
  }

  #take(pages: number): void {
    this.#ram.take(pages);
    this.#handledPages += pages;
  }

  #pageCost(zero: boolean, bytesPerMs: number): { readonly bytes: number; readonly ms: number } {
    if (zero) return { bytes: zeroPageBytes, ms: this.#zeroPageMs };
    const bytes = this.#input.guest.pageBytes + pageHeaderBytes;
    return { bytes, ms: bytes / bytesPerMs };
  }

  #sendDeviceBlock(bytes: number): void {
    this.#sentBytes += sectionBytes + (bytes > 0 ? blockHeaderBytes + bytes : 0);
    this.#deviceBytes += bytes;
    this.#advance(bytes / this.#rate.bytesPerMs);
  }

  /** `migration_bitmap_sync` */
  #sync(kind: PassKind): void {
    const { guest, costs, chance } = this.#input;
    this.#advance(costs.syncMs);
    const ms = this.#nowMs - this.#syncedAtMs;
    const factor = this.#passCount === 0 ? 0 : Math.max(0, chance?.(ms) ?? 1);
    this.#periodPages += this.#ram.sync({ ms, cpuMs: this.#cpuMs }, factor);
    this.#syncedAtMs = this.#nowMs;
    this.#cpuMs = 0;
    this.#dirtyBytesLastSync = this.#ram.pages * guest.pageBytes;
    this.#passCount++;
    const pass: ModelPass = {
      pass: this.#passCount,
      kind,
      startMs: this.#nowMs,
      remainingBytes: this.#dirtyBytesLastSync,
      sentBytes: this.#sentBytes,
      thresholdBytes: this.#thresholdBytes,
    };
    this.#lastPass = pass;
    this.#policy.pass();
    if (this.#passes.length < listedPasses || kind === 'blackout') this.#passes.push(pass);
    this.#endPeriod();
    const left = this.#dirtyBytesLastSync + this.#devices.estimateBytes;
    this.#hope.pass(this.#nowMs, this.#passCount, left, !this.#throttle.exhausted);
  }

  #endPeriod(): void {
    this.#periodStartMs ??= this.#nowMs;
    const ms = Math.floor(this.#nowMs) - Math.floor(this.#periodStartMs);
    if (ms <= 1000) return;
    const dirtyBytes = this.#periodPages * this.#input.guest.pageBytes;
    this.#throttle.consider(dirtyBytes, this.#sentBytes - this.#periodStartBytes);
    this.#dirtyPagesRate = Math.floor((this.#periodPages * 1000) / ms);
    this.#periodStartMs = this.#nowMs;
    this.#periodPages = 0;
    this.#periodStartBytes = this.#sentBytes;
  }

  /** `cpu_throttle_dirty_sync_timer_tick`: when nobody synchronised for 5 s after the first round. */
  #throttleTimer(): void {
    if (this.#nowMs < this.#timerAtMs) return;
    if (this.#passCount > 1 && this.#passCount === this.#timerPassCount)
      this.#sync('throttle-timer');
    this.#timerPassCount = this.#passCount;
    this.#timerAtMs = this.#nowMs + throttleTimerMs;
  }

  #exceeded(): boolean {
    return this.#rate.exceeded(this.#sentBytes - this.#windowStartBytes);
  }

  /** `migration_rate_limit` */
  #rateLimit(): void {
    this.#updateCounters();
    if (!this.#exceeded()) return;
    // QEMU's clock has whole ms here: it wakes as late in its millisecond as it went to sleep.
    const ms = this.#windowStartMs + windowMs - Math.floor(this.#nowMs);
    this.#advance(Math.max(0, ms) + this.#input.costs.wakeMs);
  }

  /** `migration_update_counters` */
  #updateCounters(): void {
    const parameters = this.#parameters;
    const now = Math.floor(this.#nowMs);
    if (now < this.#windowStartMs + windowMs) return;
    const bytes = this.#sentBytes - this.#windowStartBytes;
    const measured = bytes / (now - this.#windowStartMs);
    this.#bandwidth = measured;
    const given = Math.floor(parameters.availSwitchoverBytesPerSecond / 1000);
    const bytesPerMs = given > 0 ? given : measured;
    this.#thresholdBytes = Math.floor(bytesPerMs * parameters.downtimeLimitMs);
    // So little says nothing about the bandwidth.
    if (this.#dirtyPagesRate > 0 && bytes > 10000) {
      this.#expectedDowntimeMs = Math.floor(this.#dirtyBytesLastSync / bytesPerMs);
    }
    this.#windowStartMs = now;
    this.#windowStartBytes = this.#sentBytes;
    this.#skipAlike();
  }

  /** Skips over windows that would be like the last two, so that a long round takes no long time. */
  #skipAlike(): void {
    const steady = this.#windows.add({
      nowMs: this.#nowMs,
      sentBytes: this.#sentBytes,
      pages: this.#ram.pages,
      firstPages: this.#ram.next()?.pages ?? 0,
      passCount: this.#passCount,
    });
    if (steady === undefined) return;
    if (steady.passes === 0) this.#skipInRound(steady);
    else if (steady.alike >= steadyWindows) this.#skipFlood(steady);
  }

  #skipInRound({ ms, bytes, pages, oneKind }: SteadyWindow): void {
    if (pages < 1 || !oneKind || this.#devices.estimateBytes > 0) return;
    const spare = Math.min(
      this.#ram.next()?.pages ?? 0,
      this.#ram.pages - this.#thresholdBytes / this.#input.guest.pageBytes,
    );
    const untilMs = Math.min(this.#timerAtMs, this.#policy.tickAtMs, this.#input.horizonMs);
    const windows = Math.min(
      Math.floor(spare / pages) - 2,
      Math.floor((untilMs - this.#nowMs) / ms) - 1,
    );
    if (windows < 2) return;
    this.#take(pages * windows);
    this.#skip(windows, ms, bytes);
  }

  /** A device that never fits holds the guest in a precopy whose windows are all the same. */
  #skipFlood({ ms, bytes, passes, drainedPagesPerByte }: SteadyWindow): void {
    if (this.#limitedBy !== 'device-state' || !this.#throttle.exhausted) return;
    // Windows can be alike while RAM still drains.
    if (drainedPagesPerByte * this.#input.guest.pageBytes > 0.05) {
      this.#windows.restart();
      return;
    }
    // A controller that can't follow so many passes is asked now and then.
    const untilMs = this.#policy.isTaken
      ? Math.min(this.#policy.tickAtMs, this.#nowMs + policySkipMs)
      : this.#input.horizonMs;
    const windows = Math.floor((untilMs - this.#nowMs) / ms);
    if (windows < 1) return;
    this.#passCount += passes * windows;
    this.#skip(windows, ms, bytes);
  }

  #skip(windows: number, ms: number, bytes: number): void {
    this.#sentBytes += bytes * windows;
    this.#advance(ms * windows);
    this.#windowStartMs = Math.floor(this.#nowMs);
    this.#windowStartBytes = this.#sentBytes;
    this.#windows.forget();
  }

  #advance(ms: number): void {
    this.#nowMs += ms;
    this.#cpuMs += ms * this.#throttle.cpuShare;
  }

  /** `migration_completion_precopy`, and what follows on the destination. */
  #complete(): ModelResult {
    const { guest, costs } = this.#input;
    this.#advance(costs.stopMs);
    const stoppedAtMs = this.#nowMs;
    this.#sync('blackout');
    for (let next = this.#ram.next(); next !== undefined; next = this.#ram.next()) {
      const { bytes, ms } = this.#pageCost(next.zero, this.#rate.blackoutBytesPerMs);
      const { pages } = next;
      this.#take(pages);
      this.#sentBytes += pages * bytes;
      this.#advance(pages * ms);
    }
    const ledger = blackoutLedger(
      this.#nowMs - stoppedAtMs,
      guest.devices,
      this.#rate,
      this.#parameters,
      costs,
    );
    this.#sentBytes += guest.devices.reduce((sum, device) => sum + savedBytes(device), 0);
    this.#nowMs = stoppedAtMs + ledgerTotalMs(ledger) + costs.completeMs;
    return this.#result(ledger);
  }

  #result(ledger: ModelResult['downtime']): ModelResult {
    return {
      converged: ledger !== undefined,
      passes: this.#passes,
      passCount: this.#passCount,
      totalMs: this.#nowMs,
      sentBytes: this.#sentBytes,
      downtime: ledger,
      downtimeMs: ledger && ledgerTotalMs(ledger),
      limitedBy: this.#limitedBy,
      expectedDowntimeMs: this.#expectedDowntimeMs,
      throttlePercent: this.#throttle.percent,
      steps: this.#policy.steps,
    };
  }
}
