/** From harvests to what a forecast needs. */
import type { CurveBuilder, WorkloadPhase } from './curve.js';
import type { DirtyCurve } from './dirty.js';
import type { Forecast } from './forecast.js';
import type { DirtySource, ModelGuest } from './qemu-model.js';

/** What harvests say of a guest. */
export interface Rehearsed {
  readonly sources: ModelGuest['sources'];
  readonly warnings: readonly string[];
}

/** What the length of a migration's passes, and so of the windows that a forecast looks at, depends on. */
export interface PassLengths {
  readonly firstRoundMs: number;
  /** That the link takes: each later pass sends what was dirtied in the one before. */
  readonly pagesPerSecond: number;
}

/** Windows longer than this many times what was measured are mostly guesses. */
const farBeyond = 4;
/** A migration whose passes still grow after so many grows no more, or never converges. */
const growingPasses = 30;
/** Sources that write the same pages make their sum too large; below this it does not matter. */
const overlapToTell = 1.05;

/**
 * The sources for a forecast from harvests.
 *
 * @param kinds of each source; one that is not named is a device
 * @param passes of the migration to forecast; undefined where no warning is wanted
 * @param within only harvests of this time count, such as those of a phase; default: all
 */
export function rehearsed(
  builder: CurveBuilder,
  kinds: ReadonlyMap<string, DirtySource['kind']>,
  passes: PassLengths | undefined,
  within: Partial<Pick<WorkloadPhase, 'startMs' | 'endMs'>> = {},
): Rehearsed {
  const warnings: string[] = [];
  const { startMs, endMs } = within;
  const sources = builder.sources.flatMap((name): DirtySource[] => {
    const curve = builder.curve({ source: name, startMs, endMs });
    return curve ? [{ name, kind: kinds.get(name) ?? 'device', curve }] : [];
  });
  const together = builder.curve({ startMs, endMs });
  if (together && passes) {
    warnings.push(...extrapolationWarnings(together, together.knownToMs, passes));
  }
  if (together && sources.length > 1) {
    const ms = together.knownToMs;
    const sum = sources.reduce((pages, { curve }) => pages + curve.pagesIn(ms), 0);
    if (sum > overlapToTell * together.pagesIn(ms)) {
      warnings.push(
        `Sources dirty some of the same pages, which the forecast counts twice: ` +
          `${sum.toFixed(0)} instead of ${together.pagesIn(ms).toFixed(0)} pages in ${ms.toFixed(0)} ms.`,
      );
    }
  }
  if (builder.sampledPages > 1) {
    warnings.push(
      `To save memory, one of ${builder.sampledPages} stretches of 32 pages was looked at.`,
    );
  }
  return { sources, warnings };
}

/**
 * Says where a forecast looks far beyond the longest window that was watched.
 *
 * @param together of all sources
 */
export function extrapolationWarnings(
  together: DirtyCurve,
  knownToMs: number,
  passes: PassLengths,
): string[] {
  const longestMs = longestPassMs(together, passes);
  if (longestMs <= farBeyond * knownToMs) return [];
  return [
    `Windows of up to ${longestMs.toFixed(0)} ms count, and the longest that was watched has ` +
      `${knownToMs.toFixed(0)} ms: beyond it the curve is extrapolated. Rehearse longer (--duration).`,
  ];
}

/** Passes get shorter from the first on, or longer until they send as much as is dirtied meanwhile. */
function longestPassMs(curve: DirtyCurve, { firstRoundMs, pagesPerSecond }: PassLengths): number {
  let longestMs = firstRoundMs;
  for (let pass = 0; pass < growingPasses; pass++) {
    const nextMs = (1000 * curve.pagesIn(longestMs)) / pagesPerSecond;
    if (nextMs <= longestMs) break;
    longestMs = nextMs;
  }
  return longestMs;
}

/** Which of several outcomes is the hardest for a migration; of equals the last. */
export function worstOf(outcomes: readonly Forecast[]): number {
  return outcomes.reduce(
    (worst, outcome, i) => (compare(outcome, outcomes[worst] ?? outcome) >= 0 ? i : worst),
    0,
  );
}

/** Above 0 where `one` is worse. Downtimes of what converges lie below the limit, and say little. */
function compare(one: Forecast, other: Forecast): number {
  return (
    other.convergedShare - one.convergedShare || (one.totalMs?.p50 ?? 0) - (other.totalMs?.p50 ?? 0)
  );
}
