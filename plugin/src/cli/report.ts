import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { PrecopyError, exitCodes, messageOf, type ExitCode } from '../errors.js';
import { followJournal } from '../journal/follow.js';
import { toJson } from '../journal/json.js';
import { loadJournal, newNotes, noteLines } from '../journal/read.js';
import type { JournalRecord, RecordOf } from '../journal/records.js';
import { MigrationText } from '../report/migration.js';
import { reportFormats, reportOf, type ReportFormat } from '../report/run/index.js';
import { parseDuration } from './numbers.js';
import { interruptSignal, readerGoneSignal, reportError } from './output.js';

interface ReportFlags {
  format: ReportFormat;
  output?: string;
  maxDowntime?: number;
  maxTotal?: number;
  follow?: true;
  json?: true;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('what a journal tells: as text, JSON, JUnit, TAP or one HTML page')
    .argument('<journal>', 'the file that was given with --journal')
    .addOption(
      new Option('--format <format>', 'form of the report').choices(reportFormats).default('text'),
    )
    .option('--output <file>', 'write it there instead of to standard output')
    .option('--max-downtime <time>', 'exit 1 if the downtime was longer', parseDuration(1))
    .option('--max-total <time>', 'exit 1 if the migration took longer', parseDuration(1000))
    .option('--follow', 'show a journal that is still written, live, until it ends or at Ctrl-C')
    .option('--json', 'the same as --format json; with --follow the records, a line each')
    .action(async (journal: string, flags: ReportFlags) => {
      process.exitCode = await runReport(journal, flags);
    });
}

async function runReport(path: string, flags: ReportFlags): Promise<ExitCode> {
  try {
    if (flags.follow) return await follow(path, flags);
    const { records, notes } = await loadJournal(path);
    const { text, checks } = reportOf(
      records,
      flags.json ? 'json' : flags.format,
      { maxDowntimeMs: flags.maxDowntime, maxTotalMs: flags.maxTotal },
      noteLines(notes),
    );
    if (flags.output === undefined) process.stdout.write(text);
    else writeToOutput(flags.output, text);
    const isHeldTo = flags.maxDowntime !== undefined || flags.maxTotal !== undefined;
    return isHeldTo && checks.some(({ ok }) => !ok) ? exitCodes.failed : exitCodes.done;
  } catch (error) {
    return reportError('report', error, flags.json === true);
  }
}

/** As the run itself shows it, for any number of readers beside it. */
async function follow(path: string, flags: ReportFlags): Promise<ExitCode> {
  const { format, output, maxDowntime, maxTotal, json = false } = flags;
  if (output !== undefined || maxDowntime !== undefined || maxTotal !== undefined) {
    throw new PrecopyError(
      'USAGE',
      '--output, --max-downtime and --max-total are of a report of the whole journal, and --follow makes none.',
      'Leave them out, or leave out --follow and report once it has ended.',
    );
  }
  if (format !== 'text' && format !== 'json') {
    throw new PrecopyError('USAGE', `--follow has no format ${format}.`, 'Choose text or json.');
  }
  const asJson = json || format === 'json';
  const text = new MigrationText();
  const notes = newNotes();
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const signal = AbortSignal.any([interruptSignal(), readerGoneSignal()]);
  let watched = false;
  for await (const record of followJournal(path, signal, notes)) {
    if (record.type === 'start') watched = record.command === 'watch';
    if (asJson) print(toJson(record));
    else if (watched && record.type === 'dirty') print(dirtyLine(record));
    else text.lines(record).forEach(print);
  }
  if (!asJson) for (const note of noteLines(notes)) print(`note: ${note}`);
  return exitCodes.done;
}

function dirtyLine({ at, startMs, endMs, pages }: RecordOf<'dirty'>): string {
  const rates = Object.entries(pages).map(
    ([name, count]) => `${name} ${((1000 * count) / (endMs - startMs)).toFixed(0)} pages/s`,
  );
  return `${new Date(at).toISOString().slice(11, 19)}  ${rates.join(', ')}`;
}

/** A report to be written when a migration is over: `--report FORMAT:FILE`. */
export interface ReportOrder {
  readonly format: ReportFormat;
  readonly path: string;
}

/** For commander: each use of the option adds one. */
export function parseReportOrder(text: string, before: readonly ReportOrder[] = []): ReportOrder[] {
  const colon = text.indexOf(':');
  const format = reportFormats.find((name) => name === text.slice(0, colon));
  const path = text.slice(colon + 1);
  if (format === undefined || path === '') {
    throw new InvalidArgumentError(
      `Write it as FORMAT:FILE; FORMAT is ${reportFormats.join(', ')}.`,
    );
  }
  return [...before, { format, path }];
}

/**
 * To be called before anything is moved.
 *
 * @throws PrecopyError USAGE if a file can't be written
 */
export function checkReportPaths(orders: readonly ReportOrder[]): void {
  for (const { path } of orders) {
    try {
      // The reader of a pipe would take this for its end.
      if (statSync(path, { throwIfNoEntry: false })?.isFIFO()) continue;
      closeSync(openSync(path, 'a'));
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }
}

/**
 * @param journal of the run, if it has one
 * @throws PrecopyError NO_ACCESS if a file can't be written; the others are
 */
export function writeReports(
  orders: readonly ReportOrder[],
  records: readonly JournalRecord[],
  journal: string | undefined,
): void {
  const errors: PrecopyError[] = [];
  for (const { format, path } of orders) {
    try {
      writeFileSync(path, reportOf(records, format).text);
    } catch (cause) {
      const completed = records.some(
        (record) => record.type === 'result' && record.result.outcome === 'completed',
      );
      errors.push(
        new PrecopyError(
          'NO_ACCESS',
          `${completed ? 'The migration completed, but the' : 'The'} report ${path} can't be written: ${messageOf(cause)}.`,
          journal === undefined
            ? 'It is lost; with --journal it could be made anew.'
            : `Make it anew from the journal: precopy report ${journal} --format ${format} --output FILE.`,
          { cause },
        ),
      );
    }
  }
  if (errors[0]) throw errors[0];
}

function writeToOutput(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function unwritable(path: string, cause: unknown): PrecopyError {
  return new PrecopyError(
    'USAGE',
    `The report ${path} can't be written: ${messageOf(cause)}.`,
    'Name a file in a folder that can be written to.',
    { cause },
  );
}
