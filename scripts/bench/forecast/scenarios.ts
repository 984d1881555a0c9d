import type { MigrationSettings } from 'precopy';
import type { WorkloadPattern } from '../../lab/workload.js';

const MiB = 2 ** 20;

/** What a dirtygen device does; docs/dirtygen.md. */
export interface DeviceScenario {
  /** It writes these by DMA, uniformly at random; 0: it writes nothing. */
  readonly pages: number;
  readonly pagesPerSecond: number;
  /** Extra data that STOP_COPY sends. */
  readonly stopCopyBytes: number;
  /** What it says of its size beforehand; undefined: the truth. */
  readonly reportedBytes?: number | undefined;
  /** Initial data, and what becomes dirty of it each second, in PRE_COPY; undefined: it has no PRE_COPY. */
  readonly precopy: { readonly initialBytes: number; readonly bytesPerSecond: number } | undefined;
}

/** One migration: what the guest does, and how it is migrated. */
export interface Scenario {
  readonly name: string;
  readonly memoryMiB: number;
  /** Undefined: the guest idles in its firmware. */
  readonly workload:
    | { readonly pages: number; readonly pagesPerSecond: number; readonly pattern: WorkloadPattern }
    | undefined;
  /** max-bandwidth; 0: no limit. */
  readonly bandwidthBytesPerSecond: number;
  readonly downtimeLimitMs: number;
  /** 0: without multifd. */
  readonly multifdChannels: number;
  readonly autoConverge: boolean;
  /** A dirtygen device, of the lab; absent: none. */
  readonly device?: DeviceScenario | undefined;
  /** What has not ended by then counts as never. */
  readonly timeoutMs: number;
}

function scenario(name: string, changes: Partial<Scenario>): Scenario {
  return {
    name,
    memoryMiB: 256,
    workload: undefined,
    bandwidthBytesPerSecond: 32 * MiB,
    downtimeLimitMs: 300,
    multifdChannels: 0,
    autoConverge: false,
    timeoutMs: 20_000,
    ...changes,
  };
}

/** What QEMU is told of it. */
export function settingsOf(scenario: Scenario): MigrationSettings {
  const { bandwidthBytesPerSecond, downtimeLimitMs, multifdChannels, autoConverge } = scenario;
  return {
    parameters: {
      'max-bandwidth': bandwidthBytesPerSecond,
      'downtime-limit': downtimeLimitMs,
      'multifd-channels': multifdChannels,
    },
    capabilities: new Set([
      ...(multifdChannels > 0 ? ['multifd'] : []),
      ...(autoConverge ? ['auto-converge'] : []),
    ]),
  };
}

const writes = (
  pages: number,
  pagesPerSecond: number,
  pattern: WorkloadPattern = { kind: 'uniform' },
): NonNullable<Scenario['workload']> => ({ pages, pagesPerSecond, pattern });
const inOrder: WorkloadPattern = { kind: 'sequential' };

/** Migrations to forecast. Nothing in the model, nor in its costs, was fitted on them. */
export const scenarios: readonly Scenario[] = [
  scenario('idle', {}),
  scenario('small set, slow', { workload: writes(4096, 500) }),
  scenario('small set, fast', { workload: writes(4096, 8000) }),
  scenario('16k pages, 2000/s', { workload: writes(16_384, 2000) }),
  scenario('16k pages, 4000/s', { workload: writes(16_384, 4000) }),
  scenario('same, multifd 4', { workload: writes(16_384, 4000), multifdChannels: 4 }),
  scenario('same, limit 1 s', { workload: writes(16_384, 4000), downtimeLimitMs: 1000 }),
  scenario('same, limit 50 ms', { workload: writes(16_384, 4000), downtimeLimitMs: 50 }),
  scenario('same, 64 MiB/s', {
    workload: writes(16_384, 4000),
    bandwidthBytesPerSecond: 64 * MiB,
  }),
  scenario('same, 12 MiB/s', {
    workload: writes(16_384, 4000),
    bandwidthBytesPerSecond: 12 * MiB,
  }),
  scenario('16k pages, 12000/s', { workload: writes(16_384, 12_000) }),
  scenario('same, limit 2.5 s', { workload: writes(16_384, 12_000), downtimeLimitMs: 2500 }),
  scenario('same, multifd 2', { workload: writes(16_384, 12_000), multifdChannels: 2 }),
  scenario('in order, slower', {
    workload: writes(12_288, 2500, inOrder),
    bandwidthBytesPerSecond: 16 * MiB,
  }),
  scenario('in order, faster', {
    workload: writes(12_288, 6000, inOrder),
    bandwidthBytesPerSecond: 16 * MiB,
  }),
  scenario('hot 90 %', {
    workload: writes(16_384, 6000, { kind: 'hot', pages: 1024, permille: 900 }),
  }),
  scenario('hot 90 %, 16 MiB/s', {
    workload: writes(16_384, 6000, { kind: 'hot', pages: 1024, permille: 900 }),
    bandwidthBytesPerSecond: 16 * MiB,
  }),
  scenario('128 MiB in the blackout', {
    memoryMiB: 512,
    workload: writes(32_768, 40_000, inOrder),
    downtimeLimitMs: 4500,
  }),
  scenario('downtime-limit 0', { workload: writes(8192, 4000), downtimeLimitMs: 0 }),
  scenario('first window', {
    memoryMiB: 64,
    workload: writes(2048, 4000),
    bandwidthBytesPerSecond: 1024 * MiB,
    downtimeLimitMs: 1,
  }),
  scenario('auto-converge', {
    workload: writes(8192, 8000),
    bandwidthBytesPerSecond: 16 * MiB,
    autoConverge: true,
    timeoutMs: 40_000,
  }),
  scenario('auto-converge, limit 2 s', {
    workload: writes(8192, 8000),
    bandwidthBytesPerSecond: 16 * MiB,
    downtimeLimitMs: 2000,
    autoConverge: true,
  }),
  scenario('1 GiB, idle, no bandwidth limit', { memoryMiB: 1024, bandwidthBytesPerSecond: 0 }),
  scenario('limit 100 ms, 48 MiB/s', {
    workload: writes(6144, 3000),
    bandwidthBytesPerSecond: 48 * MiB,
    downtimeLimitMs: 100,
  }),
  scenario('in order, 128 MiB/s', {
    memoryMiB: 384,
    workload: writes(24_576, 20_000, inOrder),
    bandwidthBytesPerSecond: 128 * MiB,
    downtimeLimitMs: 800,
  }),
  scenario('hot 95 %, multifd 4', {
    memoryMiB: 384,
    workload: writes(20_480, 10_000, { kind: 'hot', pages: 512, permille: 950 }),
    bandwidthBytesPerSecond: 48 * MiB,
    multifdChannels: 4,
  }),
  scenario('64 MiB in the blackout', {
    memoryMiB: 384,
    workload: writes(16_384, 60_000),
    bandwidthBytesPerSecond: 40 * MiB,
    downtimeLimitMs: 1800,
  }),
  scenario('512 MiB, no bandwidth limit', {
    memoryMiB: 768,
    workload: writes(98_304, 30_000, inOrder),
    bandwidthBytesPerSecond: 0,
    downtimeLimitMs: 100,
  }),
];

export const quietDevice: DeviceScenario = {
  pages: 0,
  pagesPerSecond: 0,
  stopCopyBytes: 0,
  precopy: { initialBytes: 4096, bytesPerSecond: 0 },
};
const inLab = (
  name: string,
  device: Partial<DeviceScenario>,
  changes: Partial<Scenario> = {},
): Scenario =>
  scenario(name, {
    memoryMiB: 160,
    bandwidthBytesPerSecond: 16 * MiB,
    device: { ...quietDevice, ...device },
    ...changes,
  });

/** The same with a VFIO device, in the lab. */
export const labScenarios: readonly Scenario[] = [
  inLab('device quiet', {}, { workload: writes(4096, 2000) }),
  inLab('device 1000/s', { pages: 2048, pagesPerSecond: 1000 }),
  inLab(
    'device 2000/s, CPU 1000/s',
    { pages: 4096, pagesPerSecond: 2000 },
    {
      workload: writes(4096, 1000),
    },
  ),
  inLab(
    'same, no PRE_COPY',
    { pages: 4096, pagesPerSecond: 2000, precopy: undefined },
    {
      workload: writes(4096, 1000),
    },
  ),
  inLab(
    'device 3000/s, limit 1 s',
    { pages: 6144, pagesPerSecond: 3000 },
    {
      downtimeLimitMs: 1000,
    },
  ),
  inLab(
    'device faster than 6 MiB/s',
    { pages: 6144, pagesPerSecond: 3000 },
    {
      bandwidthBytesPerSecond: 6 * MiB,
    },
  ),
  inLab('3 MiB of state', { pages: 1024, pagesPerSecond: 500, stopCopyBytes: 3 * MiB }),
  inLab('16 MiB of state, limit 2 s', { stopCopyBytes: 16 * MiB }, { downtimeLimitMs: 2000 }),
  inLab(
    '16 MiB of state, limit 300 ms',
    { stopCopyBytes: 16 * MiB },
    {
      workload: writes(2048, 500),
      timeoutMs: 10_000,
    },
  ),
  inLab(
    '8 MiB in PRE_COPY',
    { precopy: { initialBytes: 8 * MiB, bytesPerSecond: 2 ** 18 } },
    {
      workload: writes(2048, 1000),
    },
  ),
];
