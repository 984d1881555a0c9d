/** The command line of the lab. */
import { parseArgs } from 'node:util';
import { LabError } from './errors.js';
import type { Forward } from './qemu-command.js';
import { isLabKernel, labKernels, type LabKernel } from './kernels.js';
import { isLabLayer, labLayers, type LabLayer } from './layers.js';
import { isProposal, proposals, type Proposal } from './proposals.js';
import { defaultSuite, isSuite, suites, type Suite } from './suites.js';

export const usage = `usage: precopy lab setup [--suite SUITE] [--kernel NAME | --proposal NAME] [--with PACKAGES]
       precopy lab run [OPTIONS] -- COMMAND [ARGUMENT...]
       precopy lab shell [OPTIONS]

The lab is a Debian VM with a real VFIO stack, booted by QEMU without any need for KVM or hardware.
The clone is inside at its own path (read-only), and so is this Node.

  setup   builds the image, once per suite
  run     boots, runs COMMAND as root, and ends with its exit code
  shell   boots and gives a shell

  --suite SUITE            ${suites.join(', ')} (default ${defaultSuite})
  --kernel NAME            in place of the suite's: ${labKernels.join(', ')} (built once: minutes)
  --proposal NAME          a kernel of the 2020 review: ${proposals.join(', ')}
  --with PACKAGES          more programs inside: ${labLayers.join(', ')} (fetched once)
  --out FOLDER             folder of the host, writable inside as /out
  --forward HOSTPORT:PORT  leads 127.0.0.1:HOSTPORT to PORT inside; may be repeated
  --env NAME=VALUE         environment variable for COMMAND; may be repeated
  --memory MIB             memory of the VM (default 6144)
  --timeout SECONDS        ends the VM after that time

Exit codes of run: COMMAND's; 124 the time limit passed; 125 the lab failed; 130, 143 interrupted. 2: usage.
`;

export interface LabCommandLine {
  readonly action: 'setup' | 'run' | 'shell';
  readonly suite: Suite;
  /** In place of the suite's own. */
  readonly kernel: LabKernel | undefined;
  readonly proposal: Proposal | undefined;
  /** Laid over the image's /usr. */
  readonly layer: LabLayer | undefined;
  readonly out: string | undefined;
  readonly forwards: readonly Forward[];
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMiB: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly command: readonly string[];
}

/** @throws LabError LAB_USAGE */
export function parseLabArguments(argv: readonly string[]): LabCommandLine | 'help' {
  if (argv[0] === undefined || argv[0] === 'help') return 'help';
  const separator = argv.indexOf('--');
  const before = separator < 0 ? argv : argv.slice(0, separator);
  const command = separator < 0 ? [] : argv.slice(separator + 1);
  const { values, positionals } = parseOptions(before);
  if (values.help) return 'help';
  const [action, ...rest] = positionals;
  if (action !== 'setup' && action !== 'run' && action !== 'shell') {
    throw new LabError('LAB_USAGE', `No such command: lab ${action ?? ''}.`);
  }
  if (rest[0] !== undefined) {
    throw new LabError('LAB_USAGE', `What shall ${rest[0]} be? COMMAND comes after \`--\`.`);
  }
  if (action === 'run' && command.length === 0) {
    throw new LabError('LAB_USAGE', 'lab run needs a command after `--`.');
  }
  if (action !== 'run' && command.length > 0) {
    throw new LabError('LAB_USAGE', `lab ${action} takes no command.`);
  }
  const { suite = defaultSuite } = values;
  if (!isSuite(suite)) {
    throw new LabError('LAB_USAGE', `No such suite: ${suite}. There are ${suites.join(', ')}.`);
  }
  const { proposal } = values;
  if (proposal !== undefined && !isProposal(proposal)) {
    const known = proposals.join(', ');
    throw new LabError('LAB_USAGE', `No such proposal: ${proposal}. There are ${known}.`);
  }
  const { kernel } = values;
  if (kernel !== undefined && !isLabKernel(kernel)) {
    const known = labKernels.join(', ');
    throw new LabError('LAB_USAGE', `No such kernel: ${kernel}. There are ${known}.`);
  }
  if (kernel !== undefined && proposal !== undefined) {
    throw new LabError(
      'LAB_USAGE',
      "A proposal is applied to the suite's kernel: leave --kernel out.",
    );
  }
  const { with: layer } = values;
  if (layer !== undefined && !isLabLayer(layer)) {
    const known = labLayers.join(', ');
    throw new LabError('LAB_USAGE', `No such packages: ${layer}. There are ${known}.`);
  }
  const seconds = values.timeout === undefined ? undefined : positive('--timeout', values.timeout);
  return {
    action,
    suite,
    kernel,
    proposal,
    layer,
    out: values.out,
    forwards: (values.forward ?? []).map(parseForward),
    environment: Object.fromEntries((values.env ?? []).map(parseVariable)),
    memoryMiB: values.memory === undefined ? undefined : positive('--memory', values.memory),
    timeoutMs: seconds === undefined ? undefined : seconds * 1000,
    command,
  };
}

function parseOptions(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        suite: { type: 'string' },
        kernel: { type: 'string' },
        proposal: { type: 'string' },
        with: { type: 'string' },
        out: { type: 'string' },
        forward: { type: 'string', multiple: true },
        env: { type: 'string', multiple: true },
        memory: { type: 'string' },
        timeout: { type: 'string' },
      },
    });
  } catch (error) {
    throw new LabError('LAB_USAGE', (error as Error).message, { cause: error });
  }
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) {
    throw new LabError('LAB_USAGE', `${option} takes a number above 0, not "${text}".`);
  }
  return value;
}

function parseForward(text: string): Forward {
  const match = /^(\d+):(\d+)$/.exec(text);
  const [hostPort, port] = [Number(match?.[1]), Number(match?.[2])];
  if (!(hostPort >= 1 && hostPort <= 65535 && port >= 1 && port <= 65535)) {
    throw new LabError('LAB_USAGE', `--forward takes HOSTPORT:PORT, not "${text}".`);
  }
  return { hostPort, port };
}

function parseVariable(text: string): [string, string] {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new LabError('LAB_USAGE', `--env takes NAME=VALUE, not "${text}".`);
  }
  return [match[1], match[2]];
}
