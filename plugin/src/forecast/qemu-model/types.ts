import type { PassKind } from '../../sequence/passes.js';
import type { DirtyCurve } from '../dirty.js';
import type { PolicyStepTaken } from './policy.js';

/** What migrates: RAM, who dirties it, and the devices with state of their own. */
export interface ModelGuest {
  /** RAM in the order in which QEMU's first round sends it, in pages. */
  readonly ram: readonly RamStretch[];
  /** QEMU's target page size; 4096 on x86. */
  readonly pageBytes: number;
  /** Who dirties RAM. Two sources are taken to write different pages. */
  readonly sources: readonly DirtySource[];
  readonly devices: readonly ModelDevice[];
  readonly vcpus: number;
  /**
   * Part of the vCPUs' time in which they do not idle. Throttling takes their idle time first: a guest
   * that works a tenth of the time dirties as much when it is throttled by 80 %. Default 1.
   */
  readonly busyShare?: number | undefined;
}

/** A stretch of RAM with one kind of content. */
export interface RamStretch {
  readonly pages: number;
  /** Pages of zeros, of which only a header is sent (unless zero-page-detection is `none`). */
  readonly zero: boolean;
}

export interface DirtySource {
  readonly name: string;
  readonly curve: DirtyCurve;
  /** `cpu` is slowed by throttling and logged by the accelerator; `device` is neither. */
  readonly kind: 'cpu' | 'device';
  /**
   * Part of the pages said to be dirty that are zeros, and go out as such each time: where the dirty
   * page scope is `all`, the part of RAM that nobody uses. Default 0: what is written is no zero.
   */
  readonly zeroShare?: number | undefined;
}

/** A VFIO device that is migrated (hw/vfio/migration.c). */
export interface ModelDevice {
  readonly name: string;
  /**
   * What VFIO_DEVICE_FEATURE_MIG_DATA_SIZE answers; `unknown` if the ioctl fails, and QEMU then takes
   * 100 GiB (VFIO_MIG_STOP_COPY_SIZE) for the decision.
   */
  readonly stopCopyBytes: number | 'unknown';
  /** What really comes out in STOP_COPY. Default: `stopCopyBytes`, or 0 where that is unknown. */
  readonly savedBytes?: number | undefined;
  /** VFIO_MIGRATION_PRE_COPY: what the device has to say while it runs. */
  readonly precopy?:
    { readonly initialBytes: number; readonly dirtyBytesPerSecond: number } | undefined;
  /** RUNNING to STOP_COPY, as far as it happens after the STOP event. */
  readonly stopMs: number;
  /** How fast its state can be read; the link may be slower. */
  readonly readBytesPerSecond: number;
  /** Time that the destination takes to load the state after it came, and to go to RUNNING. */
  readonly loadMs: number;
}

/** The migration parameters and capabilities that matter here; names as in qapi/migration.json. */
export interface ModelParameters {
  /** max-bandwidth, bytes/s; 0: no limit. */
  readonly maxBandwidthBytesPerSecond: number;
  /** downtime-limit. */
  readonly downtimeLimitMs: number;
  /** avail-switchover-bandwidth, bytes/s; 0: QEMU uses what it measured. */
  readonly availSwitchoverBytesPerSecond: number;
  /** multifd-channels where multifd is on, else 0. */
  readonly multifdChannels: number;
  /** zero-page-detection is not `none`. */
  readonly zeroPageDetection: boolean;
  /**
   * The channels of multifd look for pages of zeros (zero-page-detection `multifd`), and not the migration
   * thread, one page after the other.
   */
  readonly zeroPagesInChannels: boolean;
  /** The capability switchover-ack. */
  readonly switchoverAck: boolean;
  readonly autoConverge: AutoConverge | undefined;
  readonly dirtyLimit: DirtyLimit | undefined;
  /** The capability pause-before-switchover, and how long the controller lets the guest wait. */
  readonly pauseMs: number | undefined;
}

export interface AutoConverge {
  /** cpu-throttle-initial, -increment, max-cpu-throttle; percent. */
  readonly initialPercent: number;
  readonly incrementPercent: number;
  readonly maxPercent: number;
  /** cpu-throttle-tailslow. */
  readonly tailslow: boolean;
  /** throttle-trigger-threshold, percent of the bytes sent. */
  readonly triggerPercent: number;
}

/** The capability dirty-limit (needs KVM with a dirty ring). */
export interface DirtyLimit {
  /** vcpu-dirty-limit, bytes/s for each vCPU. QEMU's parameter is in MiB/s. */
  readonly bytesPerSecondPerVcpu: number;
  /** throttle-trigger-threshold, percent of the bytes sent. */
  readonly triggerPercent: number;
}

/** What differs between versions of QEMU. */
export interface QemuBehaviour {
  /** Complete when what is pending is below the threshold (to 10.1), or also when equal (10.2). */
  readonly switchover: 'below' | 'at-or-below';
  /** auto-converge synchronises every 5 s in mid-round. */
  readonly throttleTimer: boolean;
  /**
   * Bytes count against max-bandwidth when they were sent (64 iovecs at a time; a packet by each channel
   * of multifd, which can thus go far above it), not when they are queued.
   */
  readonly countsAtFlush: boolean;
}

/** The way to the destination. */
export interface ModelLink {
  /** What fits through it while the guest runs, bytes/s, whatever max-bandwidth says. */
  readonly bytesPerSecond: number;
  /**
   * The same in the blackout, without max-bandwidth: the destination has most pages in memory by then
   * and need not make room for them. Default: no difference.
   */
  readonly switchoverBytesPerSecond?: number | undefined;
  /** What one sending thread achieves, bytes/s; multifd has several. */
  readonly channelBytesPerSecond: number;
}

/**
 * What things cost on the two hosts. None of these is QEMU's logic: they are measured, or taken from
 * past migrations.
 */
export interface ModelCosts {
  /** `migrate` to the first synchronisation. */
  readonly setupMs: number;
  /** One synchronisation of the dirty bitmap. */
  readonly syncMs: number;
  /** One turn of the migration loop, without the sending. */
  readonly turnMs: number;
  /** How much too late the migration thread wakes from its sleep at max-bandwidth. */
  readonly wakeMs: number;
  /**
   * How many pages of zeros a second one sending thread gets through, on the slower of the two hosts:
   * the source reads the whole page to find that it is zero, the destination its own to find that it is.
   */
  readonly zeroPagesPerSecond: number;
  /** CPUs that the channels of multifd can use at once. */
  readonly sendingCpus: number;
  /** Last exact query to the STOP event: the vCPUs and devices still run and dirty. */
  readonly stopMs: number;
  /** After STOP: what saving the rest of the machine and flushing disks takes on the source. */
  readonly saveMs: number;
  /** The rest of the machine loaded and the guest resumed, on the destination. */
  readonly loadMs: number;
  /** RESUME on the destination to `completed` on the source; not downtime. */
  readonly completeMs: number;
  /**
   * Into how many pieces the accelerator's dirty log is cleared in a round. 0: at the synchronisation
   * (TCG, VFIO, a dirty ring). KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 clears each GiB just before its first page is
   * sent (CLEAR_BITMAP_SHIFT), so what a vCPU writes before that is not sent twice.
   */
  readonly clearPieces: number;
}

/** One synchronisation of the dirty bitmap: what MIGRATION_PASS announces. */
export interface ModelPass {
  /** dirty-sync-count. */
  readonly pass: number;
  readonly kind: PassKind;
  /** Since `migrate`. */
  readonly startMs: number;
  /** RAM to send after it, as QEMU counts it (pages of zeros in full). */
  readonly remainingBytes: number;
  /** Sent until then. */
  readonly sentBytes: number;
  /** What RAM left and devices had to be below at that time. */
  readonly thresholdBytes: number;
}

/** STOP on the source to RESUME on the destination, ms. */
export interface DowntimeLedger {
  /** Final synchronisation and the RAM left. */
  readonly ramMs: number;
  /** Reading and sending the devices' state, and the rest of the machine. */
  readonly deviceStateMs: number;
  /** VFIO state changes. */
  readonly transitionsMs: number;
  readonly destinationLoadMs: number;
  /** pause-before-switchover. */
  readonly waitingMs: number;
}

/** What kept QEMU from switching over when it last looked. */
export type LimitingTerm =
  /** It was still sending RAM that was known dirty. */
  | 'first-round'
  /** RAM dirtied in a round is more than fits into the downtime limit. */
  | 'ram'
  /** RAM would fit, the devices' stop-copy size does not. */
  | 'device-state'
  /** Device data of the PRE_COPY phase is not through. */
  | 'device-precopy'
  /** The destination has not said switchover-ack. */
  | 'switchover-ack';

export interface ModelResult {
  readonly converged: boolean;
  readonly passes: readonly ModelPass[];
  /** dirty-sync-count at the end; `passes` lists only the first `listedPasses`. */
  readonly passCount: number;
  /** `migrate` to `completed` on the source; or to where the simulation was cut off. */
  readonly totalMs: number;
  readonly sentBytes: number;
  /** Undefined if it did not converge. */
  readonly downtime: DowntimeLedger | undefined;
  readonly downtimeMs: number | undefined;
  /** What blocked last; also of a migration that converged in the end. Undefined if nothing did. */
  readonly limitedBy: LimitingTerm | undefined;
  /** What query-migrate would have shown last before the STOP: RAM only, at the limited bandwidth. */
  readonly expectedDowntimeMs: number;
  /** vCPU throttle at the end, percent. */
  readonly throttlePercent: number;
  /** What the policy did. */
  readonly steps: readonly PolicyStepTaken[];
}
