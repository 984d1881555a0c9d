/**
 * What one device dirtied, by its own log: DMA_LOGGING_START, REPORT and STOP (linux/vfio.h, Linux 6.1). QEMU
 * prefers it to the container's tracking.
 *
 * A log can be started once. While it is ours, QEMU can not start it, and a migration fails at set-up
 * ("Could not start dirty page tracking"); so a {@link LogKeeper} ends it should we die.
 */
import { isErrno, type BitmapLayout, type DirtyBitmap, type DmaLogging } from 'linux-vfio-ts';
import type { HarvestGate, IovaSpan } from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';
import { readSections } from './section-reads.js';
import type { HarvestSource, HarvestWindow } from './source.js';

export interface DeviceLogSourceOptions {
  readonly name: string;
  readonly logging: DmaLogging;
  readonly gate: HarvestGate;
  /** Whose sections are logged. */
  readonly layout: BitmapLayout;
  readonly nowMs?: () => number;
}

export class DeviceLogSource implements HarvestSource {
  readonly name: string;
  readonly kind = 'device';
  readonly #options: DeviceLogSourceOptions;
  readonly #nowMs: () => number;
  #started = false;
  #granularityBytes = 0n;
  #lastMs = 0;

  constructor(options: DeviceLogSourceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * @throws HarvestRefusedError while the gate is shut
   * @throws PrecopyError NOT_SUPPORTED if the log is on already, or the device refuses; KernelError
   */
  start(): Promise<void> {
    const { logging, layout, name } = this.#options;
    try {
      this.#granularityBytes = logging.start(loggedSpans(layout), layout.pageSizeBytes);
    } catch (cause) {
      if (!isErrno(cause, 'EINVAL')) throw cause;
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `The dirty log of ${name} can't be started: it is on already, or the device does not take the guest's memory as its ranges.`,
        'End the program that logs. After a migration that completed, QEMU itself leaves the log on.',
        { cause },
      );
    }
    this.#started = true;
    this.#lastMs = this.#nowMs();
    return Promise.resolve();
  }

  /** @throws HarvestRefusedError while the gate is shut; KernelError */
  async harvest(bitmap: DirtyBitmap, signal: AbortSignal): Promise<HarvestWindow> {
    const { logging } = this.#options;
    await readSections(bitmap, [(request) => logging.report(request)], signal);
    const startMs = this.#lastMs;
    const endMs = (this.#lastMs = this.#nowMs());
    return { startMs, endMs };
  }

  /** STOP, unless a migration has begun: see {@link takeBack}. */
  stop(): void {
    const { logging, gate } = this.#options;
    if (!this.#started || gate.shutReason !== undefined) return;
    this.#started = false;
    logging.stop();
  }

  /**
   * Ends the log after a migration that began while it was on, which has failed for that reason. Call it when
   * that migration is over.
   *
   * @param logging the same device, past a gate that is open
   */
  takeBack(logging: DmaLogging): void {
    if (!this.#started) return;
    this.#started = false;
    endLog(logging);
  }

  /** Whether the log is on, and ours. */
  get isOn(): boolean {
    return this.#started;
  }

  caveats(): string[] {
    const { pageSizeBytes } = this.#options.layout;
    if (this.#granularityBytes <= BigInt(pageSizeBytes)) return [];
    return [
      `${this.name} logs in units of ${this.#granularityBytes} bytes: it dirties less than is shown.`,
    ];
  }
}

/** STOP, also where the log is off already: by a reset of the device, or by a {@link LogKeeper}. */
export function endLog(logging: DmaLogging): void {
  try {
    logging.stop();
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error;
  }
}

/**
 * What QEMU logs (vfio_dirty_tracking_init of hw/vfio/common.c): one range below 4 GiB and one above, as
 * devices take few.
 */
export function loggedSpans(layout: BitmapLayout): IovaSpan[] {
  const fourGib = 1n << 32n;
  const iovas = layout.sections.map((section) => layout.iovasOf(section));
  return [
    iovas.filter(({ last }) => last < fourGib),
    iovas.filter(({ last }) => last >= fourGib),
  ].flatMap((part) => {
    const [lowest, highest] = [part.at(0), part.at(-1)];
    if (lowest === undefined || highest === undefined) return [];
    return [{ iova: lowest.first, bytes: highest.last - lowest.first + 1n }];
  });
}
