import type { ModelCosts, ModelLink, ModelParameters, QemuBehaviour } from './types.js';

/** BUFFER_DELAY of migration-stats.h: windows of bandwidth measuring and of rate limiting, ms. */
export const windowMs = 100;

/** A page's header in the stream (be64 of offset and flags); a block's name comes only now and then. */
export const pageHeaderBytes = 8;
/** A page of zeros: header and the byte 0. */
export const zeroPageBytes = 9;

/** Pages that leave together: a packet of multifd, or 64 iovecs (a header and a page each). */
const multifdPacketPages = 128;
const flushPages = 32;

/** How fast QEMU sends, and how much until max-bandwidth makes it sleep. */
export class SendRate {
  /** While sending, bytes/ms. */
  readonly bytesPerMs: number;
  /** While sending in the blackout, bytes/ms. */
  readonly blackoutBytesPerMs: number;
  /** max-bandwidth's share of a window (`rate_limit_max`); 0: no limit. */
  #windowBytes: number;
  readonly #stepBytes: number;
  /** What is under way, sent but not yet counted, when QEMU notices. */
  readonly #uncountedBytes: number;

  constructor(
    link: ModelLink,
    parameters: ModelParameters,
    behaviour: QemuBehaviour,
    pageBytes: number,
  ) {
    const channels = Math.max(1, parameters.multifdChannels);
    this.bytesPerMs = Math.min(link.bytesPerSecond, link.channelBytesPerSecond * channels) / 1000;
    this.blackoutBytesPerMs =
      link.switchoverBytesPerSecond === undefined
        ? this.bytesPerMs
        : link.switchoverBytesPerSecond / 1000;
    this.#windowBytes = windowShare(parameters);
    const wirePageBytes = pageBytes + pageHeaderBytes;
    this.#stepBytes = wirePageBytes * stepPages(parameters, behaviour);
    // Each channel's thread counts its packet when it has sent it.
    this.#uncountedBytes = behaviour.countsAtFlush
      ? parameters.multifdChannels * multifdPacketPages * wirePageBytes
      : 0;
  }

  /** `migration_rate_set` of a new max-bandwidth. */
  change(parameters: ModelParameters): void {
    this.#windowBytes = windowShare(parameters);
  }

  /** `migration_rate_exceeded`. @param usedBytes sent in this window */
  exceeded(usedBytes: number): boolean {
    return this.#windowBytes > 0 && usedBytes > this.#windowBytes;
  }

  /** Bytes that go out before QEMU notices that the window's share is used up. */
  bytesLeft(usedBytes: number): number {
    if (this.#windowBytes === 0) return Infinity;
    const steps = Math.floor(this.#windowBytes / this.#stepBytes) + 1;
    return Math.max(0, steps * this.#stepBytes + this.#uncountedBytes - usedBytes);
  }
}

/** How long a page of zeros keeps whoever looks for them: nothing is sent meanwhile. */
export function zeroPageMs(
  { zeroPagesPerSecond, sendingCpus }: ModelCosts,
  { multifdChannels, zeroPagesInChannels }: ModelParameters,
): number {
  const threads = zeroPagesInChannels ? Math.max(1, Math.min(multifdChannels, sendingCpus)) : 1;
  return 1000 / (zeroPagesPerSecond * threads);
}

function windowShare({ maxBandwidthBytesPerSecond }: ModelParameters): number {
  return Math.floor((maxBandwidthBytesPerSecond * windowMs) / 1000);
}

function stepPages(parameters: ModelParameters, behaviour: QemuBehaviour): number {
  if (parameters.multifdChannels > 0) return multifdPacketPages;
  return behaviour.countsAtFlush ? flushPages : 1;
}
