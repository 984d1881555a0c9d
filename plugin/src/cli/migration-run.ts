/** One migration for the command line: from the flags to its end, over lost connections too. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress, QmpConnectError } from 'qemu-qmp-client-ts';
import { describeMemory, ProcessMemory } from '../audit/guest-memory.js';
import type { VerifySide } from '../audit/verify.js';
import { PrecopyError, messageOf } from '../errors.js';
import { leftoversUndone, undoLeftovers } from '../harvest/leftovers.js';
import { rememberMigration } from '../history/recorder.js';
import type { Journal } from '../journal/journal.js';
import {
  migrate,
  MonitorLostError,
  resumeMigration,
  type MigrateOptions,
} from '../sequence/migrate.js';
import { openLibvirtControl } from '../libvirt/open-control.js';
import { speedOf } from '../libvirt/speed.js';
import { Virsh } from '../libvirt/virsh.js';
import type { MigrationControl } from '../sequence/control.js';
import { TraceLog } from '../sequence/trace-log.js';
import { abandonedPolicy } from '../sequence/policies/abandoned.js';
import { findPolicy } from '../sequence/policies/find.js';
import type { Policy } from '../sequence/policy.js';
import { QmpControl } from '../sequence/qmp-control.js';
import { removeLeftFolder } from '../sequence/incoming.js';
import { rescueAtDestination } from '../sequence/rescue.js';
import { QemuSide } from '../sequence/side.js';
import { migrationSettings } from '../sequence/settings.js';
import type { RunSoFar } from '../sequence/unfinished.js';
import { channelSettings } from './channel-options.js';
import { connectMonitor, connectOrGone } from './connect.js';
import { foresight } from './foresight.js';
import { virshMigrateOptions } from './libvirt-options.js';
import type { MigrateFlags } from './migrate-flags.js';

/** Connections that are lost in one migration, or can't be made, before it is left to itself. */
const mostReconnects = 20;
/** A QEMU in a long blackout, or that loads a large state, does not negotiate: 20 times 5 s and these pauses. */
const reconnectPauseMs = 5000;
/**
 * A destination in postcopy whose source is gone may wait for a page with its main loop, for ever; one that is
 * only busy answers in one of so many.
 */
const attemptsWithoutSource = 3;

/**
 * @param soFar follows the journal
 * @throws what `migrate` throws
 */
export async function runMigration(
  flags: MigrateFlags,
  journal: Journal,
  soFar: RunSoFar,
  signal: AbortSignal,
): Promise<void> {
  try {
    await migrateBetween(flags, journal, soFar, signal);
  } catch (error) {
    if (!(error instanceof MonitorLostError)) throw error;
    journal.append({ type: 'warning', message: `${error.message} Connecting again.` });
    await goOn(flags, journal, soFar, signal);
  }
}

async function migrateBetween(
  asked: MigrateFlags,
  journal: Journal,
  soFar: RunSoFar,
  signal: AbortSignal,
): Promise<void> {
  const flags = await withLibvirtSpeed(asked);
  const options = optionsFor(flags, journal, signal);
  const virshOptions = virshMigrateOptions(flags);
  await using from = await connectMonitor(flags.qmp, signal);
  await using to =
    flags.toQmp === undefined ? undefined : await connectMonitor(flags.toQmp, signal);
  const source = new QemuSide('source', from.client, from.address, from.peer, journal);
  const foresee = foresight(flags, source, journal, signal);
  if (await undoLeftovers(source)) process.stderr.write(`${leftoversUndone}\n`);
  using control =
    flags.to === undefined
      ? new QmpControl({
          source,
          destination: to && new QemuSide('destination', to.client, to.address, to.peer, journal),
          endpoints: { uri: flags.uri, incomingUri: flags.incomingUri },
          journal,
        })
      : await openLibvirtControl(
          {
            ...{ address: flags.qmp, source, journal, virshOptions },
            ...{ destinationUri: flags.to, migrateUri: flags.uri },
          },
          signal,
        );
  if (flags.history) await rememberMigration(journal, control.source);
  const logs = traceLogs(flags, control, journal);
  await migrate({ ...options, control, foresee, traceLogs: logs }, soFar);
}

/** libvirt sets max-bandwidth anew for each migration: what QEMU has now is of none. */
async function withLibvirtSpeed(flags: MigrateFlags): Promise<MigrateFlags> {
  const source = parseAddress(flags.qmp);
  if (flags.to === undefined || flags.bandwidth !== undefined) return flags;
  if (source.kind !== 'libvirt') return flags;
  const speed = await speedOf(new Virsh(source.uri), source.domain);
  if (speed === undefined) return flags;
  const least = Math.min(speed || Infinity, flags.maxBandwidth ?? Infinity);
  return { ...flags, bandwidth: least === Infinity ? 0 : least };
}

/**
 * Brings the migration of a run to its end that has died. What a person was to decide there is released:
 * held, it would stay so for ever.
 *
 * @param soFar that run; follows the journal
 */
export async function takeUp(
  flags: MigrateFlags,
  journal: Journal,
  soFar: RunSoFar,
  signal: AbortSignal,
): Promise<void> {
  await goOn(flags, journal, soFar, signal, policyLeft(flags, journal));
}

/** @returns undefined: the policy that it was begun with */
function policyLeft({ policy }: MigrateFlags, journal: Journal): Policy | undefined {
  if (policy === 'manual') return abandonedPolicy;
  try {
    findPolicy(policy);
    return undefined;
  } catch (error) {
    // A schedule that is gone must not leave a migration without anybody who brings it to its end.
    const message = `${messageOf(error)} The migration is released in its place.`;
    journal.append({ type: 'warning', message });
    return abandonedPolicy;
  }
}

/** @param policy instead of the one that it was begun with */
async function goOn(
  flags: MigrateFlags,
  journal: Journal,
  soFar: RunSoFar,
  signal: AbortSignal,
  policy?: Policy,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await resumeOnce(flags, journal, soFar, signal, { policy, attempt });
      return;
    } catch (error) {
      const lost = error instanceof MonitorLostError;
      if (!(lost || error instanceof QmpConnectError) || attempt === mostReconnects) throw error;
      journal.append({ type: 'warning', message: `${error.message} Connecting again.` });
      if (!lost) await sleep(reconnectPauseMs, undefined, { signal });
    }
  }
}

async function resumeOnce(
  flags: MigrateFlags,
  journal: Journal,
  soFar: RunSoFar,
  signal: AbortSignal,
  { policy, attempt }: { policy: Policy | undefined; attempt: number },
): Promise<void> {
  const options = optionsFor(flags, journal, signal, policy);
  await using from = await connectOrGone(flags.qmp, signal);
  const connecting = flags.toQmp === undefined ? undefined : connectOrGone(flags.toQmp, signal);
  await using to = await connecting?.catch((error: unknown) => {
    const hopeless = from.gone && soFar.unfinished.postcopy && attempt >= attemptsWithoutSource;
    if (!hopeless || !(error instanceof QmpConnectError)) throw error;
    removeLeftFolder(soFar.unfinished.uri);
    throw new PrecopyError(
      'MIGRATION_FAILED',
      'The source QEMU is gone, and the destination does not answer: it waits for pages that went with the source, and the guest is lost.',
      "Look at the source QEMU's log, and end the destination.",
      { cause: error },
    );
  });
  const destination =
    to && new QemuSide('destination', to.client, to.address, to.peer, journal, to.gone);
  if (from.gone) {
    removeLeftFolder(soFar.unfinished.uri);
    const where = await rescueAtDestination(destination, soFar.unfinished);
    throw new PrecopyError(
      'MIGRATION_FAILED',
      `The source QEMU is gone. ${where}`,
      "Look at the source QEMU's log.",
    );
  }
  using control = new QmpControl({
    source: new QemuSide('source', from.client, from.address, from.peer, journal),
    destination,
    endpoints: { uri: flags.uri, incomingUri: flags.incomingUri },
    journal,
  });
  const logs = traceLogsLeft(flags, control, journal);
  await resumeMigration({ ...options, control, traceLogs: logs }, soFar);
}

/** A log that is gone meanwhile must not leave a migration without anybody who brings it to its end. */
function traceLogsLeft(
  flags: MigrateFlags,
  control: MigrationControl,
  journal: Journal,
): TraceLog[] {
  try {
    return traceLogs(flags, control, journal);
  } catch (error) {
    journal.append({ type: 'warning', message: messageOf(error) });
    return [];
  }
}

function optionsFor(
  flags: MigrateFlags,
  journal: Journal,
  signal: AbortSignal,
  policy = findPolicy(flags.policy),
): Omit<MigrateOptions, 'control'> {
  const channel = channelSettings(flags);
  if (flags.verify && (flags.onTimeout === 'postcopy' || channel.capabilities['postcopy-ram'])) {
    throw new PrecopyError(
      'USAGE',
      '--verify compares the RAM of two stopped guests, and after postcopy the destination runs before it has all of its RAM.',
      'Choose one of --verify and postcopy.',
    );
  }
  return {
    journal,
    policy,
    wish: {
      downtimeLimitMs: flags.downtimeLimit,
      totalLimitMs: flags.timeout,
      slowdownLimitPercent: flags.maxSlowdown,
      bandwidthBytesPerSecond: flags.bandwidth,
      bandwidthLimitBytesPerSecond: flags.maxBandwidth,
      linkBytesPerSecond: flags.link,
      onTimeout: flags.onTimeout,
    },
    settings: migrationSettings({
      capabilities: {
        ...(flags.autoConverge ? { 'auto-converge': true } : {}),
        ...(flags.onTimeout === 'postcopy' ? { 'postcopy-ram': true } : {}),
        ...channel.capabilities,
      },
      parameters: channel.parameters,
    }),
    stallLimitMs: flags.stallTimeout === 0 ? undefined : flags.stallTimeout,
    openMemory: flags.verify ? openMemory : undefined,
    signal,
  };
}

function traceLogs(flags: MigrateFlags, control: MigrationControl, journal: Journal): TraceLog[] {
  const { source, destination } = control;
  return [
    ...(flags.sourceLog === undefined ? [] : [new TraceLog(source, flags.sourceLog, journal)]),
    ...(flags.destinationLog === undefined || destination === undefined
      ? []
      : [new TraceLog(destination, flags.destinationLog, journal)]),
  ];
}

async function openMemory(side: QemuSide): Promise<VerifySide> {
  if (!side.peer) {
    throw new PrecopyError(
      'NOT_SUPPORTED',
      `--verify reads the RAM of both QEMUs on this host, and ${side.address} does not tell which process it is.`,
      'Name both monitors by unix sockets of this host, or leave --verify out.',
    );
  }
  const memory = await ProcessMemory.open(side.peer.pid);
  return { memory, layout: () => describeMemory(side.monitor) };
}
