import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  forecastVersion,
  identityOf,
  keepObstacle,
  keepRehearsal,
  readStanding,
  removeStanding,
  standingLines,
  standingOf,
  worstExpectation,
  type Forecast,
  type Foreseen,
} from 'precopy';

const uuid = '6d53ba52-5c26-4a43-8ae2-3b5f4a8ff8b1';
const mib = 2 ** 20;

function rehearsal(convergedShare: number, windowMs: number): Foreseen {
  const unknown = {
    passes: null,
    totalMs: null,
    sentBytes: null,
    downtimeMs: null,
    downtime: null,
  };
  const forecast: Forecast = {
    ...{ version: forecastVersion, converges: convergedShare < 1 ? 'no' : 'yes', convergedShare },
    ...{ limitedBy: null, why: '', ...unknown, qemuExpectedDowntimeMs: null },
    ...{ throttlePercent: null, samples: 1, horizonMs: 1, warnings: [] },
  };
  const curve = [{ windowMs, pages: 256 }] as Foreseen['curve'];
  const nothing = { sources: [], together: null, heat: null, devices: [] };
  return { ...nothing, ramBytes: 64 * mib, pageBytes: 4096, forecast, curve };
}

describe('the rehearsals that a controller keeps', () => {
  let folder = '';
  const self = identityOf(process.pid);
  assert.ok(self);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-standing-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const keep = (share: number, atMs: number): void => {
    keepRehearsal(uuid, self, rehearsal(share, atMs), atMs, folder);
  };

  it('are the last six, and are read back by UUID or by the pid of the QEMU', () => {
    for (let atMs = 1; atMs <= 8; atMs += 1) keep(1, atMs);
    const times = readStanding(uuid, self, folder)?.recent.map(({ atMs }) => atMs);
    assert.deepEqual(times, [3, 4, 5, 6, 7, 8]);
    assert.equal(standingOf(process.pid, folder)?.recent.length, 6);
    removeStanding(uuid, folder);
    assert.equal(standingOf(process.pid, folder), undefined);
  });

  it('are not those of another QEMU of the same domain', () => {
    keep(1, 1);
    assert.equal(readStanding(uuid, { ...self, startTicks: '1' }, folder), undefined);
  });

  it('make the worst of them the expectation', () => {
    for (const [share, atMs] of [
      [1, 1],
      [0.2, 2],
      [1, 3],
    ] as const) {
      keep(share, atMs);
    }
    const expectation = worstExpectation(readStanding(uuid, self, folder));
    assert.equal(expectation?.forecast.convergedShare, 0.2);
    assert.deepEqual(expectation.curve, [{ windowMs: 2, bytes: mib }]);
    assert.equal(worstExpectation(undefined), undefined);
  });

  it('say why there was none since, until there is one', () => {
    const obstacle = { atMs: 2, why: 'No link.', next: 'Name one.' };
    keepObstacle(uuid, self, obstacle, folder);
    const none = readStanding(uuid, self, folder);
    assert.ok(none);
    assert.deepEqual(standingLines(none, 1002), [
      'Nothing was rehearsed yet.',
      'The attempt 1.00 s ago failed: No link. Name one.',
    ]);
    keep(1, 3);
    assert.equal(readStanding(uuid, self, folder)?.obstacle, undefined);
    const after = keepObstacle(uuid, self, { ...obstacle, atMs: 4 }, folder);
    assert.equal(after.recent.length, 1);
    assert.match(standingLines(after, 1004).at(-1) ?? '', /failed: No link/);
  });

  it('are none where the file is damaged or of another version', () => {
    keep(1, 1);
    const file = join(folder, `rehearsals-${uuid}.json`);
    const good = readFileSync(file, 'utf8');
    const otherForecast = good.replace(/"forecast":{"version":\d+/, '"forecast":{"version":0');
    assert.notEqual(otherForecast, good);
    for (const text of ['', '{"version":', '{"version":2,"recent":[]}', '[]', otherForecast]) {
      writeFileSync(file, text);
      assert.equal(readStanding(uuid, self, folder), undefined);
    }
  });
});
