import type { MigrationInfo } from './qemu-replies.js';

/** In these states QEMU sends, or waits for the destination; in the others it waits for us or the guest. */
const sending = ['setup', 'active', 'device', 'postcopy-active', 'postcopy-recover'];

/** When something last moved over the link. Pure but for what it was told. */
export class ProgressClock {
  #movedAtMs: number;
  #transferredBytes: number | undefined;
  #status: string | undefined;

  /** @param nowMs by a clock that never jumps, like all times here */
  constructor(nowMs: number) {
    this.#movedAtMs = nowMs;
  }

  /** What QEMU answered. A QEMU whose main loop stands in the blackout answers nothing. */
  saw({ status, ram }: MigrationInfo, nowMs: number): void {
    const moved = ram?.transferred !== this.#transferredBytes || status !== this.#status;
    this.#transferredBytes = ram?.transferred;
    this.#status = status;
    if (moved || !sending.includes(status ?? 'none')) this.#movedAtMs = nowMs;
  }

  /** Something else showed that the migration goes on, such as an event. */
  moved(nowMs: number): void {
    this.#movedAtMs = nowMs;
  }

  /** For how long nothing has moved, ms. */
  standstillMs(nowMs: number): number {
    return nowMs - this.#movedAtMs;
  }
}

export interface StallWatchOptions {
  /** After how long without a byte the link is given up, ms. */
  readonly limitMs: number;
  readonly info: () => Promise<MigrationInfo>;
  /** Called once for each standstill; the watch goes on. */
  readonly onStall: (standstillMs: number) => Promise<void>;
}

/** How often QEMU is asked, ms. */
const askEveryMs = 1000;

/** Watches a running migration for a link that carries nothing any more. */
export class StallWatch implements Disposable {
  readonly #options: StallWatchOptions;
  readonly #clock = new ProgressClock(performance.now());
  readonly #timer: NodeJS.Timeout;
  #asking = false;
  #acting = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(
      () => {
        this.#ask();
        this.#judge();
      },
      Math.min(askEveryMs, options.limitMs / 4),
    );
    this.#timer.unref();
  }

  /** An event came. */
  moved(): void {
    this.#clock.moved(performance.now());
  }

  #ask(): void {
    // In the blackout QEMU does not answer; one question waits, and silence counts as standstill.
    if (this.#asking) return;
    this.#asking = true;
    this.#options
      .info()
      .then((info) => {
        this.#clock.saw(info, performance.now());
      })
      .catch(() => undefined)
      .finally(() => {
        this.#asking = false;
      });
  }

  #judge(): void {
    const standstillMs = this.#clock.standstillMs(performance.now());
    if (standstillMs < this.#options.limitMs || this.#acting) return;
    this.#acting = true;
    void this.#options.onStall(standstillMs).finally(() => {
      this.#acting = false;
      this.moved();
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
