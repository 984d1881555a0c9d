/**
 * Remembers what we change at a QEMU, so that after a SIGKILL the next run can undo it: dirty tracking that
 * is on, and the migration capability `events`. One small file for each QEMU, named by its pid and start
 * time (a pid alone is recycled), written before the first change and removed after all is undone.
 *
 * Logs of devices have a file of their own, as the process that ends them should we die removes it
 * ({@link LogKeeper}): a log that is on afterwards is somebody else's, and must not be ended.
 */
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { PrecopyError, messageOf } from '../errors.js';
import { identityOf, isAlive, type ProcessIdentity } from '../process-identity.js';

export { identityOf, type ProcessIdentity };

/** How it was before we changed it. */
export interface FoundState {
  /** The capability `events` was off. */
  readonly eventsWereOff: boolean;
}

const state = z.object({
  owner: z.object({ pid: z.number(), startTicks: z.string() }),
  eventsWereOff: z.boolean(),
});

const logs = z.object({ devices: z.array(z.number()) });

/** Where state files are unless told otherwise: a folder of this user's, gone after a reboot. */
export function stateFolder(): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const candidates = [...(runtime === undefined ? [] : [runtime]), `/run/user/${uid}`];
  const parent = candidates.find((folder) => isOurs(folder, uid));
  return parent === undefined ? join(tmpdir(), `precopy-${uid}`) : join(parent, 'precopy');
}

export class TrackingState {
  readonly #file: string;
  #written = false;

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Looks for what an earlier run left on this QEMU, and undoes it.
   *
   * @param undo called if an earlier run was killed. It may throw, and the file is kept then
   * @throws PrecopyError NOT_SUPPORTED if a precopy that still runs watches this QEMU; NO_ACCESS if the
   *   folder can't be used
   */
  static async claim(
    qemu: ProcessIdentity,
    undo: (found: FoundState) => Promise<void>,
    folder = stateFolder(),
  ): Promise<{ state: TrackingState; cleanedUp: boolean }> {
    prepare(folder);
    removeStale(folder);
    const file = join(folder, nameOf(qemu, 'tracking'));
    const left = readState(file);
    if (left !== undefined && isAlive(left.owner)) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `Another precopy (pid ${left.owner.pid}) watches this QEMU (pid ${qemu.pid}), and only one can at a time.`,
        'Wait until it has ended.',
      );
    }
    if (left !== undefined) {
      await undo(left);
      rmSync(file, { force: true });
    }
    return { state: new TrackingState(file), cleanedUp: left !== undefined };
  }

  /** Whether a run that was killed left something on this QEMU. */
  static wasLeftOn(qemu: ProcessIdentity, folder = stateFolder()): boolean {
    const left = readState(join(folder, nameOf(qemu, 'tracking')));
    return left !== undefined && !isAlive(left.owner);
  }

  /**
   * Call before anything is changed.
   *
   * @throws PrecopyError NO_ACCESS
   */
  write(found: FoundState): void {
    const owner = identityOf(process.pid);
    try {
      // Not over an existing one: two that claimed at the same time must not both go on.
      const text = JSON.stringify({ owner, ...found });
      writeFileSync(this.#file, text, { flag: 'wx', mode: 0o600 });
      this.#written = true;
    } catch (cause) {
      throw unusable(this.#file, cause);
    }
  }

  /** Call where something may be on still: the next run undoes it, as that of a run that was killed. */
  leave(): void {
    const left = this.#written ? readState(this.#file) : undefined;
    if (left === undefined) return;
    writeFileSync(this.#file, JSON.stringify({ ...left, owner: nobody }), { mode: 0o600 });
  }

  /** Call when all is undone. */
  remove(): void {
    if (!this.#written) return;
    this.#written = false;
    rmSync(this.#file, { force: true });
  }
}

/** Which logs of a QEMU's devices may be on, and ours; beside the state file, once that is claimed. */
export class LogRecord {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** @throws PrecopyError NO_ACCESS if that QEMU has ended */
  static of(pid: number, folder = stateFolder()): LogRecord {
    return new LogRecord(join(folder, nameOf(livingIdentityOf(pid), 'logs')));
  }

  /**
   * Call before a log is started.
   *
   * @param devices fds in QEMU, where a device keeps its own as long as it is there
   * @throws PrecopyError NO_ACCESS
   */
  write(devices: readonly number[]): void {
    try {
      writeFileSync(this.file, JSON.stringify({ devices }), { mode: 0o600 });
    } catch (cause) {
      throw unusable(this.file, cause);
    }
  }

  /** What was written last and not removed. One that was cut off by a crash is of logs not yet started. */
  read(): readonly number[] {
    try {
      return logs.parse(JSON.parse(readFileSync(this.file, 'utf8'))).devices;
    } catch {
      return [];
    }
  }

  /** Call when the logs are off. */
  remove(): void {
    rmSync(this.file, { force: true });
  }
}

/** @throws PrecopyError NO_ACCESS if that QEMU has ended */
export function livingIdentityOf(pid: number): ProcessIdentity {
  const identity = identityOf(pid);
  if (identity !== undefined) return identity;
  throw new PrecopyError('NO_ACCESS', `QEMU (pid ${pid}) has ended.`, 'Start it again.');
}

function nameOf({ pid, startTicks }: ProcessIdentity, what: 'tracking' | 'logs'): string {
  return `${what}-${pid}-${startTicks}.json`;
}

function isOurs(folder: string, uid: number): boolean {
  try {
    const stat = lstatSync(folder);
    return stat.isDirectory() && stat.uid === uid && (stat.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

function prepare(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw unusable(folder, cause);
  }
  // In a folder that others can write to, somebody else may have made it first.
  if (!isOurs(folder, process.getuid?.() ?? 0)) {
    throw unusable(folder, new Error('it belongs to somebody else, or others may write to it'));
  }
}

function unusable(path: string, cause: unknown): PrecopyError {
  return new PrecopyError(
    'NO_ACCESS',
    `${path} can't be used to remember that dirty tracking is on: ${messageOf(cause)}.`,
    'Name a folder of your own in XDG_RUNTIME_DIR.',
    { cause },
  );
}

/** Files of QEMUs that have ended: their tracking ended with them. */
function removeStale(folder: string): void {
  for (const name of readdirSync(folder)) {
    const match = /^(?:tracking|logs)-(\d+)-(\d+)\.json$/.exec(name);
    if (match && !isAlive({ pid: Number(match[1]), startTicks: match[2] ?? '' })) {
      rmSync(join(folder, name), { force: true });
    }
  }
}

/** No process is that. */
const nobody = { pid: 0, startTicks: '' };

/** Undefined if there is no file. One that was cut off by a crash has an owner that is dead. */
function readState(file: string): z.output<typeof state> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return state.parse(JSON.parse(text));
  } catch {
    return { owner: nobody, eventsWereOff: false };
  }
}
