/** What is said of a forecast that is not sure. */
import assert from 'node:assert/strict';
import { forecast, rehearsalLines, uniformCurve } from 'precopy';
import { forecastInputOf, rehearsalOf } from '../../../support/rehearsals.js';

describe('the verdict of a rehearsal that may not converge', () => {
  it('says in how many simulated migrations it does', () => {
    const input = forecastInputOf(
      { name: 'CPUs', kind: 'cpu', curve: uniformCurve(1000, 500) },
      { pages: 65_536, bytesPerSecond: 64 * 2 ** 20 },
    );
    const rehearsal = rehearsalOf(input, {
      forecast: { ...forecast(input), converges: 'perhaps', convergedShare: 0.1875, samples: 64 },
    });
    assert.equal(
      rehearsalLines(rehearsal)[0],
      'forecast: may not converge (it converges in 19 % of 64 simulated migrations)',
    );
  });
});
