/** What a migration is told beforehand of its guest: a rehearsal that is made now, one in a file, or a controller's. */
import { standingOf, worstExpectation } from '../attach/standing.js';
import { PrecopyError } from '../errors.js';
import { readRehearsal } from '../harvest/rehearsal-file.js';
import { rehearse } from '../harvest/rehearse.js';
import { usualIntervalMs, usualOverheadPercent } from '../harvest/usual-cost.js';
import { HistoryFile } from '../history/file.js';
import { aboutOf, forecastEntryOf, remember } from '../history/recorder.js';
import { systemClock } from '../journal/clock.js';
import type { Journal } from '../journal/journal.js';
import {
  expectationOf,
  foreseenEntries,
  foreseenWarnings,
  notOfThisGuest,
  type Foreseen,
} from '../sequence/expectation.js';
import type { MigrateOptions } from '../sequence/migrate.js';
import type { QemuSide } from '../sequence/side.js';
import type { MigrateFlags } from './migrate-flags.js';
import { ProgressLine, watchingText } from './progress-line.js';

/**
 * @returns undefined where nothing is to be told
 * @throws PrecopyError USAGE if the file has no rehearsal, or both ways are asked for
 */
export function foresight(
  flags: MigrateFlags,
  side: QemuSide,
  journal: Journal,
  signal: AbortSignal,
): MigrateOptions['foresee'] {
  const { rehearse: durationMs, forecast, overhead } = flags;
  if (overhead !== undefined && durationMs === undefined) {
    throw new PrecopyError(
      'USAGE',
      '--overhead says how much a rehearsal may cost, and there is none.',
      'Give --rehearse as well, or leave it out.',
    );
  }
  if (durationMs !== undefined && forecast !== undefined) {
    throw new PrecopyError(
      'USAGE',
      '--rehearse makes a forecast, and --forecast names one.',
      'Give one of them.',
    );
  }
  const read = forecast === undefined ? undefined : readRehearsal(forecast);
  if (read === undefined && durationMs === undefined) return keptBy(side);
  return async ({ ramBytes }) => {
    const why = read && ramBytes !== undefined ? notOfThisGuest(read, ramBytes) : undefined;
    if (why !== undefined) {
      throw new PrecopyError(
        'USAGE',
        `The rehearsal in ${forecast ?? ''} is not one of this guest: ${why}.`,
        'Rehearse this guest, or leave --forecast out.',
      );
    }
    const foreseen = read ?? (await rehearseNow(flags, durationMs ?? 0, side, journal, signal));
    for (const entry of foreseenEntries(foreseen)) journal.append(entry);
    for (const message of foreseenWarnings(foreseen)) journal.append({ type: 'warning', message });
    return expectationOf(foreseen);
  };
}

/** What a controller (`precopy attach`) has rehearsed of this guest, if one is beside it. */
function keptBy({ peer }: QemuSide): MigrateOptions['foresee'] {
  const expectation = peer && worstExpectation(standingOf(peer.pid));
  return expectation && (() => Promise.resolve(expectation));
}

/** All harvesting has ended, and tracking is off, when it resolves or rejects. */
async function rehearseNow(
  { bandwidth, downtimeLimit, history, overhead }: MigrateFlags,
  durationMs: number,
  side: QemuSide,
  journal: Journal,
  signal: AbortSignal,
): Promise<Foreseen> {
  const progress = new ProgressLine(process.stderr);
  try {
    const rehearsal = await rehearse({
      ...{ side, durationMs, signal, cpu: true },
      intervalMs: usualIntervalMs,
      overheadShare: (overhead ?? usualOverheadPercent) / 100,
      bandwidthBytesPerSecond: bandwidth,
      downtimeLimitMs: downtimeLimit,
      history: history ? new HistoryFile().read() : [],
      onProgress: (now) => {
        progress.show(watchingText(now));
        const endMs = systemClock.monotonicMs();
        const pages = Object.fromEntries(now.lastPages);
        journal.append({ type: 'dirty', startMs: endMs - now.lastMs, endMs, pages });
      },
      onStage: (stage) => {
        progress.show(`${stage} ...`);
      },
    });
    if (history) remember(forecastEntryOf(rehearsal, aboutOf(side), Date.now()));
    for (const message of rehearsal.caveats) journal.append({ type: 'warning', message });
    return rehearsal;
  } finally {
    progress.clear();
  }
}
