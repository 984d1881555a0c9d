import { Command } from 'commander';
import { exitCodes, type ExitCode } from '../errors.js';
import { Journal } from '../journal/journal.js';
import { assess } from '../probe/assess.js';
import { probe } from '../probe/observe.js';
import { probeLines } from '../report/probe.js';
import { QemuSide } from '../sequence/side.js';
import { toJson } from '../journal/json.js';
import { connectMonitor } from './connect.js';
import { interruptSignal, reportError } from './output.js';
import { addressForms, monitorAddress } from './monitor-address.js';

export function probeCommand(): Command {
  return new Command('probe')
    .description('what this VM and its VFIO containers can do, what will go wrong, how to fix it')
    .requiredOption('--qmp <address>', `monitor of the QEMU: ${addressForms}`, monitorAddress)
    .option('--json', 'print the report as JSON')
    .action(async (flags: { qmp: string; json?: true }) => {
      process.exitCode = await runProbe(flags.qmp, flags.json === true);
    });
}

const verdictExitCodes = {
  migratable: exitCodes.done,
  'not migratable': exitCodes.notSupported,
  unknown: exitCodes.failed,
} as const;

async function runProbe(address: string, json: boolean): Promise<ExitCode> {
  try {
    await using connected = await connectMonitor(address, interruptSignal());
    using journal = new Journal();
    const report = await probe(
      new QemuSide('source', connected.client, address, connected.peer, journal),
    );
    const assessment = assess(report);
    const text = json
      ? toJson({ ...report, assessment })
      : probeLines(report, assessment).join('\n');
    process.stdout.write(`${text}\n`);
    return verdictExitCodes[assessment.verdict];
  } catch (error) {
    return reportError('probe', error, json);
  }
}
