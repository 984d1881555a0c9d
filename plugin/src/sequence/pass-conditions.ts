import type { Journal } from '../journal/journal.js';
import type { MigrationControl, Parameters } from './control.js';
import type { PassContext } from './passes.js';
import { readSettings } from './settings.js';
import { StopCopySize } from './stop-copy-size.js';
import { comparisonOf } from './why-not.js';

/** What passes are judged by as a migration goes on: the limits that are in force, and what QEMU adds to RAM. */
export class PassConditions implements Disposable {
  readonly #control: MigrationControl;
  /** As last journalled. */
  #parameters: Parameters | undefined;
  #switchoverAck = false;
  #stopCopySize: StopCopySize | undefined;

  constructor(control: MigrationControl, journal: Journal) {
    this.#control = control;
    journal.subscribe((record) => {
      if (record.type === 'parameters') this.#parameters = record.parameters;
    });
  }

  /** Looks at what does not change while it runs; to be called once the capabilities are set. */
  async look(): Promise<void> {
    const { source } = this.#control;
    const { capabilities } = await readSettings(source);
    this.#switchoverAck = capabilities['switchover-ack'] === true;
    this.#stopCopySize ??= source.peer && (await StopCopySize.open(source.peer.pid));
  }

  get now(): PassContext {
    const { source, events } = this.#control;
    const {
      downtimeLimitMs = 0,
      switchoverBytesPerSecond = 0,
      throttlePercent,
    } = this.#parameters ?? {};
    return {
      ...{ downtimeLimitMs, switchoverBytesPerSecond },
      autoConverge: throttlePercent !== undefined,
      switchoverAck: this.#switchoverAck,
      comparison: comparisonOf(source.client.greeting.version),
      stopCopyBytes: this.#stopCopySize?.bytes,
      sourceStopped: events.state.stopped !== undefined,
    };
  }

  [Symbol.dispose](): void {
    this.#stopCopySize?.[Symbol.dispose]();
  }
}
