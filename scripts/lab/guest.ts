/**
 * Starts QEMUs for tests, the demo and benches: a source and a destination of the same shape, with
 * QMP sockets in a folder of their own. Works on the host and inside the lab's VM.
 */
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildWorkloadSector } from './build-workload.js';
import { workloadImage, type WorkloadParameters } from './workload.js';

export interface GuestOptions {
  /** RAM of the guest, MiB. Default 128. */
  memoryMiB?: number;
  /**
   * RAM in a memfd, in pages of 4 KiB. Else it is private anonymous memory: in huge pages, of which soft-dirty
   * sees only wholes.
   */
  sharedRam?: boolean;
  /** What the guest's CPU dirties; without it the guest idles in its firmware. */
  workload?: WorkloadParameters | undefined;
  /** More arguments for QEMU, e.g. `-device vfio-pci,...`. */
  args?: readonly string[];
  /** The QEMU to run. Default `qemu-system-x86_64`. */
  qemu?: string;
  /** What starts the QEMU, such as `['chrt', '--rr', '1']`; must exec it. */
  launcher?: readonly string[];
  /** Where its sockets are; made, and removed at the end. Default: a new folder in the temporary one. */
  folder?: string;
  /** Waits for a migration (`-incoming defer`). */
  incoming?: boolean;
}

/** QEMUs that must not outlive this process, however it ends. */
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A running QEMU, ended when disposed of. */
export class Guest implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The address of its monitor for `--qmp`. */
  readonly qmp: string;
  readonly #folder: string;
  readonly #printed: Buffer[] = [];

  private constructor(
    process: ChildProcessByStdio<null, Readable, Readable>,
    pid: number,
    folder: string,
  ) {
    this.process = process;
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('data', (data: Buffer) => this.#printed.push(data));
    }
    this.pid = pid;
    this.qmp = `unix:${join(folder, 'qmp')}`;
    this.#folder = folder;
  }

  /** A second monitor of the same QEMU, so that a test can look while precopy holds the first. */
  get secondQmp(): string {
    return `unix:${join(this.#folder, 'qmp2')}`;
  }

  /** What the guest wrote to its debug console (port 0xe9) so far. */
  get console(): string {
    const file = join(this.#folder, 'debugcon');
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  }

  /** @throws Error if QEMU ends at once, with what it printed */
  static async start(options: GuestOptions): Promise<Guest> {
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'precopy-guest-'));
    mkdirSync(folder, { recursive: true });
    const memoryMiB = options.memoryMiB ?? 128;
    const args = [
      ...['-machine', 'q35', '-accel', 'tcg', '-m', String(memoryMiB)],
      ...(options.sharedRam === true ? ramInMemfd(memoryMiB) : []),
      ...['-nodefaults', '-display', 'none', '-serial', 'none'],
      ...['-qmp', `unix:${join(folder, 'qmp')},server=on,wait=off`],
      ...['-qmp', `unix:${join(folder, 'qmp2')},server=on,wait=off`],
      ...['-debugcon', `file:${join(folder, 'debugcon')}`],
      ...(options.workload === undefined ? [] : workloadDrive(options.workload, folder)),
      ...(options.incoming === true ? ['-incoming', 'defer'] : []),
      ...(options.args ?? []),
    ];
    const qemu = options.qemu ?? 'qemu-system-x86_64';
    const [program = qemu, ...argv] = [...(options.launcher ?? []), qemu, ...args];
    const child = spawn(program, argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await Promise.race([
      once(child, 'spawn'),
      once(child, 'error').then(([error]) => Promise.reject(error as Error)),
    ]);
    const guest = new Guest(child, child.pid ?? -1, folder);
    alive.add(child);
    child.once('exit', () => alive.delete(child));
    while (!existsSync(join(folder, 'qmp2'))) {
      if (guest.#hasEnded) {
        rmSync(folder, { recursive: true, force: true });
        throw guest.#endedError();
      }
      await sleep(10);
    }
    return guest;
  }

  get #hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  #endedError(): Error {
    return new Error(`QEMU ended: ${Buffer.concat(this.#printed).toString()}`);
  }

  /**
   * Waits until its workload runs: after some seconds of firmware, more under nested TCG.
   *
   * @throws Error if QEMU ends before, with what it printed; the signal's reason
   */
  async workloadRuns(signal: AbortSignal = AbortSignal.timeout(60_000)): Promise<void> {
    while (!this.console.endsWith('R')) {
      if (this.#hasEnded) throw this.#endedError();
      await sleep(50, undefined, { signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) {
      const exit = once(this.process, 'exit');
      this.process.kill('SIGKILL');
      await exit;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function ramInMemfd(memoryMiB: number): string[] {
  return [
    ...['-object', `memory-backend-memfd,id=ram,size=${memoryMiB}M,share=on`],
    ...['-machine', 'memory-backend=ram'],
  ];
}

/** Read-only, so that the two sides of a migration may have the same one. */
function workloadDrive(workload: WorkloadParameters, folder: string): string[] {
  const image = join(folder, 'workload.img');
  writeFileSync(image, workloadImage(workload, buildWorkloadSector()));
  return ['-drive', `file=${image},format=raw,if=floppy,readonly=on`];
}

/** Starts a source and a destination that waits for it, of the same shape. */
export async function startPair(
  options: GuestOptions & { sourceArgs?: readonly string[]; destinationArgs?: readonly string[] },
): Promise<{ source: Guest; destination: Guest } & AsyncDisposable> {
  const { sourceArgs = [], destinationArgs = [], args = [], folder, ...shape } = options;
  const folderOf = (name: string): { folder?: string } =>
    folder === undefined ? {} : { folder: join(folder, name) };
  const source = await Guest.start({
    ...shape,
    ...folderOf('source'),
    args: [...args, ...sourceArgs],
  });
  try {
    const destination = await Guest.start({
      ...shape,
      ...folderOf('destination'),
      args: [...args, ...destinationArgs],
      incoming: true,
    });
    return {
      source,
      destination,
      async [Symbol.asyncDispose]() {
        await Promise.all([source[Symbol.asyncDispose](), destination[Symbol.asyncDispose]()]);
      },
    };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}
