import {
  simulatePrecopy,
  type DirtySource,
  type ModelCosts,
  type ModelResult,
} from '../qemu-model.js';
import { seededRandom, type Random } from '../random.js';
import type { ForecastInput, Samples, UncertainCurve } from './types.js';

/**
 * Passes without any progress after which a simulated migration is taken never to end. Chance makes
 * one window differ from the next; what has not happened in so many will take its time.
 */
const giveUpAfterPasses = 30;

/** The same for a remedy: it must work soon. */
const notSoonPasses = 10;
/** Where none of so many converges, more would not say more. */
const enoughFailures = 16;

/**
 * Simulates migrations that differ in what is uncertain: the curves, the link, the costs, chance. Fewer
 * than `samples` if none of the first ones converges.
 */
export function simulateMany(input: ForecastInput, samples = input.samples ?? 64): Samples {
  const random = seededRandom(input.seed ?? 1);
  const results: ModelResult[] = [];
  let converged = 0;
  while (results.length < samples && (converged > 0 || results.length < enoughFailures)) {
    const result = simulateOne(input, random, giveUpAfterPasses);
    results.push(result);
    if (result.converged) converged++;
  }
  return results;
}

/**
 * Whether at least `share` of so many simulated migrations converge, and soon. Looks at no more than
 * decide it: one that does not converge is simulated for long.
 */
export function mostConverge(input: ForecastInput, samples: number, share: number): boolean {
  const random = seededRandom(input.seed ?? 1);
  let mayFail = samples - Math.ceil(share * samples);
  for (let sample = 0; sample < samples; sample++) {
    if (!simulateOne(input, random, notSoonPasses).converged && --mayFail < 0) return false;
  }
  return true;
}

function simulateOne(input: ForecastInput, random: Random, giveUpAfterPasses: number): ModelResult {
  const { guest, link, linkDeviation = 0 } = input;
  const linkFactor = positiveFactor(random, linkDeviation);
  // What a run draws must not depend on how many synchronisations the run before it had.
  const chance = seededRandom(Math.floor(random.uniform() * 2 ** 32));
  const model = {
    ...input,
    guest: { ...guest, sources: guest.sources.map((source) => drawn(source, random)) },
    link: {
      bytesPerSecond: link.bytesPerSecond * linkFactor,
      channelBytesPerSecond: link.channelBytesPerSecond * linkFactor,
      ...(link.switchoverBytesPerSecond === undefined
        ? {}
        : { switchoverBytesPerSecond: link.switchoverBytesPerSecond * linkFactor }),
    },
    costs: drawnCosts(input, random),
    // A policy may have patience.
    giveUpAfterPasses: input.policy ? undefined : giveUpAfterPasses,
    chance: (windowMs: number) => 1 + chance.normal() * spreadOf(guest.sources, windowMs),
  };
  return simulatePrecopy(model, { policy: input.policy?.(), tickMs: input.tickMs });
}

/** A source whose curve is off by one draw from its own uncertainty, the same at all lengths. */
function drawn(source: DirtySource, random: Random): DirtySource {
  const curve: UncertainCurve = source.curve;
  const z = random.normal();
  return {
    ...source,
    curve: {
      pagesIn: (ms) => curve.pagesIn(ms) * Math.max(0, 1 + z * (curve.uncertainty?.(ms) ?? 0)),
    },
  };
}

/** Spread of all sources together; they are taken to vary independently. */
function spreadOf(sources: readonly DirtySource[], windowMs: number): number {
  let pages = 0;
  let variance = 0;
  for (const { curve } of sources as readonly { readonly curve: UncertainCurve }[]) {
    const expected = curve.pagesIn(windowMs);
    pages += expected;
    variance += (expected * (curve.spread?.(windowMs) ?? 0)) ** 2;
  }
  return pages === 0 ? 0 : Math.sqrt(variance) / pages;
}

function drawnCosts(
  { costs, costDeviation = 0, zeroPageDeviation = 0 }: ForecastInput,
  random: Random,
): ModelCosts {
  const factor = positiveFactor(random, costDeviation);
  return {
    ...costs,
    setupMs: costs.setupMs * factor,
    syncMs: costs.syncMs * factor,
    stopMs: costs.stopMs * factor,
    saveMs: costs.saveMs * factor,
    loadMs: costs.loadMs * factor,
    completeMs: costs.completeMs * factor,
    zeroPagesPerSecond: costs.zeroPagesPerSecond * positiveFactor(random, zeroPageDeviation),
  };
}

/** Log-normal with median 1, so that it can't be negative. */
function positiveFactor(random: Random, deviation: number): number {
  return Math.exp(random.normal() * deviation);
}
