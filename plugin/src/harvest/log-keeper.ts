/**
 * A process that ends device logs of a QEMU should we be killed: with a log on that is not its own, that QEMU
 * could not migrate. It lives as long as we hold its stdin open.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PrecopyError } from '../errors.js';
import { LogRecord } from './state-file.js';

/** What it is told when nothing is left to be done. */
export const keeperDone = 'done\n';
/** What it says when it holds the devices. */
export const keeperReady = 'ready\n';

const keeperProgram = fileURLToPath(new URL('./log-keeper-main.js', import.meta.url));

export class LogKeeper {
  readonly #child: ReturnType<typeof spawnKeeper>;
  readonly #record: LogRecord;

  private constructor(child: ReturnType<typeof spawnKeeper>, record: LogRecord) {
    this.#child = child;
    this.#record = record;
  }

  /**
   * @param pid of the QEMU
   * @param fds its devices, as its own numbers
   * @returns when it has duplicates of all of them; no log may be started before
   * @throws PrecopyError NO_ACCESS if it can't
   */
  static async start(pid: number, fds: readonly number[]): Promise<LogKeeper> {
    const record = LogRecord.of(pid);
    record.write(fds);
    const child = spawnKeeper([record.file, String(pid), ...fds.map(String)]);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    // It may be gone when it is told to go.
    child.stdin.on('error', () => undefined);
    const ended = once(child, 'close').then(() => 'ended' as const);
    const first = once(child.stdout, 'data').then(([data]) => String(data));
    if ((await Promise.race([first, ended])) === keeperReady) return new LogKeeper(child, record);
    record.remove();
    throw new PrecopyError(
      'NO_ACCESS',
      `The process that would end the device logs if precopy were killed can't hold them: ${said.trim()}`,
      'Run precopy as root or with CAP_SYS_PTRACE beside that QEMU.',
    );
  }

  /** Lets it go; it ends the logs that are on. */
  async end(state: 'logs are off' | 'logs are on'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      if (state === 'logs are off') this.#record.remove();
      return;
    }
    const ended = once(this.#child, 'close');
    this.#child.stdin.end(state === 'logs are off' ? keeperDone : '');
    await ended;
  }
}

function spawnKeeper(args: readonly string[]) {
  return spawn(process.execPath, [keeperProgram, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C is for us.
    detached: true,
  });
}
