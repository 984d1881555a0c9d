/**
 * One controller for each domain: a pid file named by the domain's UUID, which nobody can choose to be
 * a path or an option as they can its name.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFolder } from '../folders.js';
import { identityOf, isAlive, type ProcessIdentity } from '../process-identity.js';

/** Held while a controller runs. */
export class Instance implements Disposable {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * @returns undefined if another one is attached to this domain
   * @throws an error of fs if the folder can't be written to
   */
  static claim(uuid: string, folder = runFolder()): Instance | undefined {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const file = fileOf(uuid, folder);
    const self = identityOf(process.pid);
    for (;;) {
      try {
        writeFileSync(file, `${JSON.stringify(self)}\n`, { flag: 'wx' });
        return new Instance(file);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      if (attachedTo(uuid, folder) !== undefined) return undefined;
      rmSync(file, { force: true });
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#file, { force: true });
  }
}

/** The controller of this domain, if one runs. */
export function attachedTo(uuid: string, folder = runFolder()): ProcessIdentity | undefined {
  let owner: Partial<ProcessIdentity>;
  try {
    owner = JSON.parse(readFileSync(fileOf(uuid, folder), 'utf8')) as Partial<ProcessIdentity>;
  } catch {
    return undefined;
  }
  const { pid, startTicks } = owner;
  if (typeof pid !== 'number' || typeof startTicks !== 'string') return undefined;
  return isAlive({ pid, startTicks }) ? { pid, startTicks } : undefined;
}

function fileOf(uuid: string, folder: string): string {
  return join(folder, `attach-${uuid}.pid`);
}
