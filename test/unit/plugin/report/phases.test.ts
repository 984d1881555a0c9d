/** The text of a rehearsal whose workload changed. */
import assert from 'node:assert/strict';
import {
  forecast,
  rehearsalLines,
  sequentialCurve,
  uniformCurve,
  type DirtyCurve,
  type Forecast,
  type ForecastInput,
} from 'precopy';
import { forecastInputOf, rehearsalOf } from '../../../support/rehearsals.js';

const guest = { pages: 65_536, bytesPerSecond: 64 * 2 ** 20 };

function inputOf(curve: DirtyCurve): ForecastInput {
  return forecastInputOf({ name: 'CPUs', kind: 'cpu', curve }, guest);
}

const calm = inputOf(uniformCurve(1000, 500));
const busy = inputOf(sequentialCurve(65_536, 30_000));

function textOf(inputs: readonly ForecastInput[], worstPhase: number): string {
  const phases = inputs.map((input, i) => ({
    startMs: i * 5000,
    endMs: (i + 1) * 5000,
    pagesPerSecond: input === busy ? 30_000 : 500,
    forecast: forecast(input),
  }));
  const rehearsal = rehearsalOf(inputs[worstPhase] ?? busy, {
    ...{ phases, worstPhase },
    forecast: phases.at(-1)?.forecast as Forecast,
    remedies: [{ kind: 'downtime-limit', ms: 4000 }],
  });
  return rehearsalLines(rehearsal, 100).join('\n');
}

describe('the text of a rehearsal whose workload changed', () => {
  it('goes by the last phase, and warns of a worse one before', () => {
    const text = textOf([busy, calm], 0);
    assert.match(text, /^forecast: converges$/m);
    assert.match(text, /for the last of its 2 phases\.$/m);
    assert.match(text, /^ {2}In the worst one \(0 ms to 5\.00 s\).* it does not converge\.$/m);
    assert.match(text, /^what would make it converge in that phase, each alone:$/m);
    assert.match(text, /^downtime by bandwidth and downtime limit in phase 1 /m);
  });

  it('says that the last phase is the worst', () => {
    const text = textOf([calm, busy], 1);
    assert.match(text, /^forecast: does not converge$/m);
    assert.match(text, /phases, the worst for a migration\.$/m);
    assert.match(text, /^1 +0 ms +5\.00 s +500 +\d+ .* converges$/m);
    assert.match(text, /^2 +5\.00 s +10\.0 s +30000 +- +- +- +does not converge$/m);
    assert.match(text, /^what would make it converge, each alone:$/m);
  });

  it('has a table with the smallest limit for each bandwidth, and a bar for it', () => {
    const rows = textOf([busy], 0).split('\n');
    const start = rows.findIndex((row) => row.startsWith('bandwidth '));
    const table = rows.slice(start + 1, start + 6);
    assert.deepEqual(
      table.map((row) => /^[\d.]+ [MG]iB\/s/.exec(row)?.[0]),
      ['16.0 MiB/s', '32.0 MiB/s', '64.0 MiB/s', '128 MiB/s', '256 MiB/s'],
    );
    for (const row of table) assert.match(row, / [\d.]+ m?s {2}█+$/);
  });
});
