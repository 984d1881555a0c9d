import { Command } from 'commander';
import { describeMemory, ProcessMemory } from '../audit/guest-memory.js';
import type { VerifyResult, VerifySide } from '../audit/verify.js';
import { PrecopyError, type ExitCode, exitCodes } from '../errors.js';
import { Journal } from '../journal/journal.js';
import { journalVersion, type JournalRecord } from '../journal/records.js';
import { migrationLines, verdictLine } from '../report/migration.js';
import { migrate } from '../sequence/migrate.js';
import { QemuSide } from '../sequence/side.js';
import { toJson } from '../journal/json.js';
import { connectMonitor } from './connect.js';
import { parseBytes, parseDuration } from './numbers.js';
import { interruptSignal, reportError } from './output.js';

interface MigrateFlags {
  qmp: string;
  toQmp: string;
  uri?: string;
  downtimeLimit?: number;
  bandwidth?: number;
  timeout?: number;
  verify?: true;
  journal?: string;
  json?: true;
}

export function migrateCommand(): Command {
  return new Command('migrate')
    .description(
      'migrate a guest to another QEMU, a table row per pass, and prove that nothing was missed',
    )
    .requiredOption('--qmp <address>', 'monitor of the source QEMU, e.g. unix:/run/source.qmp')
    .requiredOption(
      '--to-qmp <address>',
      'monitor of the destination QEMU (started with -incoming defer)',
    )
    .option('--uri <uri>', "where the destination listens, as QEMU's -incoming takes it")
    .option('--downtime-limit <time>', 'longest downtime to accept, e.g. 300ms', parseDuration(1))
    .option('--bandwidth <bytes>', 'most bandwidth to use, bytes per second, e.g. 500M', parseBytes)
    .option('--timeout <time>', 'cancel after this long, e.g. 10min', parseDuration(1000))
    .option('--verify', "compare the destination's whole RAM with the source's before it runs")
    .option('--journal <file>', 'record everything in a new file, a JSON record a line')
    .option('--json', 'print the journal records instead of text')
    .action(async (flags: MigrateFlags) => {
      process.exitCode = await runMigrate(flags);
    });
}

async function runMigrate(flags: MigrateFlags): Promise<ExitCode> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  let verified: VerifyResult | undefined;
  let exitCode: ExitCode = exitCodes.done;
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
    journal.append({
      type: 'start',
      version: journalVersion,
      command: 'migrate',
      arguments: flags,
    });
    await migrateBetween(flags, journal, interruptSignal(flags.timeout));
  } catch (error) {
    exitCode = reportError('migrate', error, flags.json === true);
  }
  if (verified && !flags.json) print(verdictLine(verified));
  return exitCode;
}

function textPrinter(print: (text: string) => void): (record: JournalRecord) => void {
  let passes = 0;
  return (record) => {
    for (const line of migrationLines(record, passes === 0)) print(line);
    if (record.type === 'pass') passes += 1;
  };
}

async function migrateBetween(
  flags: MigrateFlags,
  journal: Journal,
  signal: AbortSignal,
): Promise<void> {
  await using from = await connectMonitor(flags.qmp, signal);
  await using to = await connectMonitor(flags.toQmp, signal);
  const source = new QemuSide('source', from.client, from.address, from.peer, journal);
  const destination = new QemuSide('destination', to.client, to.address, to.peer, journal);
  await migrate({
    source,
    destination,
    journal,
    uri: flags.uri,
    settings: {
      // With the return path the source says `completed` only when the destination has loaded all.
      capabilities: { events: true, 'return-path': true },
      parameters: {
        ...(flags.downtimeLimit === undefined ? {} : { 'downtime-limit': flags.downtimeLimit }),
        ...(flags.bandwidth === undefined ? {} : { 'max-bandwidth': flags.bandwidth }),
      },
    },
    openMemory: flags.verify ? openMemory : undefined,
    signal,
  });
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
