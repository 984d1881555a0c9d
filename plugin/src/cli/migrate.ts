import { Command, Option } from 'commander';
import { QmpError } from 'qemu-qmp-client-ts';
import type { VerifyResult } from '../audit/verify.js';
import { PrecopyError, type ExitCode, exitCodes } from '../errors.js';
import { usualOverheadPercent } from '../harvest/usual-cost.js';
import { Journal } from '../journal/journal.js';
import { toJson } from '../journal/json.js';
import { loadJournal } from '../journal/read.js';
import type { JournalRecord } from '../journal/records.js';
import { MigrationText, verdictLine } from '../report/migration.js';
import { MonitorLostError } from '../sequence/migrate.js';
import { PhaseMachine } from '../sequence/phase.js';
import { RunSoFar } from '../sequence/unfinished.js';
import { addChannelOptions } from './channel-options.js';
import { Guardian } from './guardian.js';
import { journalLimitOption } from './journal-options.js';
import { addLibvirtOptions } from './libvirt-options.js';
import { flagsOf, type MigrateFlags } from './migrate-flags.js';
import { runMigration, takeUp } from './migration-run.js';
import { parseBytes, parseCorePercent, parseDuration, parsePercent } from './numbers.js';
import { checkReportPaths, parseReportOrder, writeReports } from './report.js';
import { interruptSignal, reportError } from './output.js';
import { addressForms, monitorAddress } from './monitor-address.js';

/** What the command line gives: a migration to run, or the journal of one to take up. */
type CommandFlags = Omit<MigrateFlags, 'qmp'> & {
  qmp?: string;
  resume?: string;
  guardian: boolean;
};

export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description(
      'migrate a guest to another QEMU, a table row per pass, and prove that nothing was missed',
    )
    .option('--qmp <address>', `monitor of the source QEMU: ${addressForms}`, monitorAddress)
    .option(
      '--to-qmp <address>',
      'monitor of the destination QEMU (started with -incoming defer); without it --uri must lead to one that somebody else prepared',
      monitorAddress,
    )
    .option(
      '--to <uri>',
      "connection URI of the destination's libvirt, for a source libvirt:DOMAIN: libvirt migrates, peer to peer",
    )
    .option(
      '--policy <policy>',
      'who decides: adaptive, qemu, schedule:FILE, or manual: held until the time limit (see docs/migrate.md)',
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
    .addOption(
      new Option(
        '--rehearse [time]',
        'watch what the guest dirties first, and decide by the forecast from it (default: 10s)',
      )
        .argParser(parseDuration(1000))
        .preset('10s'),
    )
    .option(
      '--overhead <percent>',
      `how much of one core that may take (default: ${usualOverheadPercent})`,
      parseCorePercent,
    )
    .option('--forecast <file>', 'decide by what "precopy rehearse --json" printed into this file')
    .option('--no-history', 'do not remember how it went, for later forecasts')
    .option(
      '--source-log <file>',
      "the source QEMU's log (-D, or its standard error), for the parts of the downtime",
    )
    .option('--destination-log <file>', "the destination QEMU's log (-D), likewise")
    .option('--journal <file>', 'record everything in a new file, a JSON record a line')
    .addOption(journalLimitOption())
    .option(
      '--report <format:file>',
      'write a report at the end: text, json, junit, tap or html; can be repeated',
      parseReportOrder,
    )
    .option('--resume <journal>', 'take up the migration of a precopy that was killed')
    .option('--no-guardian', 'no process that takes the migration up if this one is killed')
    .option('--json', 'print the journal records instead of text')
    .action(async (flags: CommandFlags) => {
      process.exitCode = await runMigrate(flags);
    });
  return addChannelOptions(addLibvirtOptions(command));
}

async function runMigrate(flags: CommandFlags): Promise<ExitCode> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const orders = flags.report ?? [];
  try {
    checkReportPaths(orders);
  } catch (error) {
    return reportError('migrate', error, flags.json === true);
  }
  let verified: VerifyResult | undefined;
  let exitCode: ExitCode = exitCodes.done;
  const records: JournalRecord[] = [];
  const show = (journal: Journal): void => {
    if (flags.report) journal.subscribe((record) => records.push(record));
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
  };
  try {
    if (flags.resume === undefined) await begin(flags, show);
    else await resume(flags.resume, show);
  } catch (error) {
    exitCode = reportError('migrate', error, flags.json === true);
  }
  try {
    writeReports(orders, records, flags.journal ?? flags.resume);
  } catch (error) {
    const reportExit = reportError('migrate', error, flags.json === true);
    exitCode = exitCode === exitCodes.done ? reportExit : exitCode;
  }
  if (verified && !flags.json) print(verdictLine(verified));
  return exitCode;
}

async function begin(flags: CommandFlags, show: (journal: Journal) => void): Promise<void> {
  const { qmp, guardian, ...others } = flags;
  if (qmp === undefined) {
    throw new PrecopyError(
      'USAGE',
      'There is no source.',
      'Name its monitor with --qmp, or the journal of an unfinished migration with --resume.',
    );
  }
  const asked: MigrateFlags = { ...others, qmp };
  using journal = new Journal(asked.journal, { keepBytes: asked.journalLimit });
  show(journal);
  // What libvirt runs, libvirt brings to its end.
  using guard = guardian && asked.to === undefined ? new Guardian() : undefined;
  guard?.follow(journal);
  const soFar = new RunSoFar().follow(journal);
  journal.start('migrate', asked);
  try {
    await runMigration(asked, journal, soFar, interruptSignal());
  } catch (error) {
    if (soFar.isUnfinished) journal.leave();
    // The migration may well go on behind a monitor that can't be reached.
    if (error instanceof MonitorLostError || error instanceof QmpError) guard?.handOver();
    throw error;
  }
}

async function resume(path: string, show: (journal: Journal) => void): Promise<void> {
  const { records } = await loadJournal(path);
  const start = records.find((record) => record.type === 'start');
  const flags = flagsOf(start?.command ?? '', start?.arguments);
  if (flags.to !== undefined) {
    throw new PrecopyError(
      'USAGE',
      `The migration of the journal ${path} is libvirt's (--to ${flags.to}).`,
      'libvirt brings it to its end by itself; virsh domjobinfo shows it, virsh domjobabort ends it.',
    );
  }
  // What failed or was cancelled has ended, too: the guest went on elsewhere than its copy.
  const soFar = RunSoFar.of(records);
  const ended = records.some(({ type }) => type === 'result');
  if (ended || new PhaseMachine(soFar.unfinished.phase).ended) {
    throw new PrecopyError(
      'USAGE',
      `The migration of the journal ${path} has come to its end.`,
      'There is nothing to take up; precopy report shows how it went.',
    );
  }
  using journal = Journal.resume(path);
  show(journal);
  soFar.follow(journal);
  journal.start('migrate', { ...flags, resume: path });
  try {
    await takeUp(flags, journal, soFar, interruptSignal());
  } catch (error) {
    if (soFar.isUnfinished) journal.leave();
    throw error;
  }
}

function textPrinter(print: (text: string) => void): (record: JournalRecord) => void {
  const text = new MigrationText();
  return (record) => {
    for (const line of text.lines(record)) print(line);
  };
}
