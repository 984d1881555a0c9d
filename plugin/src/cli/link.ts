import { once } from 'node:events';
import { Command } from 'commander';
import { PrecopyError, exitCodes, type ExitCode } from '../errors.js';
import { toJson } from '../journal/json.js';
import { measureLink } from '../link/measure.js';
import { listenAndDiscard } from '../link/sink.js';
import { formatBytes, formatMs, formatRate } from '../report/format.js';
import { parseDuration } from './numbers.js';
import { interruptSignal, reportError } from './output.js';

interface LinkFlags {
  listen?: string;
  to?: string;
  duration: number;
  json?: true;
}

export function linkCommand(): Command {
  return new Command('link')
    .description('measure how fast a TCP stream between two hosts is')
    .option(
      '--listen <address>',
      "on the destination's host: take and discard what comes, e.g. tcp:0.0.0.0:4445, until interrupted",
    )
    .option('--to <address>', "on the source's host: send to it, e.g. tcp:destination:4445")
    .option('--duration <time>', 'how long to send', parseDuration(1000), 4000)
    .option('--json', 'print JSON')
    .action(async (flags: LinkFlags) => {
      process.exitCode = await runLink(flags);
    });
}

async function runLink({ listen, to, duration, json }: LinkFlags): Promise<ExitCode> {
  const print = (text: string, data: unknown): void =>
    void process.stdout.write(`${json ? toJson(data) : text}\n`);
  const signal = interruptSignal();
  try {
    if ((listen === undefined) === (to === undefined)) {
      throw new PrecopyError('USAGE', 'Say either --listen or --to.', 'See precopy link --help.');
    }
    if (listen !== undefined) {
      await using sink = await listenAndDiscard(listen, (what) => {
        print(`${what.from}: ${formatBytes(what.bytes)} in ${formatMs(what.ms)}`, what);
      });
      const { host, port } = sink;
      print(`listening on ${host} port ${port}; Ctrl-C ends it`, { listening: { host, port } });
      if (!signal.aborted) await once(signal, 'abort');
    } else if (to !== undefined) {
      const measured = await measureLink(to, { durationMs: duration, signal });
      const spread = (100 * measured.deviation).toFixed(1);
      print(
        `${formatRate(measured.bytesPerSecond)} to ${to} in one stream (over ${formatMs(measured.measuredMs)}, spread ${spread} %)`,
        measured,
      );
    }
    return exitCodes.done;
  } catch (error) {
    return reportError('link', signal.aborted ? signal.reason : error, json === true);
  }
}
