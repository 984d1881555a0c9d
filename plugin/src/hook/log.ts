import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** What the hook's log has for each call. */
export interface HookLogLine {
  /** ISO 8601. */
  readonly at: string;
  readonly argv: readonly string[];
  readonly note: string;
  readonly refusal?: string | undefined;
  /** From the first line of our own code to this one; the start of Node is not in it. */
  readonly ownMs: number;
}

/** A log that can't be written is no reason to trouble libvirt. */
export function writeLog(folder: string, line: HookLogLine): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    appendFileSync(join(folder, 'hook.log'), `${JSON.stringify(line)}\n`, { mode: 0o640 });
  } catch {
    // no log then
  }
}
