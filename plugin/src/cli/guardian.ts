/**
 * If precopy is killed, somebody must bring its migration to an end: a held guest would be held for
 * ever, and one that is verified would stand still at a destination that nobody starts. That is the
 * guardian: a process of its own session that gets the records through a pipe, and keeps what follows from
 * them. When the pipe ends without the word that all is done, it takes the migration up.
 */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { Journal } from '../journal/journal.js';
import { toJson } from '../journal/json.js';
import { LineSplitter } from '../journal/lines.js';
import { newNotes, RecordParser } from '../journal/read.js';
import type { RecordOf } from '../journal/records.js';
import { matters, RunSoFar } from '../sequence/unfinished.js';
import { flagsOf } from './migrate-flags.js';
import { takeUp } from './migration-run.js';
import { describeError } from './output.js';

/** The last line: the run ended in order. */
const done = 'done';
/** The kernel frees a dead process's lock and its monitors while it ends. */
const lockAttempts = 50;

/** The guardian of this process. Dispose of it when the run has ended in order. */
export class Guardian implements Disposable {
  readonly #pipe: Writable;

  constructor() {
    const child = spawn(process.execPath, [process.argv[1] ?? '', 'guardian'], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#pipe = child.stdin;
    // Without a guardian the migration runs as well.
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    child.unref();
  }

  /** To be called before the first record. */
  follow(journal: Journal): void {
    journal.subscribe((record) => {
      if (matters(record)) this.#pipe.write(`${toJson(record)}\n`);
    });
  }

  /** The run ends without an end of its migration: that is the guardian's now. */
  handOver(): void {
    this.#pipe.end();
  }

  [Symbol.dispose](): void {
    if (!this.#pipe.writableEnded) this.#pipe.end(`${done}\n`);
  }
}

export function guardianCommand(): Command {
  return new Command('guardian')
    .description('takes up the migration of a precopy that was killed; started by precopy itself')
    .action(async () => {
      const left = await whatIsLeft();
      if (left) await takeOver(left);
    });
}

interface Left {
  readonly start: RecordOf<'start'>;
  readonly soFar: RunSoFar;
}

/** @returns undefined if all is done, or nothing was begun */
async function whatIsLeft(): Promise<Left | undefined> {
  const parser = new RecordParser(newNotes());
  const soFar = new RunSoFar();
  const lines = new LineSplitter();
  let start: RecordOf<'start'> | undefined;
  let number = 0;
  for await (const piece of process.stdin) {
    for (const line of lines.push(piece as Buffer)) {
      if (line === done) return undefined;
      const record = parser.parse(line, 'pipe', ++number);
      if (!record) continue;
      if (record.type === 'start') start ??= record;
      soFar.take(record);
    }
  }
  return start && soFar.hasChanged ? { start, soFar } : undefined;
}

async function takeOver({ start, soFar }: Left): Promise<void> {
  const flags = flagsOf(start.command, start.arguments);
  using journal = await goOnWith(flags.journal);
  soFar.follow(journal);
  journal.start('guardian', flags);
  try {
    await takeUp(flags, journal, soFar, new AbortController().signal);
  } catch (error) {
    journal.append({ type: 'warning', message: describeError(error) });
    if (soFar.isUnfinished) journal.leave();
    process.exitCode = 1;
  }
}

async function goOnWith(path: string | undefined): Promise<Journal> {
  if (path === undefined) return new Journal();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return Journal.resume(path);
    } catch {
      // A journal that can't be gone on with must not leave the guest without help.
      if (attempt === lockAttempts) return new Journal();
      await sleep(20);
    }
  }
}
