import { PrecopyError, messageOf } from '../errors.js';
import type { QemuSide } from './side.js';

/**
 *   shut     it waits, or has loaded everything, and starts only when it is told to
 *   started  it had loaded everything and runs: there is no way back
 *   unknown  it does not answer, or its monitor is not ours
 */
export type GateState = 'shut' | 'started' | 'unknown';

/** A destination that loads a stream answers when it is done; one that waits answers at once. */
const answerTimeoutMs = 2000;

/**
 * Whether the destination starts its guest by itself.
 *
 * It matters whenever a migration is broken off. QEMU accepts `migrate_cancel`, and gives up on a
 * broken link, even after it has sent everything; it then resumes the source, while a destination that
 * has everything starts as well (7.2 and 10.0: both run). So the gate is shut first.
 */
export class DestinationGate {
  readonly #destination: QemuSide | undefined;
  #shut = false;

  constructor(destination: QemuSide | undefined) {
    this.#destination = destination;
  }

  /** The guest starts at the destination only when `open` is called. */
  get isShut(): boolean {
    return this.#shut;
  }

  /** @param guestRan a destination that was caught between loading and running is started again */
  async shut(guestRan: boolean): Promise<GateState> {
    const destination = this.#destination;
    if (this.#shut) return 'shut';
    if (!destination) return 'unknown';
    try {
      if ((await destination.status(answerTimeoutMs)).status !== 'inmigrate') return 'started';
      // On a QEMU that waits for a migration this only takes back its autostart (qmp_stop).
      await destination.effect('stop', undefined, { timeoutMs: answerTimeoutMs });
      this.#shut = true;
      if ((await destination.status(answerTimeoutMs)).status === 'inmigrate') return 'shut';
    } catch {
      return 'unknown';
    }
    // It loaded the rest just then and may have run already: it is the one that must go on.
    if (guestRan) await this.open();
    return 'started';
  }

  /** Starts the guest there, or lets it start by itself once everything is loaded. */
  async open(): Promise<void> {
    await this.#destination?.effect('cont');
    this.#shut = false;
  }

  /**
   * A destination that still waits starts its guest by itself again, as before: whoever migrates to it next
   * need not know of us.
   */
  async reopenUnused(): Promise<void> {
    if (!this.#shut || this.#destination?.client.state !== 'ready') return;
    try {
      if ((await this.#destination.status(answerTimeoutMs)).status === 'inmigrate')
        await this.open();
    } catch {
      // It ends, as QEMU does with a stream that broke.
    }
  }

  /** Of a run that goes on where another process had shut it. */
  assumeShut(): void {
    this.#shut = true;
  }

  /**
   * To be called before anything that lets the source go on.
   *
   * @param sourceStopped the source's guest stands still, so that the destination may have everything
   * @throws PrecopyError MIGRATION_FAILED if the guest could then run twice
   */
  async shutOrRefuse(guestRan: boolean, sourceStopped: () => boolean): Promise<void> {
    const state = await this.shut(guestRan).catch((cause: unknown) => {
      throw new PrecopyError(
        'MIGRATION_FAILED',
        `The destination has everything and could not be started: ${messageOf(cause)}.`,
        'Resume it there with "cont".',
        { cause },
      );
    });
    if (state === 'started') {
      throw new PrecopyError(
        'MIGRATION_FAILED',
        'The destination has everything and runs: there is no way back any more.',
        'The migration is about to complete. Migrate the guest back if it shall not stay there.',
      );
    }
    if (state === 'unknown' && sourceStopped()) {
      throw new PrecopyError(
        'MIGRATION_FAILED',
        'The source has stopped its guest for the switchover, and the destination does not say whether it has everything: the guest could run twice.',
        'End the destination QEMU if it hangs: the source then resumes by itself.',
      );
    }
  }
}
