import assert from 'node:assert/strict';
import type { JournalEntry, JournalRecord, MigrationSample, WhyNot } from 'precopy';
import { switchoverDelay } from '#scripts/bench/migrate/switchover.js';
import { goalWith, sampleWith } from '../../support/goals.js';

const MiB = 2 ** 20;

/**
 * RAM left at some ms before the STOP; null: QEMU answered only when the guest was stopped. `foundMiB`
 * is what the pass itself found, where QEMU sent some of it before the sample.
 */
type Passes = readonly (readonly [beforeMs: number, ramMiB: number | null, foundMiB?: number])[];

/** QEMU's expected-downtime is what the pass before found, at 32 MiB/s. */
function sampleOf(before: Passes[number] | undefined): MigrationSample {
  const found = before?.[2] ?? before?.[1];
  return sampleWith({ expectedDowntimeMs: typeof found === 'number' ? found * (1000 / 32) : 125 });
}

/** A goal of 520 ms: at 32 MiB/s 16 MiB fit. QEMU itself was given 4 MiB. */
function journal(passes: Passes, releasedAt?: number): JournalRecord[] {
  const why = (ramMiB: number): WhyNot => ({
    term: ramMiB < 4 ? 'nothing' : 'ram',
    ...{ sentence: '', ramBytes: ramMiB * MiB, devices: { kind: 'known', bytes: 0 } },
    ...{ thresholdBytes: 4 * MiB, bandwidthBytesPerSecond: 32 * MiB, downtimeLimitMs: 125 },
    ...{
      bandwidthFrom: 'measured',
      comparison: '<',
      stopCopyTrap: false,
      neededLimitMs: undefined,
    },
  });
  const entries: JournalEntry[] = [
    {
      ...{ type: 'goal', policy: 'adaptive', goal: goalWith({ downtimeLimitMs: 520 }) },
      ...{ abilities: [], ramBytes: undefined, expectation: undefined },
      initial: {
        ...{ downtimeLimitMs: 125, maxBandwidthBytesPerSecond: 32 * MiB },
        ...{ switchoverBytesPerSecond: 0, throttlePercent: undefined },
      },
    },
    ...passes.flatMap(([beforeMs, ramMiB], i): JournalEntry[] => [
      {
        ...{
          type: 'pass',
          first: i + 1,
          pass: i + 1,
          kind: 'round',
          sample: sampleOf(passes[i - 1]),
        },
        ...{ late: ramMiB === null, qemuUs: 1e15 - 1000 * beforeMs },
        ...(ramMiB === null ? {} : { why: why(ramMiB) }),
      },
      ...(releasedAt === i
        ? [
            { type: 'decision', policy: '', action: { kind: 'release' }, reason: '' } as const,
            { type: 'effect', side: 'source', command: 'migrate-set-parameters' } as const,
          ]
        : []),
    ]),
    { type: 'event', side: 'source', event: 'STOP', qemuUs: 1e15 },
    {
      ...{ type: 'pass', first: passes.length + 1, pass: passes.length + 1, kind: 'blackout' },
      ...{ sample: sampleOf(passes.at(-1)), late: true, qemuUs: 1e15 + 100 },
    },
  ];
  return entries.map((entry, i) => ({ ...entry, at: i, monotonicMs: i }));
}

describe('the time from a pass that fits to the STOP', () => {
  const cases: readonly [string, Passes, number | undefined, [number, number] | undefined][] = [
    [
      'counts from where the policy let QEMU go',
      [
        [900, 30],
        [80, 12],
      ],
      1,
      [80, 80],
    ],
    [
      'counts from the pass upon which QEMU went by itself',
      [
        [900, 30],
        [5, 3],
      ],
      undefined,
      [5, 5],
    ],
    [
      'takes a pass that was answered late for one that fitted',
      [
        [900, 30],
        [7, null],
      ],
      undefined,
      [7, 7],
    ],
    [
      'tells a further round that was chosen',
      [
        [400, 12],
        [6, 3],
      ],
      undefined,
      [6, 400],
    ],
    [
      'forgets what fitted before it grew again',
      [
        [900, 12],
        [300, 20],
        [40, 15],
      ],
      2,
      [40, 40],
    ],
    [
      'does not count a pass of which only what QEMU had sent since made it fit',
      [
        [900, 30],
        [187, 15, 18],
        [62, 15, 17],
        [0.3, null],
      ],
      undefined,
      [0.3, 0.3],
    ],
    ['is not known where nobody let QEMU go', [[900, 30]], undefined, undefined],
  ];
  for (const [does, passes, releasedAt, expected] of cases) {
    it(does, () => {
      const delay = switchoverDelay(journal(passes, releasedAt));
      assert.deepEqual(delay && [delay.letGoMs, delay.fittedMs], expected);
    });
  }
});
