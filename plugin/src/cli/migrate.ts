import { Command, Option } from 'commander';
import { describeMemory, ProcessMemory } from '../audit/guest-memory.js';
import type { VerifyResult, VerifySide } from '../audit/verify.js';
import { PrecopyError, type ExitCode, exitCodes } from '../errors.js';
import { rememberMigration } from '../history/recorder.js';
import { Journal } from '../journal/journal.js';
import type { JournalRecord } from '../journal/records.js';
import { MigrationText, verdictLine } from '../report/migration.js';
import type { MigrationControl } from '../sequence/control.js';
import { migrate } from '../sequence/migrate.js';
import { findPolicy } from '../sequence/policies/find.js';
import type { Goal } from '../sequence/policy.js';
import { openLibvirtControl } from '../libvirt/open-control.js';
import { QmpControl } from '../sequence/qmp-control.js';
import { QemuSide } from '../sequence/side.js';
import { TraceLog } from '../sequence/trace-log.js';
import { toJson } from '../journal/json.js';
import { addChannelOptions, channelSettings, type ChannelFlags } from './channel-options.js';
import { connectMonitor } from './connect.js';
import { parseReportOrder, writeReports, type ReportOrder } from './report.js';
import { parseBytes, parseDuration, parsePercent } from './numbers.js';
import { interruptSignal, reportError } from './output.js';

interface MigrateFlags extends ChannelFlags {
  qmp: string;
  toQmp?: string;
  to?: string;
  policy: string;
  downtimeLimit?: number;
  bandwidth?: number;
  maxBandwidth?: number;
  maxSlowdown?: number;
  link?: number;
  autoConverge?: true;
  timeout?: number;
  onTimeout: Goal['onTimeout'];
  stallTimeout: number;
  verify?: true;
  report?: ReportOrder[];
  sourceLog?: string;
  destinationLog?: string;
  journal?: string;
  history: boolean;
  json?: true;
}

export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description(
      'migrate a guest to another QEMU, a table row per pass, and prove that nothing was missed',
    )
    .requiredOption('--qmp <address>', 'monitor of the source QEMU, e.g. unix:/run/source.qmp')
    .option(
      '--to-qmp <address>',
      'monitor of the destination QEMU (started with -incoming defer); without it --uri must lead to one that somebody else prepared',
    )
    .option(
      '--to <uri>',
      "connection URI of the destination's libvirt, for a source libvirt:DOMAIN: libvirt migrates, peer to peer",
    )
    .option(
      '--policy <policy>',
      'who decides: adaptive, qemu, or schedule:FILE (see docs/migrate.md)',
      'adaptive',
    )
    .option('--downtime-limit <time>', 'longest downtime to accept, e.g. 300ms', parseDuration(1))
    .option('--bandwidth <bytes>', 'bandwidth to use, bytes per second, e.g. 500M', parseBytes)
    .option(
      '--max-bandwidth <bytes>',
      'bandwidth up to which the policy may go if it must (default: that of --bandwidth)',
      parseBytes,
    )
    .option(
      '--max-slowdown <percent>',
      'how far the vCPUs may be throttled, of their time; 0: not at all',
      parsePercent,
    )
    .option(
      '--link <bytes>',
      'what the link takes in the blackout, where --bandwidth does not bind (default: what is measured)',
      parseBytes,
    )
    .option('--auto-converge', "QEMU's own throttling, with --policy qemu or schedule")
    .option('--timeout <time>', 'time for the whole migration, e.g. 10min', parseDuration(1000))
    .addOption(
      new Option('--on-timeout <action>', 'what to do then')
        .choices(['cancel', 'postcopy', 'release'])
        .default('cancel'),
    )
    .option(
      '--stall-timeout <time>',
      'take the link for dead when nothing moved for so long, and break it off; 0: never',
      parseDuration(1000),
      30_000,
    )
    .option('--verify', "compare the destination's whole RAM with the source's before it runs")
    .option('--no-history', 'do not remember how it went, for later forecasts')
    .option('--source-log <file>', "the source QEMU's log (-D), for the parts of the downtime")
    .option('--destination-log <file>', "the destination QEMU's log (-D), likewise")
    .option('--journal <file>', 'record everything in a new file, a JSON record a line')
    .option(
      '--report <format:file>',
      'write a report at the end: text, json, junit, tap or html; can be repeated',
      parseReportOrder,
    )
    .option('--json', 'print the journal records instead of text')
    .action(async (flags: MigrateFlags) => {
      process.exitCode = await runMigrate(flags);
    });
  return addChannelOptions(command);
}

async function runMigrate(flags: MigrateFlags): Promise<ExitCode> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  let verified: VerifyResult | undefined;
  let exitCode: ExitCode = exitCodes.done;
  const records: JournalRecord[] = [];
  try {
    using journal = new Journal(flags.journal);
    journal.subscribe((record) => {
      if (record.type === 'verify') verified = record.result;
    });
    journal.subscribe(
      flags.json
        ? (record) => {
            print(toJson(record));
          }
        : textPrinter(print),
    );
    if (flags.report) journal.subscribe((record) => records.push(record));
    journal.start('migrate', flags);
    await migrateBetween(flags, journal, interruptSignal());
  } catch (error) {
    exitCode = reportError('migrate', error, flags.json === true);
  }
  try {
    writeReports(flags.report ?? [], records);
  } catch (error) {
    const reportExit = reportError('migrate', error, flags.json === true);
    exitCode = exitCode === exitCodes.done ? reportExit : exitCode;
  }
  if (verified && !flags.json) print(verdictLine(verified));
  return exitCode;
}

function textPrinter(print: (text: string) => void): (record: JournalRecord) => void {
  const text = new MigrationText();
  return (record) => {
    for (const line of text.lines(record)) print(line);
  };
}

async function migrateBetween(
  flags: MigrateFlags,
  journal: Journal,
  signal: AbortSignal,
): Promise<void> {
  const channel = channelSettings(flags);
  if (flags.verify && (flags.onTimeout === 'postcopy' || channel.capabilities['postcopy-ram'])) {
    throw new PrecopyError(
      'USAGE',
      '--verify compares the RAM of two stopped guests, and after postcopy the destination runs before it has all of its RAM.',
      'Choose one of --verify and postcopy.',
    );
  }
  const policy = findPolicy(flags.policy);
  await using from = await connectMonitor(flags.qmp, signal);
  await using to =
    flags.toQmp === undefined ? undefined : await connectMonitor(flags.toQmp, signal);
  const source = new QemuSide('source', from.client, from.address, from.peer, journal);
  using control =
    flags.to === undefined
      ? new QmpControl({
          source,
          destination: to && new QemuSide('destination', to.client, to.address, to.peer, journal),
          endpoints: { uri: flags.uri, incomingUri: flags.incomingUri },
          journal,
        })
      : await openLibvirtControl(
          { address: flags.qmp, source, destinationUri: flags.to, migrateUri: flags.uri, journal },
          signal,
        );
  if (flags.history) rememberMigration(journal, control.source);
  await migrate({
    control,
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
    settings: {
      // With the return path the source says `completed` only when the destination has loaded all.
      capabilities: {
        events: true,
        'return-path': true,
        // Where QEMU waits there, the guest stands still until somebody says go on.
        'pause-before-switchover': false,
        ...(flags.autoConverge ? { 'auto-converge': true } : {}),
        ...(flags.onTimeout === 'postcopy' ? { 'postcopy-ram': true } : {}),
        ...channel.capabilities,
      },
      parameters: channel.parameters,
    },
    stallLimitMs: flags.stallTimeout === 0 ? undefined : flags.stallTimeout,
    openMemory: flags.verify ? openMemory : undefined,
    traceLogs: traceLogs(flags, control, journal),
    signal,
  });
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
