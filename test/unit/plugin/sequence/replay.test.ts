/** A journal that the model of QEMU made is replayed: what went in must be found again. */
import assert from 'node:assert/strict';
import {
  adaptivePolicy,
  behaviourOf,
  defaultCosts,
  defaultParameters,
  inModel,
  qemuPolicy,
  replay,
  simulatePrecopy,
  uniformCurve,
  type JournalEntry,
  type JournalRecord,
  type ModelResult,
} from 'precopy';
import { goalWith } from '../../../support/goals.js';

const MiB = 2 ** 20;
const goal = goalWith();

/** A migration of 256 MiB, half of it zeros, whose guest writes to 64 MiB; as a journal. */
function record(pagesPerSecond: number): { records: JournalRecord[]; result: ModelResult } {
  const entries: [number, JournalEntry][] = [];
  const { parameters, policy } = inModel(qemuPolicy, goal, {
    ...defaultParameters,
    maxBandwidthBytesPerSecond: 32 * MiB,
  });
  const result = simulatePrecopy(
    {
      guest: {
        ram: [
          { pages: 32_768, zero: false },
          { pages: 32_768, zero: true },
        ],
        pageBytes: 4096,
        sources: [{ name: 'cpu', kind: 'cpu', curve: uniformCurve(16_384, pagesPerSecond) }],
        devices: [],
        vcpus: 1,
      },
      link: { bytesPerSecond: 32 * MiB, channelBytesPerSecond: 32 * MiB },
      parameters,
      behaviour: behaviourOf(10, 0),
      costs: defaultCosts,
      horizonMs: 60_000,
    },
    {
      policy: (seen) => {
        const { pass, sample, nowMs } = seen;
        entries.push([
          nowMs,
          {
            type: 'pass',
            first: pass.pass,
            pass: pass.pass,
            kind: pass.kind,
            sample,
            late: false,
            qemuUs: 1.7e15 + nowMs * 1000,
          },
        ]);
        return policy(seen);
      },
    },
  );
  entries.unshift(
    [0, { type: 'qemu', side: 'source', address: 'a', version: '10.0.2', sameHost: true }],
    [
      0,
      {
        type: 'goal',
        policy: 'qemu',
        goal,
        initial: {
          downtimeLimitMs: 300,
          maxBandwidthBytesPerSecond: 32 * MiB,
          switchoverBytesPerSecond: 0,
          throttlePercent: undefined,
        },
        abilities: ['tune', 'switchover-bandwidth'],
        ramBytes: 256 * MiB,
        expectation: undefined,
      },
    ],
  );
  const records = entries.map(([ms, entry]) => ({ ...entry, at: 1.7e12 + ms, monotonicMs: ms }));
  return { records, result };
}

describe('a replay', () => {
  it('under the recorded policy ends much as what was recorded', () => {
    const { records, result } = record(6000);
    assert.ok(result.converged);
    const { again } = replay(records, adaptivePolicy, qemuPolicy);
    assert.ok(again?.result.converged);
    const ratio = again.result.totalMs / result.totalMs;
    assert.ok(ratio > 0.7 && ratio < 1.4, `${again.result.totalMs} and ${result.totalMs} ms`);
  });

  it('shows that another policy converges where the recorded one did not, and what it did', () => {
    const { records, result } = record(12_000);
    assert.equal(result.converged, false);
    const { other, again } = replay(records, adaptivePolicy, qemuPolicy);
    assert.equal(again?.result.converged, false);
    assert.ok(other.result.converged);
    assert.ok((other.result.downtimeMs ?? Infinity) <= 300);
    assert.ok(other.decisions.some(({ what }) => what === 'tune'));
  });

  it('of a migration that began held has QEMU without the hold', () => {
    const held = { downtimeLimitMs: 1, switchoverBytesPerSecond: 1000 };
    const saved: JournalEntry = {
      type: 'before',
      side: 'source',
      guestRan: true,
      settings: {
        capabilities: {},
        parameters: {
          'downtime-limit': 300,
          'max-bandwidth': 32 * MiB,
          'avail-switchover-bandwidth': 0,
        },
      },
    };
    const records = record(6000).records.map((each) =>
      each.type === 'goal' ? { ...each, initial: { ...each.initial, ...held } } : each,
    );
    const unknown = replay(records, qemuPolicy, undefined);
    assert.equal(unknown.other.result.converged, false);
    const known = replay(
      [{ ...saved, at: 1.7e12, monotonicMs: 0 }, ...records],
      qemuPolicy,
      undefined,
    );
    assert.ok(known.other.result.converged);
  });

  it('says what the records can not tell', () => {
    const { caveats } = replay(record(6000).records, adaptivePolicy, undefined);
    assert.match(
      caveats.join('\n'),
      /the mean between the passes; whether it carries more was never tried/,
    );
    assert.match(caveats.join('\n'), /known from \d+ windows? of .* between passes/);
  });

  it('says that the model has no postcopy, where the time limit asks for it', () => {
    const { records } = record(6000);
    const impatient = records.map((entry) =>
      entry.type === 'goal'
        ? { ...entry, goal: goalWith({ totalLimitMs: 1000, onTimeout: 'postcopy' }) }
        : entry,
    );
    const says = (of: JournalRecord[]): boolean =>
      replay(of, qemuPolicy, undefined).caveats.some((text) => text.includes('no postcopy'));
    assert.equal(says(impatient), true);
    assert.equal(says(records), false);
  });

  it('refuses a journal that tells too little', () => {
    const { records } = record(6000);
    assert.throws(() => replay(records.slice(0, 2), adaptivePolicy, undefined), {
      code: 'NOT_SUPPORTED',
    });
  });
});
