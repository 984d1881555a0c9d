import type { WorkloadPattern } from '../../lab/workload.js';

const MiB = 2 ** 20;

export interface Scenario {
  readonly name: string;
  readonly pages: number;
  /** Turns of an empty loop after each write: the guest works without a pause. */
  readonly spin: number;
  readonly pattern: WorkloadPattern;
  /** max-bandwidth, the same for all; it stands for the link, but does not bind in the blackout. */
  readonly bandwidthBytesPerSecond: number;
}

/** The largest downtime limit of vdsm's and nova's schedules. */
export const downtimeLimitMs = 500;
export const memoryMiB = 256;
/** What has not completed by then counts as never. */
export const timeoutMs = 30_000;

const uniform: WorkloadPattern = { kind: 'uniform' };
const sequential: WorkloadPattern = { kind: 'sequential' };
const bandwidthBytesPerSecond = 32 * MiB;

/** Converges by itself: then adaptive may choose another round. */
export const easyScenario: Scenario = {
  name: 'at random, easy',
  ...{ pages: 4096, spin: 100_000, pattern: uniform, bandwidthBytesPerSecond },
};

export const scenarios: readonly Scenario[] = [
  {
    name: 'at random, never converges',
    ...{ pages: 16_384, spin: 10_000, pattern: uniform, bandwidthBytesPerSecond },
  },
  {
    name: 'in order, never converges',
    ...{ pages: 12_288, spin: 12_000, pattern: sequential, bandwidthBytesPerSecond },
  },
  {
    name: 'at random, fast',
    ...{ pages: 16_384, spin: 5000, pattern: uniform, bandwidthBytesPerSecond },
  },
  {
    name: 'at random, hard',
    ...{ pages: 16_384, spin: 25_000, pattern: uniform, bandwidthBytesPerSecond },
  },
  {
    name: 'hot 80 %',
    ...{ pages: 16_384, spin: 8000, bandwidthBytesPerSecond },
    pattern: { kind: 'hot', pages: 4096, permille: 800 },
  },
];
