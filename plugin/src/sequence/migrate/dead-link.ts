import { PrecopyError, messageOf } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import type { JournalRecord } from '../../journal/records.js';
import { formatMs } from '../../report/format.js';
import type { MigrationControl } from '../control.js';
import type { MigrationInfo } from '../qemu-replies.js';
import { StallWatch } from '../stall.js';
import { unknownStopCopyBytes } from '../stop-copy-size.js';

export interface DeadLinkOptions {
  readonly control: MigrationControl;
  readonly journal: Journal;
  /** After how long without a byte the link is given up, ms; undefined: never. */
  readonly limitMs: number | undefined;
  /** A new channel is being made, and the old one is known to be dead. */
  readonly recovering: () => boolean;
  /** What the devices would send in STOP_COPY, as far as it can be asked. */
  readonly stopCopyBytes: () => number | undefined;
}

/** A driver that reads or loads its device's state slower than this is not reckoned with, bytes/ms. */
const slowestDeviceBytesPerMs = 100_000;

/** Breaks a link off that carries nothing any more: a precopy then fails, a postcopy can be recovered. */
export class DeadLink implements Disposable {
  readonly #options: DeadLinkOptions;
  readonly #watch: StallWatch | undefined;
  readonly #hopeless = new AbortController();
  #found: string | undefined;
  /** The fastest that was seen, and what was left when QEMU answered last. */
  #bytesPerMs = 0;
  #leftBytes = 0;
  #deviceBytes = 0;
  /** When the blackout began, or something moved in it, by the clock that never jumps. */
  #blackoutSinceMs: number | undefined;

  constructor(options: DeadLinkOptions) {
    this.#options = options;
    const { journal, limitMs } = options;
    if (limitMs === undefined) return;
    this.#watch = new StallWatch({
      limitMs,
      info: () => this.#info(),
      onStall: (standstillMs) => this.#giveUp(standstillMs),
    });
    journal.subscribe(this.#noteEvent);
  }

  /** What was found when it was broken off; undefined: it was not. */
  get found(): string | undefined {
    return this.#found;
  }

  /** Aborted when it is no use to wait for the source any longer. */
  get hopeless(): AbortSignal {
    return this.#hopeless.signal;
  }

  async #info(): Promise<MigrationInfo> {
    const info = await this.#options.control.info();
    const { mbps = 0, remaining } = info.ram ?? {};
    this.#bytesPerMs = Math.max(this.#bytesPerMs, mbps * 125);
    this.#leftBytes = remaining ?? this.#leftBytes;
    const unknown = info.vfio === undefined ? 0 : unknownStopCopyBytes;
    this.#deviceBytes = this.#options.stopCopyBytes() ?? unknown;
    return info;
  }

  /** In the blackout QEMU sends all that is left, the devices' states last, and answers nothing meanwhile. */
  #isInBlackout(standstillMs: number): boolean {
    const { limitMs = 0, control } = this.#options;
    const { stopped, postcopy } = control.events.state;
    if (stopped === undefined || postcopy || this.#bytesPerMs === 0) {
      this.#blackoutSinceMs = undefined;
      return false;
    }
    const nowMs = performance.now();
    this.#blackoutSinceMs ??= nowMs - standstillMs;
    // A state is read on one side and loaded on the other, at worst one after the other.
    const deviceBytesPerMs = Math.min(this.#bytesPerMs, slowestDeviceBytesPerMs) / 2;
    const sendingMs = this.#leftBytes / this.#bytesPerMs + this.#deviceBytes / deviceBytesPerMs;
    return nowMs - this.#blackoutSinceMs < limitMs + sendingMs;
  }

  readonly #noteEvent = (record: JournalRecord): void => {
    if (record.type === 'event') this.#watch?.moved();
  };

  async #giveUp(standstillMs: number): Promise<void> {
    const { control, journal, recovering } = this.#options;
    if (control.events.overOnSource !== undefined || recovering()) return;
    if (this.#isInBlackout(standstillMs)) return;
    const found = `Nothing has moved over the link for ${formatMs(standstillMs)}`;
    try {
      this.#found = found;
      await control.breakLink();
      journal.append({ type: 'warning', message: `${found}: it was broken off.` });
    } catch (error) {
      this.#found = undefined;
      const message = `${found}, and it can't be broken off: ${messageOf(error)}`;
      journal.append({ type: 'warning', message });
      if (control.events.state.resumed !== undefined) this.#hopeless.abort(runsOnBoth(found));
    }
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#options.journal.unsubscribe(this.#noteEvent);
  }
}

function runsOnBoth(found: string): PrecopyError {
  return new PrecopyError(
    'MIGRATION_FAILED',
    `${found}. The guest runs at the destination, and the source waits for its answer for ever.`,
    'End the source QEMU with "quit". Do not cancel the migration there: its guest would run as well.',
  );
}
