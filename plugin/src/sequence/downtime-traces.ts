/**
 * The `vmstate_downtime_*` trace events of QEMU 8.2 and later (migration/trace-events), as the log
 * backend writes them: with `-msg timestamp=on` as `THREAD@SECONDS.MICROSECONDS:NAME ...`, of late (seen
 * with 11.1) as `YYYY-MM-DDTHH:MM:SS.MICROSECONDSZ NAME ...`.
 */
import type { JournalRecord, RecordOf } from '../journal/records.js';

/** What the source saved while the guest stood still. */
export interface SavedState {
  /** QEMU's name of it (`idstr`). */
  readonly name: string;
  readonly kind: 'ram' | 'device' | 'machine';
  /** The VFIO device, where it is one. */
  readonly device: string | undefined;
  readonly ms: number;
  /** When it was saved: QEMU traces it right then. ms since the epoch by its clock. */
  readonly endMs: number;
}

export interface DowntimeTraces {
  /** In order. */
  saved: readonly SavedState[];
  /** `dst-precopy-loadvm-completed` on the destination, ms since the epoch by its clock. */
  loaded: number | undefined;
}

/** A line of a QEMU's log that is one of these events; undefined for any other. */
export function parseTraceLine(
  line: string,
): { event: string; text: string; qemuUs: number | undefined } | undefined {
  const match = /^(?:(\S+?)[: ])?(vmstate_downtime_\w+) (.*)$/.exec(line);
  if (!match) return undefined;
  const [, stamp = '', event = '', text = ''] = match;
  return { event, text, qemuUs: microsecondsOf(stamp) };
}

function microsecondsOf(stamp: string): number | undefined {
  const [, seconds, microseconds] = /^\d+@(\d+)\.(\d{6})$/.exec(stamp) ?? [];
  if (seconds !== undefined) return Number(seconds) * 1e6 + Number(microseconds);
  const [, iso, fraction = '0'] = /^([\d-]{10}T[\d:]{8})(?:\.(\d{6}))?Z$/.exec(stamp) ?? [];
  return iso === undefined ? undefined : Date.parse(`${iso}Z`) * 1000 + Number(fraction);
}

/** Traces without a time stamp can't be placed and are left out. */
export function readTraces(records: readonly JournalRecord[]): DowntimeTraces {
  const traces = records.filter((record) => record.type === 'trace');
  const loaded = traces.findLast(
    ({ side, text }) => side === 'destination' && text.includes('dst-precopy-loadvm-completed'),
  )?.qemuUs;
  return {
    saved: traces.flatMap(savedState),
    loaded: loaded === undefined ? undefined : loaded / 1000,
  };
}

function savedState({ side, event, text, qemuUs }: RecordOf<'trace'>): SavedState[] {
  if (side !== 'source' || event !== 'vmstate_downtime_save' || qemuUs === undefined) return [];
  const match = /^type=(\S+) idstr=(.*) instance_id=\d+ downtime=(\d+)$/.exec(text);
  if (!match) return [];
  const [, type, name = '', us] = match;
  const kind = type === 'iterable' ? kindOf(name) : 'machine';
  const device = kind === 'device' ? deviceOf(name) : undefined;
  return [{ name, kind, device, ms: Number(us) / 1000, endMs: qemuUs / 1000 }];
}

/** vfio_migration_init() registers a device as `PATH/vfio`, or `vfio` where it has no path. */
function kindOf(name: string): SavedState['kind'] {
  if (name === 'ram') return 'ram';
  return name === 'vfio' || name.endsWith('/vfio') ? 'device' : 'machine';
}

function deviceOf(name: string): string {
  return name.endsWith('/vfio') ? name.slice(0, -'/vfio'.length) : name;
}
