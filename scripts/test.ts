/**
 * Runs the tiers of tests and ends with the line `N passed, N failed, N skipped`.
 *
 *   unit  pure code and fakes
 *   fuzz  random operations and inputs, against oracles
 *   qemu  real QEMUs on this machine, without VFIO
 *   lab   real VFIO, inside the lab's VM (docs/lab.md)
 *
 * `npm test` runs all of them; `npm test -- unit` runs the ones named.
 * A tier's mocha writes its counts to a file (see mocha.ts); a tier that dies without
 * writing them counts as one failure.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from './repository.js';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const root = repositoryRoot();
const tiers = ['unit', 'fuzz', 'qemu', 'lab'] as const;
type Tier = (typeof tiers)[number];

/** What runs the tier's test files and writes its counts to `countsFile`. */
function mochaCommand(tier: Tier, countsFile: string, timeoutMs: number): string[] {
  return [
    '--enable-source-maps',
    join(root, 'scripts/dist/mocha.js'),
    countsFile,
    String(timeoutMs),
    join(root, 'test/dist', tier),
  ];
}

/** The arguments that run a tier with this Node; its counts go to `<tier>.json` in `directory`. */
function tierCommand(tier: Tier, directory: string): string[] {
  if (tier !== 'lab') return mochaCommand(tier, join(directory, `${tier}.json`), 20_000);
  return [
    join(root, 'scripts/dist/lab/main.js'),
    ...['run', '--out', directory, '--timeout', '1200', '--'],
    // Everything is some ten times slower under TCG.
    ...['node', ...mochaCommand(tier, '/out/lab.json', 120_000)],
  ];
}

async function runTier(tier: Tier, directory: string): Promise<Counts> {
  const countsFile = join(directory, `${tier}.json`);
  const child = spawn(process.execPath, tierCommand(tier, directory), {
    stdio: 'inherit',
    cwd: root,
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      resolve(code ?? 1);
    });
  });
  try {
    const counts = JSON.parse(await readFile(countsFile, 'utf8')) as Counts;
    if (exitCode !== 0 && counts.failed === 0) counts.failed = 1;
    return counts;
  } catch {
    console.error(
      `The ${tier} tests ended (exit code ${exitCode}) without reporting their counts.`,
    );
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !tiers.includes(name as Tier));
if (unknown.length > 0) {
  console.error(`No such tier of tests: ${unknown.join(', ')}. There are: ${tiers.join(', ')}.`);
  process.exit(2);
}

const directory = await mkdtemp(join(tmpdir(), 'precopy-test-'));
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const tier of tiers) {
    if (asked.length > 0 && !asked.includes(tier)) continue;
    console.log(`\n=== ${tier} tests ===`);
    const counts = await runTier(tier, directory);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
