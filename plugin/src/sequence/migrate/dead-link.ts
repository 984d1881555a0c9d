import { PrecopyError, messageOf } from '../../errors.js';
import type { Journal } from '../../journal/journal.js';
import type { JournalRecord } from '../../journal/records.js';
import { formatMs } from '../../report/format.js';
import type { MigrationControl } from '../control.js';
import type { MigrationInfo } from '../qemu-replies.js';
import { StallWatch } from '../stall.js';

export interface DeadLinkOptions {
  readonly control: MigrationControl;
  readonly journal: Journal;
  /** After how long without a byte the link is given up, ms; undefined: never. */
  readonly limitMs: number | undefined;
  /** A new channel is being made, and the old one is known to be dead. */
  readonly recovering: () => boolean;
}

/** Breaks a link off that carries nothing any more: a precopy then fails, a postcopy can be recovered. */
export class DeadLink implements Disposable {
  readonly #options: DeadLinkOptions;
  readonly #watch: StallWatch | undefined;
  readonly #hopeless = new AbortController();
  #found: string | undefined;
  /** The fastest that was seen, and the RAM left when QEMU answered last. */
  #bytesPerMs = 0;
  #leftBytes = 0;

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
    return info;
  }

  /** In the blackout QEMU sends all that is left and answers nothing meanwhile. */
  get #isInBlackout(): boolean {
    const { limitMs = 0, control } = this.#options;
    const { stopped, postcopy } = control.events.state;
    if (stopped === undefined || postcopy || this.#bytesPerMs === 0) return false;
    return Date.now() - stopped < limitMs + this.#leftBytes / this.#bytesPerMs;
  }

  readonly #noteEvent = (record: JournalRecord): void => {
    if (record.type === 'event') this.#watch?.moved();
  };

  async #giveUp(standstillMs: number): Promise<void> {
    const { control, journal, recovering } = this.#options;
    if (control.events.overOnSource !== undefined || recovering() || this.#isInBlackout) return;
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
