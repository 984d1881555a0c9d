import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { runShell } from 'qemu-qmp-client-ts/shell';
import { PrecopyError, exitCodes, type ExitCode } from '../errors.js';
import { Journal } from '../journal/journal.js';
import { MigrationText } from '../report/migration.js';
import { goalFrom, type Wish } from '../sequence/goal.js';
import { migrate, MonitorLostError, type MigrateOptions } from '../sequence/migrate.js';
import { manualPolicy } from '../sequence/policies/manual.js';
import { migrationIsOver } from '../sequence/qemu-replies.js';
import { QmpControl } from '../sequence/qmp-control.js';
import type { Sequencer } from '../sequence/sequencer.js';
import { migrationSettings, type MigrationSettings } from '../sequence/settings.js';
import { QemuSide } from '../sequence/side.js';
import { addChannelOptions, channelSettings, type ChannelFlags } from './channel-options.js';
import { connectMonitor } from './connect.js';
import { Guardian } from './guardian.js';
import { parseBytes, parseDuration } from './numbers.js';
import { describeError, interruptSignal, reportError } from './output.js';
import { adoptMigration } from './shell/adopt.js';
import { completeCommand, parseCommand, shellHelp } from './shell/commands.js';
import {
  ShellSession,
  describeEnd,
  type MigrationEnd,
  type SteeredMigration,
} from './shell/session.js';
import { addressForms, monitorAddress } from './monitor-address.js';

interface ShellFlags extends ChannelFlags {
  qmp: string;
  toQmp?: string;
  downtimeLimit?: number;
  bandwidth?: number;
  journal?: string;
  raw?: true;
}

export function shellCommand(): Command {
  const command = new Command('shell')
    .description('a migration by hand: step, hold, release, throttle, why; --raw: QMP by hand')
    .requiredOption(
      '--qmp <address>',
      `monitor of the (source) QEMU: ${addressForms}`,
      monitorAddress,
    )
    .option(
      '--to-qmp <address>',
      'monitor of the destination QEMU, to start a migration',
      monitorAddress,
    )
    .option('--downtime-limit <time>', 'longest downtime to accept, e.g. 300ms', parseDuration(1))
    .option('--bandwidth <bytes>', 'bandwidth to use, bytes per second, e.g. 500M', parseBytes)
    .option('--journal <file>', 'record everything in a new file, a JSON record a line')
    .option('--raw', 'QMP commands as QEMU has them, with completion and help from its schema')
    .action(async (flags: ShellFlags) => {
      process.exitCode = await shell(flags);
    });
  return addChannelOptions(command);
}

async function shell(flags: ShellFlags): Promise<ExitCode> {
  try {
    if (flags.raw) return (await runShell(flags.qmp)) > 0 ? exitCodes.failed : exitCodes.done;
    return await steer(flags);
  } catch (error) {
    return reportError('shell', error, false);
  }
}

async function steer(flags: ShellFlags): Promise<ExitCode> {
  const signal = interruptSignal();
  using journal = new Journal(flags.journal);
  using guardian = new Guardian();
  guardian.follow(journal);
  journal.start('shell', flags);
  await using from = await connectMonitor(flags.qmp, signal);
  await using to =
    flags.toQmp === undefined ? undefined : await connectMonitor(flags.toQmp, signal);
  using control = new QmpControl({
    source: new QemuSide('source', from.client, from.address, from.peer, journal),
    destination: to && new QemuSide('destination', to.client, to.address, to.peer, journal),
    endpoints: { uri: flags.uri, incomingUri: flags.incomingUri },
    journal,
  });
  const wish: Wish = {
    downtimeLimitMs: flags.downtimeLimit,
    bandwidthBytesPerSecond: flags.bandwidth,
  };
  const goal = goalFrom(wish, await control.parameters());
  // Held, it would stay so for ever: the shell has no monitor any more to let it go.
  const onLost = (): void => {
    journal.leave();
    guardian.handOver();
  };
  const session = new ShellSession({
    control,
    journal,
    start: () =>
      startHeld({ control, journal, wish, signal, channel: channelSettings(flags), onLost }),
  });
  const { status = 'none' } = await control.info();
  if (!migrationIsOver(status))
    session.adopt(await adoptMigration({ control, journal, goal, onLost }));
  return await readCommands(session, journal, status);
}

interface Start extends Pick<MigrateOptions, 'control' | 'journal' | 'wish' | 'signal'> {
  readonly channel: MigrationSettings;
  readonly onLost: () => void;
}

/** @throws what `migrate` throws, if it fails before it runs */
async function startHeld({ channel, onLost, ...options }: Start): Promise<SteeredMigration> {
  let ended = Promise.resolve<MigrationEnd>({ says: '', failed: false });
  const sequencer = await new Promise<Sequencer>((resolve, reject) => {
    const run = migrate({
      ...options,
      policy: manualPolicy,
      settings: migrationSettings(channel),
      openMemory: undefined,
      onStarted: resolve,
    });
    run.catch((error: unknown) => {
      if (error instanceof MonitorLostError) onLost();
      reject(error instanceof Error ? error : new Error(String(error)));
    });
    ended = describeEnd(run);
  });
  return { sequencer, ended };
}

async function readCommands(
  session: ShellSession,
  journal: Journal,
  status: string,
): Promise<ExitCode> {
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal,
    prompt: terminal ? 'precopy> ' : '',
    completer: completeCommand,
  });
  let open = terminal;
  lines.once('close', () => (open = false));
  const print = (text: string): void => {
    if (text !== '') process.stdout.write(`${terminal ? '\r\x1b[K' : ''}${text}\n`);
    if (open) lines.prompt(true);
  };
  const text = new MigrationText();
  journal.subscribe((record) => {
    for (const line of text.lines(record)) print(line);
  });
  if (terminal) print(`Migration: ${status}. Tab completes; "help" lists the commands.`);
  let failures = 0;
  for await (const line of lines) {
    try {
      const command = parseCommand(line);
      if (command?.kind === 'exit') break;
      if (command?.kind === 'help') print(helpText());
      else if (command) print(await session.run(command));
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
      failures += 1;
      print(describeError(error));
    }
  }
  lines.close();
  print(await session.leave());
  return failures > 0 || session.failed ? exitCodes.failed : exitCodes.done;
}

function helpText(): string {
  const width = Math.max(...shellHelp.map(([command]) => command.length));
  return shellHelp.map(([command, does]) => `${command.padEnd(width)}  ${does}`).join('\n');
}
