/**
 * The downtime and what it was spent on, from a journal's records. Pure.
 *
 * Boundaries come from QEMU's time stamps of its events, and where its log has them from the
 * `vmstate_downtime_*` trace events (QEMU 8.2 and later):
 *
 *   STOP ─ flush ─ MIGRATION device ─ final sync ─ MIGRATION_PASS ─ RAM, devices, machine ─ load ─ RESUME
 *
 * A part is listed only where both its ends are known; the rest is listed as one, and `unknown` says so.
 */
import type { JournalRecord, RecordOf } from '../journal/records.js';
import type { DowntimePart, MeasuredDowntime } from '../journal/result.js';
import { vfioMigrationData } from './pass-follower.js';
import { readTraces, type DowntimeTraces } from './downtime-traces.js';

/** What {@link measureDowntime} reads; a flood of passes need not be kept. */
function isOfDowntime(record: JournalRecord): boolean {
  switch (record.type) {
    case 'qemu':
    case 'clock':
    case 'trace':
    case 'event':
      return true;
    case 'effect':
      return isStart(record);
    case 'pass':
      return record.kind === 'blackout';
    default:
      return false;
  }
}

/** @returns undefined while the guest has not stopped on the source and resumed on the destination */
export function measureDowntime(records: Iterable<JournalRecord>): MeasuredDowntime | undefined {
  const view = readMoments(records);
  const { stopped, resumed, held } = view;
  if (stopped === undefined || resumed === undefined) return undefined;
  const heldMs = held ? Math.max(0, held.startedMs - held.loadedMs) : 0;
  const parts = new Parts(stopped);
  const unknown: string[] = [];
  addSource(parts, view);
  if (held) {
    addLoad(parts, held.loadedMs, view, unknown);
    parts.skipTo(held.startedMs);
    parts.until(resumed, { term: 'start', name: 'cont to RESUME', from: 'events' });
  } else if (view.traces.loaded !== undefined) {
    addLoad(parts, view.traces.loaded, view, unknown);
    parts.until(resumed, { term: 'start', name: 'everything loaded to RESUME', from: 'traces' });
  } else {
    addLoad(parts, resumed, view, unknown);
  }
  return {
    ms: parts.totalMs,
    heldMs,
    parts: parts.list,
    unknown,
    outside: {
      beforeStopMs: view.transitionsFrom === undefined ? undefined : stopped - view.transitionsFrom,
      afterResumeMs: view.transitionsTo === undefined ? undefined : view.transitionsTo - resumed,
    },
  };
}

/** Keeps what the downtime is made of while a migration runs. */
export class DowntimeRecorder {
  readonly #records: JournalRecord[] = [];

  take(record: JournalRecord): void {
    if (isOfDowntime(record)) this.#records.push(record);
  }

  measure(): MeasuredDowntime | undefined {
    return measureDowntime(this.#records);
  }
}

/** ms on one time axis: QEMU's time stamps, less what the clock was set. */
interface Moments {
  stopped: number | undefined;
  resumed: number | undefined;
  /** The source waited in pre-switchover from here on. */
  waited: number | undefined;
  /** MIGRATION `device` on the source: it begins to save. */
  saving: number | undefined;
  synchronised: number | undefined;
  /** Devices that enter STOP_COPY only now, since they have no PRE_COPY: their state comes next. */
  stopCopies: { device: string; at: number }[];
  held: { loadedMs: number; startedMs: number } | undefined;
  /** The first transition of the source's devices that belongs to this STOP; the last after RESUME. */
  transitionsFrom: number | undefined;
  transitionsTo: number | undefined;
  traces: DowntimeTraces;
}

type Part = Omit<DowntimePart, 'ms'>;

/** Parts one after the other, from a moment on. What would end before it begins is left out. */
class Parts {
  readonly list: DowntimePart[] = [];
  #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  get totalMs(): number {
    return this.list.reduce((sum, { ms }) => sum + ms, 0);
  }

  until(moment: number | undefined, part: Part): void {
    if (moment === undefined || moment <= this.#at) return;
    this.list.push({ ...part, ms: moment - this.#at });
    this.#at = moment;
  }

  skipTo(moment: number): void {
    this.#at = moment;
  }
}

function addSource(parts: Parts, view: Moments): void {
  const flush: Part = { term: 'flush', name: 'disks drained and flushed', from: 'events' };
  parts.until(view.waited, flush);
  parts.until(
    view.saving,
    view.waited === undefined
      ? flush
      : { term: 'waiting', name: 'waiting in pre-switchover', from: 'events' },
  );
  const ram = view.traces.saved.find(({ kind }) => kind === 'ram');
  if (ram) {
    parts.until(ram.endMs - ram.ms, {
      term: 'flush',
      name: 'getting ready to save',
      from: 'traces',
    });
  }
  parts.until(view.synchronised, {
    term: 'final-sync',
    name: 'last synchronisation of the dirty bitmap',
    from: 'events',
  });
  if (view.traces.saved.length > 0) addTraced(parts, view);
  else addStopCopies(parts, view);
}

function addStopCopies(parts: Parts, { stopCopies }: Moments): void {
  for (const [i, { at }] of stopCopies.entries()) {
    const before = stopCopies[i - 1]?.device;
    parts.until(
      at,
      before === undefined
        ? { term: 'ram', name: 'RAM left', from: 'events' }
        : { term: 'device-state', name: `state of ${before}`, device: before, from: 'events' },
    );
  }
}

function addTraced(parts: Parts, { traces }: Moments): void {
  for (const { name, kind, device = name, endMs } of traces.saved) {
    if (kind === 'ram') parts.until(endMs, { term: 'ram', name: 'RAM left', from: 'traces' });
    if (kind === 'device') {
      const part = { term: 'device-state', name: `state of ${device}`, device } as const;
      parts.until(endMs, { ...part, from: 'traces' });
    }
  }
  parts.until(traces.saved.findLast(({ kind }) => kind === 'machine')?.endMs, {
    term: 'machine-state',
    name: 'state of the machine',
    from: 'traces',
  });
}

/** From what the source is known to have saved, to everything loaded (or to RESUME). */
function addLoad(parts: Parts, end: number, view: Moments, unknown: string[]): void {
  const { traces, stopCopies, held } = view;
  if (traces.saved.length > 0) {
    const loaded = held !== undefined || traces.loaded !== undefined;
    parts.until(end, {
      term: 'destination-load',
      name: loaded
        ? 'loading on the destination after the source had saved all'
        : 'loading on the destination after the source had saved all, and its start',
      from: 'traces',
    });
    if (!loaded) {
      unknown.push(
        'where loading ends and the start begins on the destination: needs --destination-log, the log of a QEMU with -msg timestamp=on and -D FILE, or its standard error',
      );
    }
    return;
  }
  const last = stopCopies.at(-1)?.device;
  const what =
    last === undefined
      ? 'RAM left, state of devices and machine'
      : `state of ${last} and of the machine`;
  const start =
    held === undefined ? ', loading and start on the destination' : ', loading on the destination';
  parts.until(end, { term: 'together', name: `${what}${start}`, from: 'events' });
  unknown.push(
    `how "${what}${start}" divides: needs --source-log and --destination-log, the logs of QEMUs (8.2 or later) with -msg timestamp=on and -D FILE, or their standard error`,
  );
}

function readMoments(records: Iterable<JournalRecord>): Moments {
  const list = [...records];
  const reader = new MomentReader(list);
  for (const record of list) reader.read(record);
  return reader.moments;
}

class MomentReader {
  readonly moments: Moments = {
    stopped: undefined,
    resumed: undefined,
    waited: undefined,
    saving: undefined,
    synchronised: undefined,
    stopCopies: [],
    held: undefined,
    transitionsFrom: undefined,
    transitionsTo: undefined,
    traces: { saved: [], loaded: undefined },
  };
  readonly #qemuClocks: boolean;
  #loaded: number | undefined;
  #jumpMs = 0;

  constructor(records: readonly JournalRecord[]) {
    const qemus = records.filter((record) => record.type === 'qemu');
    // Time stamps of two hosts can't be compared: there, only when the events arrived here counts.
    this.#qemuClocks = qemus.length > 0 && qemus.every(({ sameHost }) => sameHost);
    this.moments.traces = readTraces(records);
    // A log is read at the end, and its times can't be placed around a jump of the clock.
    if (!this.#qemuClocks || records.some(({ type }) => type === 'clock')) {
      this.moments.traces = { saved: [], loaded: undefined };
    }
  }

  read(record: JournalRecord): void {
    switch (record.type) {
      case 'clock':
        this.#jumpMs += record.jumpMs;
        break;
      case 'event':
        if (record.side === 'source') this.#ofSource(record);
        else this.#ofDestination(record);
        break;
      case 'pass':
        if (record.kind !== 'blackout') break;
        this.moments.synchronised ??= this.#timeOf(record);
        break;
      case 'effect':
        if (this.#loaded !== undefined && isStart(record)) {
          this.moments.held = { loadedMs: this.#loaded, startedMs: this.#sentAt(record) };
        }
        break;
      default:
    }
  }

  #ofSource(record: RecordOf<'event'>): void {
    const { moments } = this;
    const at = this.#timeOf(record);
    switch (record.event) {
      case 'STOP':
        moments.stopped = at;
        break;
      case 'RESUME':
        // The switchover failed, and the guest went on here.
        moments.stopped = undefined;
        moments.transitionsFrom = undefined;
        break;
      case 'MIGRATION':
        if (moments.stopped === undefined) break;
        if (isStatus(record, 'pre-switchover')) moments.waited = at;
        if (isStatus(record, 'device')) moments.saving = at;
        break;
      case 'VFIO_MIGRATION':
        this.#ofDevice(record, at);
        break;
      default:
    }
  }

  #ofDevice(record: RecordOf<'event'>, at: number): void {
    const { moments } = this;
    const parsed = vfioMigrationData.safeParse(record.data);
    if (!parsed.success) return;
    const { 'device-state': state, 'qom-path': path, 'device-id': id } = parsed.data;
    if (moments.stopped === undefined) {
      const stops = ['pre-copy-p2p', 'running-p2p', 'stop-copy', 'stop'].includes(state);
      moments.transitionsFrom = stops ? (moments.transitionsFrom ?? at) : undefined;
    } else if (state === 'stop-copy') {
      moments.stopCopies.push({ device: id === '' ? path : id, at });
    }
  }

  #ofDestination(record: RecordOf<'event'>): void {
    const { moments } = this;
    const at = this.#timeOf(record);
    if (record.event === 'RESUME') moments.resumed ??= at;
    if (isStatus(record, 'completed')) this.#loaded ??= at;
    if (record.event === 'VFIO_MIGRATION' && moments.resumed !== undefined) {
      const parsed = vfioMigrationData.safeParse(record.data);
      if (parsed.success && parsed.data['device-state'] === 'running') moments.transitionsTo = at;
    }
  }

  #timeOf(record: RecordOf<'event'> | RecordOf<'pass'>): number {
    if (!this.#qemuClocks || record.qemuUs === undefined) return record.monotonicMs;
    return record.qemuUs / 1000 - this.#jumpMs;
  }

  /** A record of an effect is written when QEMU has answered. */
  #sentAt(record: RecordOf<'effect'>): number {
    const answered = this.#qemuClocks ? record.at - this.#jumpMs : record.monotonicMs;
    return answered - (record.ms ?? 0);
  }
}

function isStatus(record: RecordOf<'event'>, status: string): boolean {
  return (
    record.event === 'MIGRATION' &&
    typeof record.data === 'object' &&
    record.data !== null &&
    'status' in record.data &&
    record.data.status === status
  );
}

/** A `cont` that starts a destination which was held for verify. */
function isStart(record: RecordOf<'effect'>): boolean {
  return record.side === 'destination' && record.command === 'cont' && record.error === undefined;
}
