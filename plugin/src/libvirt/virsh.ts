/**
 * libvirt through virsh, its own client: whatever transport, authentication and proxy a connection URI
 * asks for works as it does for people. One process a call, some 10 ms of CPU time.
 */
import { execFile } from 'node:child_process';
import { PrecopyError, messageOf } from '../errors.js';

/** libvirt answers at once, unless a job of its own holds the domain (up to 30 s). */
const timeoutMs = 60_000;

export class LibvirtError extends PrecopyError {
  /** There is no such domain, or it does not run (any more). */
  readonly domainIsGone: boolean;

  constructor(command: string, reason: string, cause: unknown) {
    super(
      'LIBVIRT',
      `virsh ${command}: ${reason}`,
      "These are libvirt's own words; its log (journalctl -u libvirtd) may say more.",
      { cause },
    );
    this.domainIsGone = /domain not found|failed to get domain|domain is not running/i.test(reason);
  }
}

export class Virsh {
  /** Undefined: libvirt's default. */
  readonly uri: string | undefined;

  constructor(uri: string | undefined) {
    this.uri = uri;
  }

  /**
   * @param args of virsh, beginning with its command; a domain is named by its UUID, which can't be
   *   taken for an option
   * @param limitMs Infinity: as long as it takes
   * @returns what it printed
   * @throws LibvirtError; the signal's reason; PrecopyError NOT_SUPPORTED if there is no virsh
   */
  async run(args: readonly string[], signal?: AbortSignal, limitMs = timeoutMs): Promise<string> {
    signal?.throwIfAborted();
    const connection = this.uri === undefined ? [] : ['--connect', this.uri];
    const command = args[0] ?? '';
    return await new Promise<string>((resolve, reject) => {
      execFile(
        'virsh',
        ['--quiet', ...connection, ...args],
        {
          maxBuffer: 64 * 2 ** 20,
          // Its messages are compared.
          env: { ...process.env, LC_ALL: 'C' },
          ...(signal === undefined ? {} : { signal }),
          ...(Number.isFinite(limitMs) ? { timeout: limitMs } : {}),
        },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else if (signal?.aborted === true) reject(asError(signal.reason));
          else if (error.code === 'ENOENT') reject(noVirsh(error));
          else reject(new LibvirtError(command, reasonOf(stderr, error), error));
        },
      );
    });
  }
}

function reasonOf(stderr: string, error: Error): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^error: /, '').trim());
  const said = lines.filter((line) => line !== '').join('; ');
  return said === '' ? messageOf(error) : said;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

function noVirsh(cause: unknown): PrecopyError {
  return new PrecopyError(
    'NOT_SUPPORTED',
    'libvirt is reached through virsh, which is not installed.',
    'Install it (Debian: libvirt-clients).',
    { cause },
  );
}
