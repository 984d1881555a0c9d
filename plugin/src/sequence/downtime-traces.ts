/**
 * The `vmstate_downtime_*` trace events of QEMU 8.2 and later (migration/trace-events), as the log
 * backend writes them: with `-msg timestamp=on` as `THREAD@SECONDS.MICROSECONDS:NAME ...`.
 */
import type { JournalRecord } from '../journal/records.js';

/** What a side saved while the guest stood still, in order. */
export interface SavedState {
  /** QEMU's name of it (`idstr`). */
  readonly name: string;
  readonly kind: 'ram' | 'device' | 'machine';
  /** The VFIO device, where it is one. */
  readonly device: string | undefined;
  readonly ms: number;
}

export interface DowntimeTraces {
  /** On the source; everything that is not RAM nor a VFIO device is one item at the end. */
  saved: SavedState[];
  /** `dst-precopy-loadvm-completed` on the destination, ms since the epoch by its clock. */
  loaded: number | undefined;
}

/** A line of a QEMU's log that is one of these events; undefined for any other. */
export function parseTraceLine(
  line: string,
): { event: string; text: string; qemuUs: number | undefined } | undefined {
  const match = /^(?:\d+@(\d+)\.(\d{6}):)?(vmstate_downtime_\w+) (.*)$/.exec(line);
  if (!match) return undefined;
  const [, seconds, microseconds, event = '', text = ''] = match;
  const qemuUs = seconds === undefined ? undefined : Number(seconds) * 1e6 + Number(microseconds);
  return { event, text, qemuUs };
}

export function readTraces(records: readonly JournalRecord[]): DowntimeTraces {
  const traces = records.filter((record) => record.type === 'trace');
  const saved: SavedState[] = [];
  let machineMs = 0;
  for (const { side, event, text } of traces) {
    if (side !== 'source' || event !== 'vmstate_downtime_save') continue;
    const match = /^type=(\S+) idstr=(.*) instance_id=\d+ downtime=(\d+)$/.exec(text);
    if (!match) continue;
    const [, type, name = '', us] = match;
    const ms = Number(us) / 1000;
    const kind = kindOf(name);
    if (type !== 'iterable' || kind === 'machine') machineMs += ms;
    else saved.push({ name, kind, ms, device: kind === 'device' ? deviceOf(name) : undefined });
  }
  if (machineMs > 0) {
    saved.push({ name: 'machine', kind: 'machine', device: undefined, ms: machineMs });
  }
  const completed = traces.findLast(
    ({ side, text }) => side === 'destination' && text.includes('dst-precopy-loadvm-completed'),
  );
  const us = completed?.qemuUs;
  return { saved, loaded: us === undefined ? undefined : us / 1000 };
}

/** vfio_migration_init() registers a device as `PATH/vfio`, or `vfio` where it has no path. */
function kindOf(name: string): SavedState['kind'] {
  if (name === 'ram') return 'ram';
  return name === 'vfio' || name.endsWith('/vfio') ? 'device' : 'machine';
}

function deviceOf(name: string): string {
  return name.endsWith('/vfio') ? name.slice(0, -'/vfio'.length) : name;
}
