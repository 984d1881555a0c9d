import { Command } from 'commander';
import { createLogUpdate } from 'log-update';
import { PrecopyError, exitCodes, type ExitCode } from '../errors.js';
import { usualOverheadPercent } from '../harvest/usual-cost.js';
import type { StolenBitsAction } from '../harvest/stolen-bits.js';
import { HistoryFile } from '../history/file.js';
import { systemClock } from '../journal/clock.js';
import { Journal } from '../journal/journal.js';
import { toJson } from '../journal/json.js';
import { WatchScreen, watchLine } from '../report/watch.js';
import { QemuSide } from '../sequence/side.js';
import type { WatchRecord } from '../watch/records.js';
import { watchGuest } from '../watch/watch.js';
import { connectMonitor } from './connect.js';
import {
  bandwidthOption,
  downtimeLimitOption,
  kernelHasOption,
  stolenBitsOption,
} from './forecast-options.js';
import { journalLimitOption } from './journal-options.js';
import { parseDuration, parseCorePercent } from './numbers.js';
import {
  interruptSignal,
  orMonitorGone,
  readerGoneSignal,
  reportError,
  widthOf,
} from './output.js';
import { addressForms, monitorAddress } from './monitor-address.js';

interface WatchFlags {
  qmp: string;
  interval: number;
  duration?: number;
  overhead: number;
  bandwidth?: number;
  downtimeLimit?: number;
  cpu: boolean;
  history: boolean;
  journal?: string;
  journalLimit?: number;
  onStolenBits: StolenBitsAction;
  kernelHas: string[];
  json?: true;
}

export function watchCommand(): Command {
  return new Command('watch')
    .description('live dirty rates of a guest, and the downtime that a migration would have now')
    .requiredOption('--qmp <address>', `monitor of the QEMU: ${addressForms}`, monitorAddress)
    .option('--interval <time>', 'between two samples, at least', parseDuration(1000), 1000)
    .option('--duration <time>', 'end after this long (default: at Ctrl-C)', parseDuration(1000))
    .option(
      '--overhead <percent>',
      'how much of one core all of it may take',
      parseCorePercent,
      usualOverheadPercent,
    )
    .addOption(bandwidthOption())
    .addOption(downtimeLimitOption())
    .option('--no-cpu', "leave the CPUs out, and QEMU's soft-dirty bits alone")
    .option('--no-history', 'do not use what is remembered of past migrations')
    .option('--journal <file>', 'keep what is seen, a record a line, for precopy report')
    .addOption(journalLimitOption())
    .addOption(stolenBitsOption())
    .addOption(kernelHasOption())
    .option('--json', 'print a line of JSON for each sample')
    .action(async (flags: WatchFlags) => {
      process.exitCode = await runWatch(flags);
    });
}

async function runWatch(flags: WatchFlags): Promise<ExitCode> {
  const { json = false } = flags;
  const interrupted = interruptSignal();
  const enough = new AbortController();
  const signal = AbortSignal.any([interrupted, readerGoneSignal(), enough.signal]);
  const timer =
    flags.duration === undefined
      ? undefined
      : setTimeout(() => {
          enough.abort();
        }, flags.duration);
  const output = outputFor(json, flags.qmp);
  try {
    if (flags.bandwidth === 0 || flags.interval === 0) {
      throw new PrecopyError('USAGE', '--bandwidth and --interval must be above 0.', '');
    }
    await using connected = await connectMonitor(flags.qmp, signal);
    using journal = new Journal(flags.journal, { keepBytes: flags.journalLimit });
    journal.start('watch', flags);
    await watchGuest({
      side: new QemuSide('source', connected.client, flags.qmp, connected.peer, journal),
      intervalMs: flags.interval,
      overheadShare: flags.overhead / 100,
      bandwidthBytesPerSecond: flags.bandwidth,
      downtimeLimitMs: flags.downtimeLimit,
      cpu: flags.cpu,
      history: flags.history ? new HistoryFile().read() : [],
      onStolenBits: flags.onStolenBits,
      kernelHas: flags.kernelHas,
      signal,
      show: (record) => {
        journalWatched(journal, record);
        output.show(record);
      },
    });
    output.end();
    return exitCodes.done;
  } catch (error) {
    output.end();
    // It has no end of its own: Ctrl-C is the ordinary one.
    if (signal.aborted && (error === signal.reason || isAbort(error))) return exitCodes.done;
    return reportError('watch', orMonitorGone(error, flags.qmp), json);
  } finally {
    clearTimeout(timer);
  }
}

function journalWatched(journal: Journal, record: WatchRecord): void {
  if (record.type === 'notice') journal.append({ type: 'warning', message: record.text });
  if (record.type !== 'sample') return;
  const { windowMs, sources } = record;
  const endMs = systemClock.monotonicMs();
  const pages = Object.fromEntries(
    sources.map(({ name, pagesPerSecond }) => [
      name,
      Math.round((pagesPerSecond * windowMs) / 1000),
    ]),
  );
  journal.append({ type: 'dirty', startMs: endMs - windowMs, endMs, pages });
}

/** What waits on a signal may throw an error of its own. */
function isAbort(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === 'AbortError' || error.name === 'QmpAbortedError')
  );
}

interface Output {
  readonly show: (record: WatchRecord) => void;
  readonly end: () => void;
}

/** Lines of JSON or text; on a terminal a screen. */
function outputFor(json: boolean, address: string): Output {
  const { stdout } = process;
  if (json || !stdout.isTTY) {
    return {
      show: (record) => {
        stdout.write(`${json ? toJson(record) : watchLine(record)}\n`);
      },
      end: () => undefined,
    };
  }
  // Its own way of hiding the cursor listens to signals, and ends the process on them.
  const update = createLogUpdate(stdout, { showCursor: true });
  const showCursor = (): void => {
    stdout.write('\x1b[?25h');
  };
  stdout.write('\x1b[?25l');
  process.once('exit', showCursor);
  const screen = new WatchScreen(`precopy watch ${address} (Ctrl-C ends it)`);
  const draw = (): void => {
    update(screen.lines(widthOf(stdout)).join('\n'));
  };
  draw();
  stdout.on('resize', draw);
  return {
    show: (record) => {
      screen.add(record);
      draw();
    },
    // Leaves the last screen where it is.
    end: () => {
      stdout.off('resize', draw);
      update.done();
      process.off('exit', showCursor);
      showCursor();
    },
  };
}
