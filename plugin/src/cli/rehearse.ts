import { Command } from 'commander';
import { PrecopyError, exitCodes, type ExitCode } from '../errors.js';
import { rehearse } from '../harvest/rehearse.js';
import { usualIntervalMs, usualOverheadPercent } from '../harvest/usual-cost.js';
import type { StolenBitsAction } from '../harvest/stolen-bits.js';
import { HistoryFile } from '../history/file.js';
import { aboutOf, forecastEntryOf, remember } from '../history/recorder.js';
import { Journal } from '../journal/journal.js';
import { measureLink } from '../link/measure.js';
import { rehearsalLines } from '../report/forecast.js';
import { QemuSide } from '../sequence/side.js';
import { toJson } from '../journal/json.js';
import { connectMonitor } from './connect.js';
import {
  bandwidthOption,
  downtimeLimitOption,
  kernelHasOption,
  stolenBitsOption,
} from './forecast-options.js';
import { parseDuration, parseCorePercent } from './numbers.js';
import { interruptSignal, orMonitorGone, reportError, widthOf } from './output.js';
import { ProgressLine, watchingText } from './progress-line.js';
import { addressForms, monitorAddress } from './monitor-address.js';

interface RehearseFlags {
  qmp: string;
  duration: number;
  interval: number;
  overhead: number;
  bandwidth?: number;
  downtimeLimit?: number;
  measureLink?: string;
  cpu: boolean;
  history: boolean;
  onStolenBits: StolenBitsAction;
  kernelHas: string[];
  json?: true;
}

export function rehearseCommand(): Command {
  return new Command('rehearse')
    .description(
      'forecast a migration from what the devices and the CPUs dirty now; nothing is moved',
    )
    .requiredOption('--qmp <address>', `monitor of the QEMU: ${addressForms}`, monitorAddress)
    .option('--duration <time>', 'how long to watch', parseDuration(1000), 10_000)
    .addOption(bandwidthOption())
    .option(
      '--measure-link <address>',
      'measure the link first, e.g. tcp:destination:4445 where "precopy link --listen" runs',
    )
    .addOption(downtimeLimitOption())
    .option(
      '--interval <time>',
      'time between harvests, at least',
      parseDuration(1),
      usualIntervalMs,
    )
    .option(
      '--overhead <percent>',
      'how much of one core harvesting may take',
      parseCorePercent,
      usualOverheadPercent,
    )
    .option('--no-cpu', "leave the CPUs out, and QEMU's soft-dirty bits alone")
    .option('--no-history', 'neither use nor keep what is remembered of past migrations')
    .addOption(stolenBitsOption())
    .addOption(kernelHasOption())
    .option('--json', 'print the rehearsal as JSON')
    .action(async (flags: RehearseFlags) => {
      process.exitCode = await runRehearse(flags);
    });
}

async function runRehearse(flags: RehearseFlags): Promise<ExitCode> {
  const signal = interruptSignal();
  const progress = new ProgressLine(process.stderr);
  try {
    if (flags.bandwidth === 0 || flags.interval === 0) {
      throw new PrecopyError('USAGE', '--bandwidth and --interval must be above 0.', '');
    }
    await using connected = await connectMonitor(flags.qmp, signal);
    using journal = new Journal();
    const side = new QemuSide('source', connected.client, flags.qmp, connected.peer, journal);
    const rehearsal = await rehearse({
      side,
      durationMs: flags.duration,
      intervalMs: flags.interval,
      overheadShare: flags.overhead / 100,
      bandwidthBytesPerSecond: flags.bandwidth,
      downtimeLimitMs: flags.downtimeLimit,
      cpu: flags.cpu,
      history: flags.history ? new HistoryFile().read() : [],
      onStolenBits: flags.onStolenBits,
      kernelHas: flags.kernelHas,
      link: flags.measureLink ? await measureLink(flags.measureLink, { signal }) : undefined,
      signal,
      onProgress: (now) => {
        progress.show(watchingText(now));
      },
      onStage: (stage) => {
        progress.show(`${stage} ...`);
      },
    });
    progress.clear();
    if (flags.history) remember(forecastEntryOf(rehearsal, aboutOf(side), Date.now()));
    const text = flags.json
      ? toJson(rehearsal)
      : rehearsalLines(rehearsal, widthOf(process.stdout)).join('\n');
    process.stdout.write(`${text}\n`);
    return exitCodes.done;
  } catch (caught) {
    progress.clear();
    // What waits on the signal throws an AbortError of its own; the reason says more.
    const error: unknown = signal.aborted ? signal.reason : orMonitorGone(caught, flags.qmp);
    return reportError('rehearse', error, flags.json === true);
  }
}
