import { Command } from 'commander';
import { exitCodes, type ExitCode } from '../errors.js';
import { toJson } from '../journal/json.js';
import { loadJournal, noteLines } from '../journal/read.js';
import type { JournalRecord } from '../journal/records.js';
import { replayLines } from '../report/replay.js';
import { findPolicy } from '../sequence/policies/find.js';
import type { Policy } from '../sequence/policy.js';
import { replay } from '../sequence/replay.js';
import { reportError } from './output.js';

export function replayCommand(): Command {
  return new Command('replay')
    .description(
      'what another policy would have done with a recorded migration, through the model of QEMU',
    )
    .argument('<journal>', 'the file that was given with --journal')
    .option('--policy <policy>', 'adaptive, qemu, manual or schedule:FILE', 'adaptive')
    .option('--json', 'print both runs as JSON')
    .action(async (journal: string, flags: { policy: string; json?: true }) => {
      process.exitCode = await runReplay(journal, flags.policy, flags.json === true);
    });
}

async function runReplay(path: string, name: string, json: boolean): Promise<ExitCode> {
  try {
    const policy = findPolicy(name);
    const { records, notes } = await loadJournal(path);
    const replayed = replay(records, policy, recordedPolicy(records));
    const lines = [...replayLines(replayed), ...noteLines(notes).map((note) => `note: ${note}`)];
    process.stdout.write(`${json ? toJson(replayed) : lines.join('\n')}\n`);
    return exitCodes.done;
  } catch (error) {
    return reportError('replay', error, json);
  }
}

/** A person's decisions, and a schedule that is not here any more, can't be made again. */
function recordedPolicy(records: readonly JournalRecord[]): Policy | undefined {
  const goal = records.findLast((record) => record.type === 'goal');
  if (goal === undefined || goal.policy === 'manual') return undefined;
  // A schedule goes by the name in its file; the command line has the file's.
  const start = records.find((record) => record.type === 'start');
  const { policy: asked } = (start?.arguments ?? {}) as { policy?: unknown };
  for (const name of [goal.policy, asked]) {
    try {
      const policy = findPolicy(String(name));
      if (policy.name === goal.policy) return policy;
    } catch {
      // Not that one.
    }
  }
  return undefined;
}
