/** `precopy lab ...`: see usage in arguments.ts and docs/lab.md. */
import { finished } from 'node:stream/promises';
import { parseLabArguments, usage, type LabCommandLine } from './arguments.js';
import { bootLab, prepareLab } from './boot.js';
import { LabError } from './errors.js';
import type { Extra } from './extras.js';
import { proposalExtra } from './proposals.js';
import type { TerminalSize } from './vm.js';

/** As timeout(1), the container tools and shells have them, apart from any exit code of COMMAND. */
const exitCodes = { usage: 2, timeout: 124, lab: 125, interrupted: 130, terminated: 143 } as const;

function report(line: string): void {
  console.error(`lab: ${line}`);
}

async function extrasOf(
  { suite, proposal }: LabCommandLine,
  signal: AbortSignal,
): Promise<Extra[]> {
  return proposal === undefined ? [] : [await proposalExtra(suite, proposal, { signal, report })];
}

function environmentOf({ proposal, environment }: LabCommandLine): Record<string, string> {
  return {
    ...(proposal === undefined ? {} : { PRECOPY_LAB_PROPOSAL: proposal }),
    ...environment,
  };
}

async function run(options: LabCommandLine, signal: AbortSignal): Promise<number> {
  const lab = await bootLab({
    ...options,
    environment: environmentOf(options),
    extras: await extrasOf(options, signal),
    signal,
    report,
  });
  // Not pipe(): it would end process.stdout.
  const output = [
    { from: lab.stdout, to: process.stdout },
    { from: lab.stderr, to: process.stderr },
  ].map(async ({ from, to }) => {
    let reader = true;
    to.once('error', () => {
      reader = false;
      from.resume();
    });
    from.on('data', (chunk: Buffer) => {
      // When nobody reads it any more, what COMMAND prints is still taken from it.
      if (!reader || to.write(chunk) || from.isPaused()) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
    await finished(from, { writable: false }).catch(() => undefined);
  });
  const exitCode = await lab.exitCode;
  await Promise.all(output);
  return exitCode;
}

async function shell(options: LabCommandLine, signal: AbortSignal): Promise<number> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new LabError('LAB_USAGE', 'lab shell needs a terminal; `lab run -- COMMAND` needs none.');
  }
  const size = (): TerminalSize => ({ rows: stdout.rows, columns: stdout.columns });
  const lab = await bootLab({
    ...options,
    command: ['bash', '--norc', '-i'],
    environment: {
      TERM: process.env['TERM'] ?? 'linux',
      PS1: `lab(${options.suite}):\\w# `,
      ...environmentOf(options),
    },
    terminal: size(),
    extras: await extrasOf(options, signal),
    signal,
    report,
  });
  const { terminal } = lab;
  if (terminal === undefined) throw new Error('The lab gave no terminal.');
  lab.stdout.resume();
  lab.stderr.resume();
  report(`Booting (Debian ${options.suite}, ${lab.accelerator}). Leave with "exit".`);
  await lab.started;
  stdin.setRawMode(true);
  const onResize = (): void => {
    lab.resize(size());
  };
  stdout.on('resize', onResize);
  try {
    stdin.on('data', (chunk: Buffer) => terminal.write(chunk));
    terminal.on('data', (chunk: Buffer) => stdout.write(chunk));
    return await lab.exitCode;
  } finally {
    stdout.off('resize', onResize);
    stdin.setRawMode(false);
    stdin.pause();
  }
}

async function main(): Promise<number> {
  const options = parseLabArguments(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  const interrupt = new AbortController();
  let interrupted: number | undefined;
  for (const [name, code] of [
    ['SIGINT', exitCodes.interrupted],
    ['SIGHUP', exitCodes.terminated],
    ['SIGTERM', exitCodes.terminated],
  ] as const) {
    process.on(name, () => {
      interrupted ??= code;
      interrupt.abort(new LabError('LAB_ABORTED', `Ended by ${name}.`));
    });
  }
  try {
    switch (options.action) {
      case 'setup':
        await prepareLab({
          ...options,
          extras: await extrasOf(options, interrupt.signal),
          signal: interrupt.signal,
          report,
        });
        return 0;
      case 'run':
        return await run(options, interrupt.signal);
      case 'shell':
        return await shell(options, interrupt.signal);
    }
  } catch (error) {
    if (interrupted !== undefined) {
      report('interrupted; the VM is gone.');
      return interrupted;
    }
    throw error;
  }
}

// Whoever read our output may go away (`| head`); COMMAND goes on all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  console.error(`precopy lab: ${error.message}`);
  if (error.code === 'LAB_USAGE') {
    console.error('`precopy lab help` explains the options.');
    process.exitCode = exitCodes.usage;
  } else {
    process.exitCode = error.code === 'LAB_TIMEOUT' ? exitCodes.timeout : exitCodes.lab;
  }
}
