/** Remembers what is forecast, and how migrations then went. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { messageOf } from '../errors.js';
import type { Range } from '../forecast/forecast.js';
import type { Rehearsal } from '../harvest/rehearsal.js';
import { identityOf } from '../harvest/state-file.js';
import { beginsMigration } from '../journal/begins-migration.js';
import type { Journal } from '../journal/journal.js';
import type { JournalRecord, RecordOf } from '../journal/records.js';
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
 * What a migration's records say of it; undefined if it did not begin, or ended without saying how. It may
 * be one that was only followed, with no goal of ours.
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
  // Where somebody else started it, QEMU's first event tells when.
  const started = records.find(beginsMigration) ?? records.find(isMigrationEvent);
  const limits = limitsOf(records);
  const passes = records.flatMap((record) => (record.type === 'pass' ? [record] : []));
  const first = passes.find(({ late }) => !late)?.sample;
  const result = records.findLast((record) => record.type === 'result')?.result;
  // A short one may have ended before its first pass could be looked at.
  const known = records.find((record) => record.type === 'goal')?.ramBytes;
  const ramBytes = first ? first.remainingBytes + first.handledBytes : known;
  if (!started || !limits || ramBytes === undefined) return undefined;
  const last = records.at(-1);
  const completed = result?.outcome === 'completed';
  const linkBytesPerSecond = linkOf(records);
  const entry: Omit<MigrationEntry, 'forecast'> = {
    version: historyVersion,
    type: 'migration',
    at: started.at,
    ...about,
    destination: destinationOf(started, about.host),
    ramBytes,
    vfio: passes.some(({ sample }) => sample.vfioBytes !== undefined),
    ...limits,
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
            Math.min(linkBytesPerSecond ?? Infinity, limits.maxBandwidthBytesPerSecond || Infinity),
          ),
    sharedRam,
  };
  return { ...entry, forecast: forecastOf(entry, past) };
}

function isMigrationEvent(record: JournalRecord): record is RecordOf<'event'> {
  return record.type === 'event' && record.side === 'source' && record.event === 'MIGRATION';
}

/** Those of our goal; QEMU's own, where we had none. */
function limitsOf(
  records: readonly JournalRecord[],
): Pick<MigrationEntry, 'maxBandwidthBytesPerSecond' | 'downtimeLimitMs' | 'policy'> | undefined {
  const given = records.find((record) => record.type === 'goal');
  if (given) {
    const { bandwidthBytesPerSecond, downtimeLimitMs } = given.goal;
    const maxBandwidthBytesPerSecond = bandwidthBytesPerSecond;
    return { maxBandwidthBytesPerSecond, downtimeLimitMs, policy: given.policy };
  }
  const found = records.find((record) => record.type === 'parameters')?.parameters;
  if (!found) return undefined;
  const { maxBandwidthBytesPerSecond, downtimeLimitMs } = found;
  return { maxBandwidthBytesPerSecond, downtimeLimitMs, policy: 'qemu' };
}

/**
 * `tcp:HOST:PORT` leads to a host, and so does the URI of its libvirt; unix sockets, fds and commands, to
 * this one. Where somebody else started it, nobody here knows.
 */
function destinationOf(started: JournalRecord, host: string): string | null {
  if (started.type !== 'effect') return null;
  const { arguments: given } = started;
  const name = Array.isArray(given) ? hostOfLibvirt(given) : hostOfChannel(given);
  if (name === undefined) return null;
  return name === '' || /^(localhost|127\.|::1)/.test(name) ? host : name;
}

/** @returns empty: this host; undefined: not known */
function hostOfChannel(arguments_: unknown): string | undefined {
  const uri =
    typeof arguments_ === 'object' && arguments_ !== null && 'uri' in arguments_
      ? arguments_.uri
      : undefined;
  if (typeof uri !== 'string') return undefined;
  const named = /^tcp:(?:\[([^\]]+)\]|([^:]+)):/.exec(uri);
  return named?.[1] ?? named?.[2] ?? '';
}

/** @param args of virsh migrate */
function hostOfLibvirt(args: readonly unknown[]): string | undefined {
  const uri = args[args.indexOf('--desturi') + 1];
  return typeof uri === 'string' && URL.canParse(uri) ? new URL(uri).hostname : undefined;
}

/** MIGRATION `setup` to the first pass, by the source's clock. */
function setupOf(records: readonly JournalRecord[]): number | null {
  // The first MIGRATION event is `setup`.
  const setup = records.find(isMigrationEvent);
  const first = records.find((record) => record.type === 'pass');
  const setupUs = setup?.qemuUs;
  if (setupUs === undefined || first?.qemuUs === undefined || first.first !== 1) return null;
  return (first.qemuUs - setupUs) / 1000;
}

/** QEMU's bandwidth is the link's only where max-bandwidth is known not to have bound it, and data was sent. */
function linkOf(records: readonly JournalRecord[]): number | null {
  let cap: number | undefined;
  /** A migration that was cancelled in its first round has no pass that tells. */
  const best = { pass: 0, observation: 0 };
  for (const record of records) {
    if (record.type === 'parameters') {
      const { maxBandwidthBytesPerSecond } = record.parameters;
      cap = Math.min(cap ?? Infinity, maxBandwidthBytesPerSecond || Infinity);
    }
    if (record.type !== 'pass' && record.type !== 'observation') continue;
    if (record.type === 'pass' && record.late) continue;
    const { transferredBytes, handledBytes, bandwidthBytesPerSecond } = record.sample;
    // Pages of zeros, of which a header is sent, say how fast they are found.
    if (transferredBytes > handledBytes / 2) {
      best[record.type] = Math.max(best[record.type], bandwidthBytesPerSecond);
    }
  }
  const found = best.pass || best.observation;
  return cap !== undefined && found > 0 && found < 0.8 * cap ? found : null;
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
