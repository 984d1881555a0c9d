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

/** What a report passes or fails by. A figure that is not known fails its threshold. */
export function checksOf(run: Run, thresholds: Thresholds): Check[] {
  const { result, verify } = run;
  const checks: Check[] = [
    {
      name: 'the migration completed',
      ok: result?.outcome === 'completed',
      detail:
        run.failure ??
        (result === undefined
          ? 'the journal has no result: precopy was killed, or the migration still runs'
          : result.outcome),
      ms: result?.totalMs,
    },
  ];
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

function limitCheck(what: string, ms: number | undefined, limitMs: number): Check {
  return {
    name: `${what} takes at most ${formatMs(limitMs)}`,
    ok: ms !== undefined && ms <= limitMs,
    detail: ms === undefined ? 'it is not known' : `it took ${formatMs(ms)}`,
    ms,
  };
}
