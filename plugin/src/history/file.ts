/** The file in which history is kept: appended to, bounded, read leniently. */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { historyEntry, type HistoryEntry } from './entries.js';

/** `${XDG_STATE_HOME:-~/.local/state}/precopy/history.jsonl`. */
export function historyPath(): string {
  const state = process.env['XDG_STATE_HOME'];
  // The XDG specification says to ignore a path that is not absolute.
  const folder = state?.startsWith('/') === true ? state : join(homedir(), '.local/state');
  return join(folder, 'precopy/history.jsonl');
}

/** Beyond this size the older half is dropped. */
const mostBytes = 2 ** 20;

export class HistoryFile {
  readonly path: string;

  constructor(path = historyPath()) {
    this.path = path;
  }

  /** All entries that are understood, oldest first; none if there is no file, or it can't be read. */
  read(): HistoryEntry[] {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch {
      return [];
    }
    return text.split('\n').flatMap((line) => {
      const entry = historyEntry.safeParse(parsed(line));
      return entry.success ? [entry.data] : [];
    });
  }

  /** @throws Error of the file system */
  append(entry: HistoryEntry): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const file = openSync(this.path, 'a+', 0o600);
    try {
      // One write with O_APPEND: lines of several processes do not mix.
      writeSync(file, `${endsInLine(file) ? '' : '\n'}${JSON.stringify(entry)}\n`);
    } finally {
      closeSync(file);
    }
    if (statSync(this.path).size > mostBytes) this.#shorten();
  }

  /** An entry that another process appends at this very moment may be lost; the file stays whole. */
  #shorten(): void {
    const lines = readFileSync(this.path, 'utf8').split('\n');
    const kept = lines.slice(Math.ceil(lines.length / 2));
    const temporary = `${this.path}.${process.pid}`;
    writeFileSync(temporary, kept.join('\n'), { mode: 0o600 });
    renameSync(temporary, this.path);
  }
}

/** A line that a crash tore must not take the next one with it. */
function endsInLine(file: number): boolean {
  const { size } = fstatSync(file);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last.toString() === '\n';
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
