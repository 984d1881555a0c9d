import { formatMs } from '../format.js';
import type { Run } from './run.js';

/** What a run is held to; ms. */
export interface Thresholds {
  readonly maxDowntimeMs?: number | undefined;
  readonly maxTotalMs?: number | undefined;
}

/** One thing that held or did not: a test case of JUnit, a line of TAP. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** How long what is checked took, where that is what is checked. */
  readonly ms: number | undefined;
}

/** Commands that have no migration of theirs, which could complete. */
const movesNothing: ReadonlySet<string> = new Set(['watch', 'rehearse']);

/** What a report passes or fails by; nothing, of a run that only watched. A figure that is not known fails its threshold. */
export function checksOf(run: Run, thresholds: Thresholds): Check[] {
  const { result, verify } = run;
  const checks: Check[] = movesNothing.has(run.command) ? [] : [completionCheck(run)];
  if (verify) {
    checks.push({
      name: "the destination's RAM is the source's",
      ok: verify.differingPages === 0,
      detail: `${verify.differingPages} pages differ`,
      ms: undefined,
    });
  }
  const { maxDowntimeMs, maxTotalMs } = thresholds;
  if (maxDowntimeMs !== undefined) {
    checks.push(limitCheck('the downtime', result?.downtime?.ms, maxDowntimeMs));
  }
  if (maxTotalMs !== undefined) {
    checks.push(limitCheck('the whole migration', result?.totalMs, maxTotalMs));
  }
  return checks;
}

function completionCheck(run: Run): Check {
  const { result, failure } = run;
  return {
    name: 'the migration completed',
    ok: result?.outcome === 'completed',
    detail: failure ?? result?.outcome ?? whyNoResult(run),
    ms: result?.totalMs,
  };
}

function whyNoResult({ startedAt, hasEnd, phases }: Run): string {
  if (startedAt === undefined) return 'nothing was recorded: precopy ended before it began';
  if (!hasEnd) {
    return 'the journal has no result: precopy was killed or lost sight of it, or the migration still runs';
  }
  return phases.length === 0
    ? 'precopy ended before it started a migration'
    : 'the journal has no result, though precopy ended in order';
}

function limitCheck(what: string, ms: number | undefined, limitMs: number): Check {
  return {
    name: `${what} takes at most ${formatMs(limitMs)}`,
    ok: ms !== undefined && ms <= limitMs,
    detail: ms === undefined ? 'it is not known' : `it took ${formatMs(ms)}`,
    ms,
  };
}
