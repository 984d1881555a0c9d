import { idle } from '../dirty.js';
import type { DirtySource } from '../qemu-model.js';
import { throttledShare } from '../qemu-model/throttle.js';
import { mostConverge } from './samples.js';
import type { ForecastInput, Remedy, UncertainCurve } from './types.js';

/** A remedy must work in nine of ten simulated migrations. */
const remedySamples = 10;
const requiredShare = 0.9;
/** MAX_MIGRATE_DOWNTIME of migration/options.h: 2,000 s. */
const longestLimitMs = 2_000_000;
/** A link faster than that is no remedy. */
const fastestLink = 2 ** 40;
/** Bisection stops within 2 %. */
const closeEnough = 1.02;

/** Everything that, changed alone, would make the migration converge. */
export function findRemedies(input: ForecastInput): Remedy[] {
  const works = worksFor(input);
  return [
    ...bandwidthRemedy(input, works),
    ...limitRemedy(input),
    ...throttleRemedy(input, works),
    ...sourceRemedies(input, works),
    ...deviceRemedies(input, works),
  ];
}

type Works = (changes: Partial<ForecastInput>) => boolean;

function worksFor(input: ForecastInput): Works {
  return (changes) => mostConverge({ ...input, ...changes }, remedySamples, requiredShare);
}

function bandwidthRemedy(input: ForecastInput, works: Works): Remedy[] {
  const { parameters, link } = input;
  const capped = (bytesPerSecond: number): Partial<ForecastInput> => ({
    parameters: { ...parameters, maxBandwidthBytesPerSecond: bytesPerSecond },
  });
  const now = parameters.maxBandwidthBytesPerSecond;
  if (now > 0 && now < link.bytesPerSecond) {
    const bytesPerSecond = smallest(now, link.bytesPerSecond, (value) => works(capped(value)));
    if (bytesPerSecond !== undefined) {
      return [{ kind: 'max-bandwidth', bytesPerSecond: Math.ceil(bytesPerSecond) }];
    }
  }
  const bytesPerSecond = smallest(link.bytesPerSecond, fastestLink, (value) =>
    works({ ...capped(0), link: { bytesPerSecond: value, channelBytesPerSecond: value } }),
  );
  return bytesPerSecond === undefined
    ? []
    : [{ kind: 'link', bytesPerSecond: Math.ceil(bytesPerSecond) }];
}

function limitRemedy(input: ForecastInput): Remedy[] {
  const ms = smallestLimit(input, Math.max(1, input.parameters.downtimeLimitMs));
  return ms === undefined ? [] : [{ kind: 'downtime-limit', ms }];
}

/** The smallest downtime-limit from `leastMs` on with which it converges, ms; undefined if none does. */
export function smallestLimit(input: ForecastInput, leastMs = 1): number | undefined {
  const works = worksFor(input);
  const ms = smallest(leastMs, longestLimitMs, (value) =>
    works({ parameters: { ...input.parameters, downtimeLimitMs: Math.ceil(value) } }),
  );
  return ms === undefined ? undefined : Math.ceil(ms);
}

function throttleRemedy({ guest }: ForecastInput, works: Works): Remedy[] {
  if (!guest.sources.some(({ kind }) => kind === 'cpu')) return [];
  const throttled = (percent: number): Partial<ForecastInput> => ({
    guest: {
      ...guest,
      sources: guest.sources.map((source) => slowed(source, throttledShare(guest, percent))),
    },
  });
  const percent = smallest(1, 99, (value) => works(throttled(Math.ceil(value))));
  return percent === undefined ? [] : [{ kind: 'throttle', percent: Math.ceil(percent) }];
}

function slowed(source: DirtySource, share: number): DirtySource {
  if (source.kind !== 'cpu') return source;
  const curve: UncertainCurve = source.curve;
  const slow: UncertainCurve = {
    pagesIn: (ms) => curve.pagesIn(ms * share),
    spread: (ms) => curve.spread?.(ms * share) ?? 0,
    uncertainty: (ms) => curve.uncertainty?.(ms * share) ?? 0,
  };
  return { ...source, curve: slow };
}

function sourceRemedies({ guest }: ForecastInput, works: Works): Remedy[] {
  const without = (name: string): Partial<ForecastInput> => ({
    guest: {
      ...guest,
      sources: guest.sources.map((source) =>
        source.name === name ? { ...source, curve: idle } : source,
      ),
    },
  });
  return guest.sources
    .filter(({ kind, name }) => kind === 'device' && works(without(name)))
    .map(({ name }): Remedy => ({ kind: 'stop-source', source: name }));
}

function deviceRemedies({ guest }: ForecastInput, works: Works): Remedy[] {
  const without = (name: string): Partial<ForecastInput> => ({
    guest: { ...guest, devices: guest.devices.filter((device) => device.name !== name) },
  });
  return guest.devices
    .filter(({ name }) => works(without(name)))
    .map(({ name }): Remedy => ({ kind: 'unplug-device', device: name }));
}

/** The smallest value that works, by bisection on a logarithmic scale; undefined if the most does not. */
function smallest(
  least: number,
  most: number,
  works: (value: number) => boolean,
): number | undefined {
  if (works(least)) return least;
  if (!works(most)) return undefined;
  let [low, high] = [least, most];
  while (high / low > closeEnough) {
    const middle = Math.sqrt(low * high);
    if (works(middle)) high = middle;
    else low = middle;
  }
  return high;
}
