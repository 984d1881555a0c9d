/** Remembers what is forecast, and how migrations then went. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { messageOf } from '../errors.js';
import type { Range } from '../forecast/forecast.js';
import type { Rehearsal } from '../harvest/rehearsal.js';
import { identityOf } from '../harvest/state-file.js';
import type { Journal } from '../journal/journal.js';
import type { JournalRecord } from '../journal/records.js';
import type { QemuSide } from '../sequence/side.js';
import {
  historyVersion,
  type ForecastEntry,
  type Foretold,
  type HistoryEntry,
  type MigrationEntry,
} from './entries.js';
import { HistoryFile } from './file.js';
import { hasSharedRam } from './shared-ram.js';
import { zeroPagesPerSecondOf } from './zero-pages.js';

/** Whose migration it is. */
export type About = Pick<MigrationEntry, 'host' | 'qemu' | 'guest'>;

/** A forecast says nothing of a migration that begins later than this. */
const forecastHoldsMs = 3_600_000;

export function aboutOf(side: QemuSide): About {
  const { major, minor } = side.client.greeting.version;
  return {
    host: hostname(),
    qemu: `${major}.${minor}`,
    guest: side.peer === undefined ? null : guestOf(side.peer.pid),
  };
}

function guestOf(pid: number): string | null {
  const identity = identityOf(pid);
  if (identity === undefined) return null;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return `${boot}/${identity.pid}/${identity.startTicks}`;
}

/** Remembers a rehearsal's forecast, for the migration that may follow. */
export function forecastEntryOf(rehearsal: Rehearsal, about: About, at: number): ForecastEntry {
  const { forecast, parameters, ramBytes, devices } = rehearsal;
  const median = (range: Range | null): number | null => range && range.p50;
  return {
    version: historyVersion,
    type: 'forecast',
    at,
    ...about,
    ramBytes,
    vfio: devices.length > 0,
    maxBandwidthBytesPerSecond: parameters.maxBandwidthBytesPerSecond,
    downtimeLimitMs: parameters.downtimeLimitMs,
    forecast: {
      converges: forecast.converges,
      passes: median(forecast.passes),
      totalMs: median(forecast.totalMs),
      downtimeMs: median(forecast.downtimeMs),
    },
  };
}

/**
 * What a migration's records say of it; undefined if it did not begin, or ended without saying how.
 *
 * @param past entries, among which is the forecast of it, if there is one
 * @param sharedRam guest RAM is shared memory; null if that is not known
 */
export function migrationEntryOf(
  records: readonly JournalRecord[],
  about: About,
  past: readonly HistoryEntry[],
  sharedRam: boolean | null = null,
): MigrationEntry | undefined {
  const started = records.find(
    (record) => record.type === 'effect' && record.command === 'migrate' && !record.error,
  );
  const given = records.find((record) => record.type === 'goal');
  const passes = records.flatMap((record) => (record.type === 'pass' ? [record] : []));
  const first = passes.find(({ late }) => !late)?.sample;
  const result = records.findLast((record) => record.type === 'result')?.result;
  if (started?.type !== 'effect' || !given || !first) return undefined;
  const { bandwidthBytesPerSecond, downtimeLimitMs } = given.goal;
  const last = records.at(-1);
  const completed = result?.outcome === 'completed';
  const linkBytesPerSecond = linkOf(records);
  const entry: Omit<MigrationEntry, 'forecast'> = {
    version: historyVersion,
    type: 'migration',
    at: started.at,
    ...about,
    destination: destinationOf(started.arguments, about.host),
    ramBytes: first.remainingBytes + first.handledBytes,
    vfio: passes.some(({ sample }) => sample.vfioBytes !== undefined),
    maxBandwidthBytesPerSecond: bandwidthBytesPerSecond,
    downtimeLimitMs,
    policy: given.policy,
    completed,
    passes: result?.passes ?? passes.at(-1)?.pass ?? 0,
    totalMs: result?.totalMs ?? (last?.at ?? started.at) - started.at,
    downtimeMs: result?.downtime?.ms ?? null,
    blackoutRamBytes: result?.blackoutRamBytes ?? null,
    setupMs: setupOf(records),
    linkBytesPerSecond,
    // Several channels of multifd may have looked for them.
    zeroPagesPerSecond:
      result?.blackoutRamBytes === undefined
        ? null
        : zeroPagesPerSecondOf(
            records,
            Math.min(linkBytesPerSecond ?? Infinity, bandwidthBytesPerSecond || Infinity),
          ),
    sharedRam,
  };
  return { ...entry, forecast: forecastOf(entry, past) };
}

/** `tcp:HOST:PORT` leads to a host; unix sockets, fds and commands, to this one. */
function destinationOf(arguments_: unknown, host: string): string | null {
  const uri =
    typeof arguments_ === 'object' && arguments_ !== null && 'uri' in arguments_
      ? arguments_.uri
      : undefined;
  if (typeof uri !== 'string') return null;
  const named = /^tcp:(?:\[([^\]]+)\]|([^:]+)):/.exec(uri);
  const name = named?.[1] ?? named?.[2];
  return name === undefined || /^(localhost|127\.|::1)/.test(name) ? host : name;
}

/** MIGRATION `setup` to the first pass, by the source's clock. */
function setupOf(records: readonly JournalRecord[]): number | null {
  // The first MIGRATION event is `setup`.
  const setup = records.find(
    (record) => record.type === 'event' && record.side === 'source' && record.event === 'MIGRATION',
  );
  const first = records.find((record) => record.type === 'pass');
  const setupUs = setup?.type === 'event' ? setup.qemuUs : undefined;
  if (setupUs === undefined || first?.qemuUs === undefined || first.first !== 1) return null;
  return (first.qemuUs - setupUs) / 1000;
}

/** QEMU's bandwidth is the link's only where max-bandwidth did not bound it, and data was sent. */
function linkOf(records: readonly JournalRecord[]): number | null {
  let cap = Infinity;
  let best = 0;
  for (const record of records) {
    if (record.type === 'parameters') {
      const { maxBandwidthBytesPerSecond } = record.parameters;
      cap = Math.min(cap, maxBandwidthBytesPerSecond || Infinity);
    }
    if (record.type !== 'pass' || record.late) continue;
    const { transferredBytes, handledBytes, bandwidthBytesPerSecond } = record.sample;
    // Pages of zeros, of which a header is sent, say how fast they are found.
    if (transferredBytes > handledBytes / 2) best = Math.max(best, bandwidthBytesPerSecond);
  }
  return best > 0 && best < 0.8 * cap ? best : null;
}

function forecastOf(
  migration: Omit<MigrationEntry, 'forecast'>,
  past: readonly HistoryEntry[],
): Foretold | null {
  const found = past.findLast(
    (entry) =>
      entry.type === 'forecast' &&
      entry.guest !== null &&
      entry.guest === migration.guest &&
      entry.maxBandwidthBytesPerSecond === migration.maxBandwidthBytesPerSecond &&
      entry.downtimeLimitMs === migration.downtimeLimitMs &&
      entry.at <= migration.at &&
      migration.at - entry.at < forecastHoldsMs,
  );
  return found?.forecast ?? null;
}

/**
 * Follows a migration's journal, and remembers the migration when it has completed or was cancelled. To be
 * called before it begins.
 */
export async function rememberMigration(journal: Journal, source: QemuSide): Promise<void> {
  const about = aboutOf(source);
  const sharedRam = await hasSharedRam(source).catch(() => null);
  const records: JournalRecord[] = [];
  journal.subscribe((record) => {
    records.push(record);
    const over =
      record.type === 'result' || (record.type === 'phase' && record.phase === 'cancelled');
    if (!over) return;
    const file = new HistoryFile();
    const entry = migrationEntryOf(records, about, file.read(), sharedRam);
    if (entry) remember(entry, file);
  });
}

/** History is a convenience: that it can't be written must not fail what was asked for. */
export function remember(entry: HistoryEntry, file = new HistoryFile()): void {
  try {
    file.append(entry);
  } catch (error) {
    process.emitWarning(`The history ${file.path} can't be written: ${messageOf(error)}`);
  }
}
