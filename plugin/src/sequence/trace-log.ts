import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { z } from 'zod';
import { PrecopyError, messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { Side } from '../journal/records.js';
import { parseTraceLine } from './downtime-traces.js';
import type { QemuSide } from './side.js';

/** `TraceEventInfo` list. */
const traceStates = z.array(z.object({ name: z.string(), state: z.string() }));

const pattern = 'vmstate_downtime_*';

/** A log may have grown for weeks; what is of one migration is at its end. */
const mostBytes = 64 << 20;

/**
 * A QEMU's log file, from which the parts of the downtime are read. Turns QEMU's trace events
 * `vmstate_downtime_*` on for the time of a migration.
 */
export class TraceLog {
  readonly #side: QemuSide;
  readonly #path: string;
  readonly #journal: Journal;
  /** Events that we turned on. */
  #enabled: string[] = [];
  #from = 0;
  #sinceUs = 0;

  /** @throws PrecopyError USAGE if the file can't be read */
  constructor(side: QemuSide, path: string, journal: Journal) {
    this.#side = side;
    this.#path = path;
    this.#journal = journal;
    try {
      this.#from = statSync(path).size;
    } catch (cause) {
      throw new PrecopyError(
        'USAGE',
        `The log of the ${side.role} ${path} can't be read: ${messageOf(cause)}.`,
        `Start that QEMU with -D ${path} -msg timestamp=on, or name the file that its standard error goes to.`,
        { cause },
      );
    }
  }

  get side(): Side {
    return this.#side.role;
  }

  /**
   * Goes on for a run that has died.
   *
   * @param enabled events that it had turned on
   * @param sinceMs when it started its migration, ms since the epoch: what is in the log from then on is of it
   */
  goOn(enabled: readonly string[], sinceMs: number): void {
    this.#enabled.push(...enabled);
    this.#from = Math.max(0, this.#from - mostBytes);
    this.#sinceUs = sinceMs * 1000;
  }

  async begin(): Promise<void> {
    const states = traceStates.parse(
      await this.#side.query('trace-event-get-state', { name: pattern }),
    );
    const disabled = states.filter(({ state }) => state === 'disabled');
    for (const { name } of disabled) {
      await this.#side.effect('trace-event-set-state', { name, enable: true });
      this.#enabled.push(name);
    }
    if (states.every(({ state }) => state === 'unavailable')) {
      this.#warn(`This QEMU has no trace events ${pattern} (8.2 and later have)`);
    }
  }

  /** Journals what the log has got since the beginning. */
  collect(): void {
    let found = 0;
    for (const line of this.#newText().split('\n')) {
      const parsed = parseTraceLine(line);
      if (!parsed || (parsed.qemuUs ?? Infinity) < this.#sinceUs) continue;
      found += 1;
      this.#journal.append({ type: 'trace', side: this.#side.role, ...parsed });
    }
    if (found === 0) {
      this.#warn(
        `No ${pattern} in ${this.#path}: it is not this QEMU's log (-D FILE; without -D its standard error, unless it runs with -daemonize), or this QEMU was built without the trace backend "log"`,
      );
    }
  }

  async end(): Promise<void> {
    if (this.#side.client.state !== 'ready') return;
    for (const name of this.#enabled.splice(0)) {
      await this.#side.effect('trace-event-set-state', { name, enable: false });
    }
  }

  #newText(): string {
    const fd = openSync(this.#path, 'r');
    try {
      const { size } = fstatSync(fd);
      // A log that was truncated meanwhile is read from its beginning.
      const from = size < this.#from ? 0 : this.#from;
      const bytes = Buffer.alloc(size - from);
      return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, from));
    } finally {
      closeSync(fd);
    }
  }

  #warn(what: string): void {
    this.#journal.append({
      type: 'warning',
      message: `${what}. The parts of the downtime are less fine.`,
    });
  }
}
