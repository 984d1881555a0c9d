/**
 * One boot of a lab VM that runs one command: starts QEMU, streams the command's output, gets its
 * exit code, and leaves neither process nor file behind (but the console log), however it ends.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { open, readFile, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex, Readable } from 'node:stream';
import { repositoryRoot } from '../repository.js';
import { cpioArchive, type CpioEntry } from './cpio.js';
import { LabError } from './errors.js';
import { dyingWithParent, requireProgram } from './process.js';
import { guestAddress, qemuArguments, shareTag, type Forward, type Share } from './qemu-command.js';
import { shellQuote } from './shell-quote.js';

export interface VmOptions {
  readonly accelerator: 'tcg' | 'kvm';
  readonly kernel: string;
  /** Base initramfs of the image; this boot's part is appended to it. */
  readonly initramfs: string;
  readonly root: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly shares: readonly Share[];
  readonly forwards: readonly Forward[];
  /** Folders in L1 whose `usr` is laid over its own. */
  readonly layers: readonly string[];
  /** Modules to load by name, as far as the kernel has them. */
  readonly modules: readonly string[];
  /** Files put below /lab in L1; the ones named `*.ko` are loaded as modules. */
  readonly files: readonly { readonly name: string; readonly data: Buffer }[];
  /** Links put below /lab in L1. */
  readonly links: readonly { readonly name: string; readonly target: string }[];
  readonly command: readonly string[];
  readonly workingFolder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Gives the command a terminal of this size in place of stdout and stderr. */
  readonly terminal?: TerminalSize | undefined;
  readonly consoleLog: string;
  /** Command and arguments that start QEMU in place of us. */
  readonly launcher?: readonly string[] | undefined;
  /** From power-on to the start of the command. */
  readonly bootLimitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface Vm {
  /** The command's output. Must be read: a full stream stalls the command. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The command's terminal, if it has one. */
  readonly terminal: Duplex | undefined;
  /** Resolves when L1 starts the command. Rejects as `exitCode` does. */
  readonly started: Promise<void>;
  /**
   * The command's exit code (128 + number if a signal ended it), after QEMU is gone and the output
   * is complete.
   *
   * Rejects with LabError LAB_BOOT if L1 ended without it; with the signal's reason when aborted.
   */
  readonly exitCode: Promise<number>;
  resize(size: TerminalSize): void;
}

/** How long QEMU may take to end after L1 told the exit code, before it is killed. */
const powerOffMs = 5_000;

/** How much of the console log an error quotes. */
const quotedLines = 15;

export async function startVm(options: VmOptions): Promise<Vm> {
  const { signal } = options;
  signal?.throwIfAborted();
  const qemu = await requireProgram('qemu-system-x86_64');
  await requireProgram('setpriv');
  const initrd = await unnamedFile(await bootInitramfs(options));
  try {
    const terminal = options.terminal !== undefined;
    const [program = '', ...args] = dyingWithParent(
      [
        ...(options.launcher ?? []),
        qemu,
        ...qemuArguments({
          ...options,
          initrd: '/proc/self/fd/6',
          ports: { control: 3, stdout: 4, stderr: 5, terminal: terminal ? 7 : undefined },
        }),
      ],
      'KILL',
    );
    const child = spawn(program, args, {
      // A session of its own: Ctrl-C at the terminal is for us to act upon, not for QEMU.
      detached: true,
      stdio: [
        'ignore',
        'ignore',
        'pipe',
        // Node makes socket pairs of these, which QEMU takes as connected sockets.
        ...(['pipe', 'pipe', 'pipe'] as const),
        initrd.fd,
        ...(terminal ? (['pipe'] as const) : []),
      ],
    });
    return supervise(child, options);
  } finally {
    await initrd.close(); // QEMU has its own descriptor by now.
  }
}

/** The image's initramfs and, appended, this boot's scripts, command and files. */
async function bootInitramfs(options: VmOptions): Promise<Buffer> {
  const guest = join(repositoryRoot(), 'scripts/lab/guest');
  const executable = (path: string, data: Buffer): CpioEntry => ({
    path,
    kind: 'file',
    data,
    executable: true,
  });
  return Buffer.concat([
    await readFile(options.initramfs),
    cpioArchive([
      executable('init', await readFile(join(guest, 'init'))),
      { path: 'lab', kind: 'folder' },
      executable('lab/start', await readFile(join(guest, 'start'))),
      executable('lab/command', Buffer.from(commandScript(options))),
      { path: 'lab/config', kind: 'file', data: Buffer.from(configScript(options)) },
      ...options.files.map(({ name, data }): CpioEntry => ({
        path: `lab/${name}`,
        kind: 'file',
        data,
      })),
      ...options.links.flatMap(({ name, target }): CpioEntry[] => [
        ...(name.includes('/')
          ? [{ path: `lab/${name.slice(0, name.lastIndexOf('/'))}`, kind: 'folder' } as const]
          : []),
        { path: `lab/${name}`, kind: 'link', target },
      ]),
    ]),
  ]);
}

function commandScript({ workingFolder, environment, command }: VmOptions): string {
  return [
    '#!/lab/busybox sh',
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    `cd ${shellQuote(workingFolder)} || exit 126`,
    `exec ${command.map(shellQuote).join(' ')}`,
    '',
  ].join('\n');
}

function configScript(options: VmOptions): string {
  const { shares, forwards, layers, modules, files, terminal } = options;
  return [
    ...shares.map(
      ({ target, writable }, index) =>
        `share ${shareTag(index)} ${writable ? 'rw' : 'ro'} ${shellQuote(target)}`,
    ),
    ...layers.map((folder) => `layer ${shellQuote(folder)}`),
    ...(forwards.length > 0 ? [`network ${guestAddress}/24`] : []),
    ...(modules.length > 0 ? [`modules ${modules.map(shellQuote).join(' ')}`] : []),
    ...files
      .filter(({ name }) => name.endsWith('.ko'))
      .map(({ name }) => `module_file ${shellQuote(`/lab/${name}`)}`),
    `LAB_TERMINAL=${terminal ? `'rows ${terminal.rows} cols ${terminal.columns}'` : ''}`,
    '',
  ].join('\n');
}

/** A file without a name: whatever happens to us, nobody has to remove it. */
async function unnamedFile(data: Buffer): Promise<FileHandle> {
  const path = join(tmpdir(), `precopy-initrd-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    await file.write(data);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What L1 says on its control port, a line each (scripts/lab/guest/start). */
function parseControlLine(
  line: string,
): { kind: 'started' } | { kind: 'exit'; code: number } | { kind: 'failed'; text: string } {
  const exit = /^exit (\d+)$/.exec(line);
  if (exit?.[1] !== undefined) return { kind: 'exit', code: Number(exit[1]) };
  if (line === 'started') return { kind: 'started' };
  return { kind: 'failed', text: line.replace(/^failed /, '') };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Promise.withResolvers, which Node 20 does not have. */
function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

function supervise(child: ChildProcess, options: VmOptions): Vm {
  const { signal, consoleLog, bootLimitMs } = options;
  const [, , qemuErrors, control, stdout, stderr, , terminal] = child.stdio as (Duplex | null)[];
  if (!qemuErrors || !control || !stdout || !stderr) {
    throw new Error('Node gave a child fewer streams than were asked for.');
  }
  const started = deferred<undefined>();
  const ended = deferred<number>();
  // Whoever does not await one of them must not be ended by its rejection.
  started.promise.catch(() => undefined);
  ended.promise.catch(() => undefined);

  let exitCode: number | undefined;
  let failure: Error | undefined;
  let qemuSaid = '';
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  const fail = (error: Error): void => {
    failure ??= error;
    kill();
  };
  const bootTimer = setTimeout(() => {
    fail(new LabError('LAB_BOOT', `L1 did not start the command within ${bootLimitMs / 1000} s.`));
  }, bootLimitMs);
  let powerOffTimer: NodeJS.Timeout | undefined;

  const onAbort = (): void => {
    fail(signal?.reason instanceof Error ? signal.reason : new Error(String(signal?.reason)));
  };
  signal?.addEventListener('abort', onAbort);

  qemuErrors.setEncoding('utf8');
  qemuErrors.on('data', (text: string) => {
    qemuSaid = (qemuSaid + text).slice(-10_000);
    // QEMU stops the VM then and waits for a debugger.
    if (/KVM internal error|KVM: entry failed/.test(qemuSaid)) {
      fail(new LabError('LAB_BOOT', 'KVM can not run the VM.'));
    }
  });
  createInterface({ input: control }).on('line', (line) => {
    const message = parseControlLine(line);
    switch (message.kind) {
      case 'started':
        clearTimeout(bootTimer);
        started.resolve(undefined);
        break;
      case 'exit':
        exitCode = message.code;
        powerOffTimer = setTimeout(kill, powerOffMs);
        break;
      case 'failed':
        failure ??= new LabError('LAB_BOOT', `L1 could not be prepared: ${message.text}.`);
        break;
    }
  });
  for (const stream of [control, stdout, stderr, terminal]) {
    // A killed QEMU may reset the sockets; what counts is said by the exit code.
    stream?.on('error', () => undefined);
  }

  child.once('error', (error) => {
    failure ??= new LabError('LAB_BOOT', 'QEMU could not be started.', { cause: error });
  });
  // Not `close`, which would wait for the caller to read the output to its end.
  const qemuGone = new Promise<void>((resolve) => {
    child.once('error', () => {
      resolve();
    });
    child.once('exit', () => {
      resolve();
    });
  });
  const controlEnded = new Promise<void>((resolve) => control.once('close', resolve));
  void (async () => {
    await qemuGone;
    await controlEnded;
    clearTimeout(bootTimer);
    clearTimeout(powerOffTimer);
    signal?.removeEventListener('abort', onAbort);
    if (failure === undefined && exitCode !== undefined) {
      started.resolve(undefined);
      ended.resolve(exitCode);
      return;
    }
    const error = failure ?? new LabError('LAB_BOOT', 'L1 ended before the command did.');
    if (error instanceof LabError && error.code === 'LAB_BOOT') {
      error.message += await evidence(qemuSaid, consoleLog);
    }
    started.reject(error);
    ended.reject(error);
  })();

  return {
    stdout,
    stderr,
    terminal: terminal ?? undefined,
    started: started.promise,
    exitCode: ended.promise,
    resize: ({ rows, columns }) => {
      control.write(`${rows} ${columns}\n`);
    },
  };
}

async function evidence(qemuSaid: string, consoleLog: string): Promise<string> {
  let log = '';
  try {
    log = await readFile(consoleLog, 'latin1');
  } catch {
    // QEMU ended before it made the file.
  }
  const quote = (text: string): string => {
    const lines = text.trimEnd().split(/\r?\n/);
    // A panic's first lines say what happened; the end of the log is its stack dump.
    const panic = lines.findLastIndex((line) => line.includes('Kernel panic'));
    const start = panic >= 0 ? panic : Math.max(0, lines.length - quotedLines);
    return lines
      .slice(start, start + quotedLines)
      .map((line) => `  ${line}\n`)
      .join('');
  };
  return (
    (qemuSaid.trim() === '' ? '' : `\nQEMU said:\n${quote(qemuSaid)}`) +
    (log.trim() === '' ? '' : `\nL1's console said:\n${quote(log)}`) +
    `\nThe whole console log: ${consoleLog}`
  );
}
