/**
 * Migrations of guests without a VFIO device (test/support/scenarios.ts). All of them:
 *
 *   PRECOPY_SCENARIOS=all node scripts/dist/mocha.js /tmp/counts 180000 \
 *     test/dist/qemu/precopy/scenarios.test.js
 *
 * Those whose guest writes need QEMU 10.0 (Debian trixie's is unpacked into the cache): under TCG, 7.2
 * loses pages that the CPU writes from the third synchronisation on, as verify finds.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suiteCommand } from '#scripts/qmp-types/suites.js';
import { repositoryRoot } from '#scripts/repository.js';
import { allScenarios, describeScenarios, type ScenarioTools } from '../../support/scenarios.js';

let prepared: Promise<ScenarioTools> | undefined;

async function prepare(): Promise<ScenarioTools> {
  const command = await suiteCommand('trixie', 'qemu-system-x86_64');
  const at = command.findIndex((word) => word.endsWith('/qemu-system-x86_64'));
  return {
    sector: assembled(),
    qemu: {
      launcher: command.slice(0, at),
      qemu: command[at] ?? '',
      args: command.slice(at + 1),
    },
  };
}

/** The boot sector; needs make, as, ld and objcopy. */
function assembled(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'precopy-sector-'));
  try {
    const sources = join(repositoryRoot(), 'scripts/lab/workload');
    execFileSync('make', ['-s', '-C', sources, `OUT=${folder}`]);
    return readFileSync(join(folder, 'workload.bin'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Idle guests, one of each policy.
describeScenarios('none', [0, 1, 2], allScenarios ? () => (prepared ??= prepare()) : undefined);
