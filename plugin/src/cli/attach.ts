import { Command } from 'commander';
import { attach } from '../attach/attach.js';
import { loadConfig } from '../config/load.js';
import { exitCodes, type ExitCode } from '../errors.js';
import { interruptSignal, reportError } from './output.js';

interface AttachFlags {
  domain: string;
  connect?: string;
  config?: string;
  json?: true;
}

export function attachCommand(): Command {
  return new Command('attach')
    .description('stay beside a libvirt domain: rehearse now and then, follow its migrations')
    .requiredOption('--domain <domain>', 'name or UUID of the domain')
    .option('--connect <uri>', "libvirt's connection URI (default: virsh's)")
    .option('--config <file>', 'the configuration (default: /etc/precopy/config.yaml)')
    .option('--json', 'log JSON lines instead of text')
    .action(async (flags: AttachFlags) => {
      process.exitCode = await runAttach(flags);
    });
}

async function runAttach(flags: AttachFlags): Promise<ExitCode> {
  const signal = interruptSignal();
  const log = (message: string): void => {
    const at = new Date().toISOString();
    const line = flags.json ? JSON.stringify({ at, message }) : `${at} ${message}`;
    process.stdout.write(`${line}\n`);
  };
  try {
    const why = await attach({
      domain: flags.domain,
      uri: flags.connect,
      config: loadConfig(flags.config),
      signal,
      log,
    });
    log(`ended: ${why}`);
    return exitCodes.done;
  } catch (error) {
    // Being told to end is how it ends while its domain lives.
    if (signal.aborted) {
      log('ended: told to');
      return exitCodes.done;
    }
    return reportError('attach', error, flags.json === true);
  }
}
