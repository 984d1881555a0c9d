/**
 * Runs the tiers of tests and ends with what failed and the line `N passed, N failed, N skipped`.
 *
 *   unit  pure code and fakes
 *   fuzz  random operations and inputs, against oracles
 *   qemu  real QEMUs on this machine, without VFIO
 *   lab   real VFIO, inside the lab's VM (docs/lab.md)
 *   libvirt  two real libvirtds on this machine, in namespaces of their own; needs root
 *
 *   lab-libvirt  domains with a VFIO device of two libvirtds, inside the lab
 *   kernels  the lab's VFIO tests on Debian's other kernels, on those of the 2020 review, and on one with
 *            iommufd, which has tests of its own (test/iommufd)
 *
 * `npm test` runs all but the last two; `npm test -- unit` runs the ones named.
 * A tier's mocha writes its counts to a file (see mocha.ts); a tier that dies without
 * writing them counts as one failure.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelHeaders } from './kernel-headers.js';
import { unpackSuite } from './qmp-types/suites.js';
import { repositoryRoot } from './repository.js';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Title and stack of each test or hook that failed. */
  failures: string[];
}

const root = repositoryRoot();
/** What `npm test` runs. */
const standardTiers = ['unit', 'fuzz', 'qemu', 'libvirt', 'lab'] as const;
const tiers = [...standardTiers, 'lab-libvirt', 'kernels'] as const;
type Tier = (typeof tiers)[number];

/**
 * The kernels besides the lab's own that the VFIO tests run on, as options of `lab run`; see
 * scripts/lab/proposals.ts and kernels.ts.
 */
const kernels: readonly { readonly options: readonly string[]; readonly folder: string }[] = [
  ...[
    ['--suite', 'bookworm'],
    ['--suite', 'sid'],
    ['--suite', 'bullseye'],
    ['--suite', 'trixie', '--proposal', 'info-flag'],
    ['--suite', 'bullseye', '--proposal', 'info-flag'],
    ['--suite', 'bullseye', '--proposal', 'extension-9'],
    ['--suite', 'bullseye', '--proposal', 'extension-10'],
    ['--suite', 'trixie', '--kernel', 'iommufd'],
  ].map((options) => ({ options, folder: 'lab/vfio' })),
  { options: ['--suite', 'trixie', '--kernel', 'iommufd'], folder: 'iommufd' },
  { options: ['--suite', 'sid', '--kernel', 'iommufd'], folder: 'iommufd' },
];

/** One process that runs tests and writes its counts to `<name>.json`. */
interface Run {
  readonly name: string;
  readonly args: readonly string[];
}

/** What runs a folder's test files and writes its counts to `countsFile`. */
function mochaCommand(folder: string, countsFile: string, timeoutMs: number): string[] {
  return [
    '--enable-source-maps',
    join(root, 'scripts/dist/mocha.js'),
    countsFile,
    String(timeoutMs),
    join(root, 'test/dist', folder),
  ];
}

/** Tests inside the lab; `options` choose its kernel. */
function labRun(name: string, folder: string, directory: string, options: readonly string[]): Run {
  return {
    name,
    args: [
      join(root, 'scripts/dist/lab/main.js'),
      ...['run', ...options, '--out', directory, '--timeout', '3000', '--'],
      // Everything is some ten times slower under TCG.
      ...['node', ...mochaCommand(folder, `/out/${name}.json`, 600_000)],
    ],
  };
}

function runsOf(tier: Tier, directory: string): Run[] {
  switch (tier) {
    case 'lab':
      return [labRun(tier, tier, directory, [])];
    case 'lab-libvirt':
      return [labRun(tier, tier, directory, ['--with', 'libvirt'])];
    case 'kernels':
      return kernels.map(({ options, folder }) => {
        const name = ['kernels', options[1], options[3], folder.replace('/', '-')];
        const parts = name.filter((part) => part !== undefined);
        return labRun(parts.join('-'), folder, directory, options);
      });
    default:
      return [{ name: tier, args: mochaCommand(tier, join(directory, `${tier}.json`), 60_000) }];
  }
}

/** What a tier's tests find in the cache: a download is not to count in the time that a test may take. */
async function prepare(tier: Tier): Promise<void> {
  if (tier === 'unit') await kernelHeaders('sid');
  if (tier === 'qemu') await unpackSuite('trixie');
}

async function execute({ name, args }: Run, directory: string): Promise<Counts> {
  const countsFile = join(directory, `${name}.json`);
  const child = spawn(process.execPath, args, { stdio: 'inherit', cwd: root });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      resolve(code ?? 1);
    });
  });
  try {
    const counts = JSON.parse(await readFile(countsFile, 'utf8')) as Counts;
    if (exitCode !== 0 && counts.failed === 0) {
      counts.failed = 1;
      counts.failures.push(`The ${name} tests passed, but ended with exit code ${exitCode}.`);
    }
    return counts;
  } catch {
    const failure = `The ${name} tests ended (exit code ${exitCode}) without reporting their counts.`;
    return { passed: 0, failed: 1, skipped: 0, failures: [failure] };
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !tiers.includes(name as Tier));
if (unknown.length > 0) {
  console.error(`No such tier of tests: ${unknown.join(', ')}. There are: ${tiers.join(', ')}.`);
  process.exit(2);
}

const directory = await mkdtemp(join(tmpdir(), 'precopy-test-'));
const total: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
try {
  for (const tier of tiers) {
    const wanted = asked.length > 0 ? asked : standardTiers;
    if (!(wanted as readonly string[]).includes(tier)) continue;
    await prepare(tier).catch((error: unknown) => {
      // The tests that need it fail, and say so.
      console.error(`Preparing the ${tier} tests: ${String(error)}`);
    });
    for (const run of runsOf(tier, directory)) {
      console.log(`\n=== ${run.name} tests ===`);
      const counts = await execute(run, directory);
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
      total.failures.push(...counts.failures.map((failure) => `${run.name}: ${failure}`));
    }
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
for (const failure of total.failures) console.log(`\nFAILED ${failure}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
