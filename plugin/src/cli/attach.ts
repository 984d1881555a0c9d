import { Command } from 'commander';
import { attach } from '../attach/attach.js';
import { standingOf } from '../attach/standing.js';
import { loadConfig } from '../config/load.js';
import { PrecopyError, exitCodes, type ExitCode } from '../errors.js';
import { toJson } from '../journal/json.js';
import { qemuOf, readDomain } from '../libvirt/domain.js';
import { Virsh } from '../libvirt/virsh.js';
import { standingLines } from '../report/standing.js';
import { interruptSignal, reportError } from './output.js';

interface AttachFlags {
  domain: string;
  connect?: string;
  config?: string;
  rehearsed?: true;
  json?: true;
}

export function attachCommand(): Command {
  return new Command('attach')
    .description('stay beside a libvirt domain: rehearse now and then, follow its migrations')
    .requiredOption('--domain <domain>', 'name or UUID of the domain')
    .option('--connect <uri>', "libvirt's connection URI (default: virsh's)")
    .option('--config <file>', 'the configuration (default: /etc/precopy/config.yaml)')
    .option('--rehearsed', 'show what the controller beside it has rehearsed lately, and end')
    .option('--json', 'JSON instead of text: a line for each message, or for --rehearsed one value')
    .action(async (flags: AttachFlags) => {
      process.exitCode = await (flags.rehearsed ? showRehearsed(flags) : runAttach(flags));
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

/** What is kept is there at once: nothing is asked of the guest. */
async function showRehearsed({ domain, connect, json }: AttachFlags): Promise<ExitCode> {
  try {
    const virsh = new Virsh(connect);
    const qemu = await qemuOf(virsh, await readDomain(virsh, domain, interruptSignal()));
    const standing = qemu && standingOf(qemu.pid);
    if (standing === undefined) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `Nothing is known of rehearsals of ${domain}.`,
        'A controller must have been beside it for a while (precopy attach), on this host, with rehearsals on; `precopy rehearse` rehearses now.',
      );
    }
    const text = json ? toJson(standing) : standingLines(standing, Date.now()).join('\n');
    process.stdout.write(`${text}\n`);
    return exitCodes.done;
  } catch (error) {
    return reportError('attach', error, json === true);
  }
}
