/** The state at the end of a bandwidth window. */
export interface WindowEnd {
  readonly nowMs: number;
  readonly sentBytes: number;
  /** RAM to send. */
  readonly pages: number;
  /** Of these, alike and next in turn. */
  readonly firstPages: number;
  readonly passCount: number;
}

/** What happens in each of several windows that are alike. */
export interface SteadyWindow {
  readonly ms: number;
  readonly bytes: number;
  /** RAM sent that was not dirtied again; negative if it grows. */
  readonly pages: number;
  readonly passes: number;
  /** RAM sent was all of the kind that is next in turn. */
  readonly oneKind: boolean;
  /** So many windows in a row were like this one. */
  readonly alike: number;
  /** Part of what was sent in all of them by which RAM became less, in pages per byte. */
  readonly drainedPagesPerByte: number;
}

/** Tells when windows of QEMU's loop repeat themselves, so that they need not all be simulated. */
export class SteadyWindows {
  #last: WindowEnd | undefined;
  #step: Step | undefined;
  #alike = 0;
  /** The end of the first of them. */
  #from: WindowEnd | undefined;

  /** @returns undefined unless this window was like the one before */
  add(end: WindowEnd): SteadyWindow | undefined {
    const before = this.#last;
    const step = before && stepOf(before, end);
    const same = step !== undefined && this.#step !== undefined && alike(this.#step, step);
    this.#alike = same ? this.#alike + 1 : 0;
    if (this.#alike <= 1) this.#from = end;
    this.#last = end;
    this.#step = step;
    if (!same || before === undefined || this.#from === undefined) {
      return undefined;
    }
    const pages = before.pages - end.pages;
    const sentBytes = end.sentBytes - this.#from.sentBytes;
    return {
      ...step,
      pages,
      oneKind: before.firstPages - end.firstPages === pages,
      alike: this.#alike,
      drainedPagesPerByte: sentBytes === 0 ? 0 : (this.#from.pages - end.pages) / sentBytes,
    };
  }

  /** Counts anew how many were alike. */
  restart(): void {
    this.#alike = 0;
  }

  /** Something changed, or time was skipped: what comes next is compared with nothing before. */
  forget(): void {
    this.#last = undefined;
    this.#step = undefined;
    this.#alike = 0;
  }
}

type Step = Pick<SteadyWindow, 'ms' | 'bytes' | 'passes'>;

function stepOf(before: WindowEnd, end: WindowEnd): Step {
  return {
    ms: end.nowMs - before.nowMs,
    bytes: end.sentBytes - before.sentBytes,
    passes: end.passCount - before.passCount,
  };
}

function alike(one: Step, other: Step): boolean {
  const near = (a: number, b: number): boolean => Math.abs(a - b) <= 0.02 * Math.max(a, b);
  return near(one.ms, other.ms) && near(one.bytes, other.bytes) && near(one.passes, other.passes);
}
