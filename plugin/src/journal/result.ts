/** How a migration ended, as its journal tells. */

/** Times in ms. */
export interface MigrationResult {
  outcome: 'completed' | 'failed' | 'cancelled';
  /** `migrate` sent to the source's MIGRATION `completed`. */
  totalMs: number;
  passes: number;
  transferredBytes: number;
  /** Of these, RAM sent while the guest stood still; undefined where QEMU does not tell (multifd; before 7.0). */
  blackoutRamBytes: number | undefined;
  downtime: MeasuredDowntime | undefined;
  /** QEMU's own `downtime`, as the source reports it. */
  qemuDowntimeMs: number | undefined;
  /** QEMU's last `expected-downtime` before the guest stopped. */
  expectedDowntimeMs: number | undefined;
}

/**
 * The time for which the guest ran nowhere, from QEMU's own time stamps of both sides' events, less what
 * the wall clock was set meanwhile.
 */
export interface MeasuredDowntime {
  /** STOP on the source to RESUME on the destination, less `heldMs`; the sum of `parts`. */
  ms: number;
  /** The destination was held stopped this long for verify; not part of `ms`. */
  heldMs: number;
  /** In order of time, without gaps or overlaps. */
  parts: readonly DowntimePart[];
  /** What the parts above can't tell apart, and what would be needed to. */
  unknown: readonly string[];
  /**
   * QEMU sends STOP when the vCPUs are paused and the devices stopped already (do_vm_stop), and RESUME
   * before it starts them (vm_prepare_start): the devices' transitions around both, which are downtime
   * for the guest but not in `ms`. Undefined without VFIO_MIGRATION events.
   */
  outside: { beforeStopMs: number | undefined; afterResumeMs: number | undefined };
}

export type DowntimeTerm =
  /** STOP to the end of what the source does before it saves: disks drained and flushed. */
  | 'flush'
  /** The last synchronisation of the dirty bitmap. */
  | 'final-sync'
  /** RAM that was left. */
  | 'ram'
  /** State of a VFIO device. */
  | 'device-state'
  /** State of the rest of the machine: CPUs, emulated devices. */
  | 'machine-state'
  /** A VFIO device's state transition. */
  | 'transition'
  /** From everything saved on the source to everything loaded on the destination. */
  | 'destination-load'
  /** From everything loaded to RESUME. */
  | 'start'
  /** `pause-before-switchover`: QEMU waited for `migrate-continue`. */
  | 'waiting'
  /** Several of the above that can't be told apart. */
  | 'together';

export interface DowntimePart {
  term: DowntimeTerm;
  /** What it is, for people. */
  name: string;
  /** The VFIO device, where it is the part of one. */
  device?: string | undefined;
  ms: number;
  from: 'events' | 'traces';
}
