/**
 * The gate that every read of a dirty bitmap goes through.
 *
 * GET_BITMAP clears what it reads, so a read while QEMU migrates takes bits away from the migration: guest
 * memory is then corrupt at the destination although QEMU reports success. Whoever watches QEMU shuts the
 * gate in the very event handler that says a migration begins; nothing can be read from then on. A read
 * that was in the kernel at that moment can't be stopped, only found: each read's end is reported, to be
 * compared with the time stamp of QEMU's event.
 */
import { setMaxListeners } from 'node:events';
import { VfioError } from '../errors.js';

/** Wall-clock times in ms since the epoch, to be compared with the time stamps of QMP events. */
export interface BitmapReadTimes {
  readonly startedAtMs: number;
  /** When we learnt that the read had ended, hence never earlier than it did. */
  readonly endedAtMs: number;
}

/** The gate is shut: somebody else uses the dirty bitmap. Nothing was read. */
export class HarvestRefusedError extends VfioError {
  override readonly name = 'HarvestRefusedError';
  /** Why the gate was shut, in the words of whoever shut it. */
  readonly reason: string;

  constructor(reason: string) {
    super(
      'VFIO_HARVEST_REFUSED',
      `The dirty bitmap was not touched: ${reason}. Reading it now would take dirty bits away from their owner; wait until that is over.`,
    );
    this.reason = reason;
  }
}

export class HarvestGate {
  #shut = newShutSignal();
  #reading = 0;
  readonly #listeners = new Set<(times: BitmapReadTimes) => void>();
  readonly #nowMs: () => number;

  /** @param nowMs wall clock; only tests give another one */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Why the gate is shut, or undefined while it is open. */
  get shutReason(): string | undefined {
    const { reason } = this.#shut.signal as { reason: unknown };
    return reason instanceof HarvestRefusedError ? reason.reason : undefined;
  }

  /** How many reads were let through and have not ended: in the kernel, or waiting for their turn there. */
  get reading(): number {
    return this.#reading;
  }

  /**
   * Refuses everything from now on, reads that still wait for their turn included. The first reason stays
   * until {@link reopen}.
   */
  shut(reason: string): void {
    this.#shut.abort(new HarvestRefusedError(reason));
  }

  reopen(): void {
    if (this.#shut.signal.aborted) this.#shut = newShutSignal();
  }

  /** Calls `listener` after each read that may have reached the kernel, failed ones too. */
  onRead(listener: (times: BitmapReadTimes) => void): Disposable {
    this.#listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
      },
    };
  }

  /** @throws HarvestRefusedError if the gate is shut */
  check(): void {
    this.#shut.signal.throwIfAborted();
  }

  /**
   * Runs one read of a bitmap.
   *
   * @param read gets a signal that is aborted when the gate shuts, or `signal` is. Once it is in the kernel it
   *   can't be taken back: it fails with the signal's reason only if it never got there.
   * @throws HarvestRefusedError if the gate is shut; `read` is then not called
   */
  async pass<T>(read: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.check();
    const shut = this.#shut.signal;
    const either = signal === undefined ? shut : AbortSignal.any([signal, shut]);
    const startedAtMs = this.#nowMs();
    this.#reading += 1;
    try {
      const result = await read(either);
      this.#report(startedAtMs);
      return result;
    } catch (error) {
      // One that was called off while it waited for its turn has read nothing.
      if (!either.aborted || error !== either.reason) this.#report(startedAtMs);
      throw error;
    } finally {
      this.#reading -= 1;
    }
  }

  #report(startedAtMs: number): void {
    const times = { startedAtMs, endedAtMs: this.#nowMs() };
    for (const listener of this.#listeners) listener(times);
  }
}

/** Every read that waits listens to it, and any number may wait. */
function newShutSignal(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * Whether a read can have taken bits from a tracking that began at `trackingBeganAtMs`. The two clocks are
 * the same machine's wall clock, ours in whole ms: a read that ended in the same ms counts as well.
 */
export function readOverlaps(times: BitmapReadTimes, trackingBeganAtMs: number): boolean {
  return times.endedAtMs + 1 > trackingBeganAtMs;
}
