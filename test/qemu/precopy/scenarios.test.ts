/**
 * Migrations of guests without a VFIO device (test/support/scenarios.ts). All of them:
 *
 *   PRECOPY_SCENARIOS=all node scripts/dist/mocha.js /tmp/counts 180000 \
 *     test/dist/qemu/precopy/scenarios.test.js
 *
 * Those whose guest writes need QEMU 10.0 (Debian trixie's is unpacked into the cache): under TCG, 7.2
 * loses pages that the CPU writes from the third synchronisation on, as verify finds.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#scripts/repository.js';
import { suiteQemu } from '#scripts/qmp-types/suites.js';
import {
  allScenarios,
  describeScenarios,
  scenarioTable,
  type ScenarioQemu,
} from '../../support/scenarios.js';

describe('docs/scenarios.md', () => {
  it('lists the scenarios that are tested', () => {
    const text = readFileSync(join(repositoryRoot(), 'docs/scenarios.md'), 'utf8');
    assert.ok(text.includes(scenarioTable()), `docs/scenarios.md lacks:\n${scenarioTable()}`);
  });
});

let qemu: Promise<ScenarioQemu> | undefined;

// Idle guests, one of each policy.
describeScenarios(
  'none',
  [0, 1, 2],
  allScenarios ? () => (qemu ??= suiteQemu('trixie')) : undefined,
);
