/**
 * Kernels of the 2020 review of dirty page tracking: Debian's kernel, its vfio_iommu_type1.ko rebuilt from
 * Debian's source package with one proposal applied (scripts/lab/proposals/*.patch, a few lines each).
 */
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { buildFolderOnce } from './atomic.js';
import { unpackPackages } from './debian.js';
import { LabError } from './errors.js';
import type { Extra } from './extras.js';
import { labCacheFolder } from './paths.js';
import { runTool } from './process.js';
import type { Suite } from './suites.js';

export const proposals = ['info-flag', 'extension-9', 'extension-10'] as const;
export type Proposal = (typeof proposals)[number];

export function isProposal(text: string): text is Proposal {
  return (proposals as readonly string[]).includes(text);
}

/** The suites that can have proposals, and the version of their source package. */
const sourceVersions: Partial<Record<Suite, string>> = { bullseye: '5.10', trixie: '6.12' };

/** Files of the source package that the module is made of; vfio.h exists since 5.16. */
const sourceFiles = ['vfio_iommu_type1.c', 'vfio.h'];

export interface ProposalOptions {
  readonly signal?: AbortSignal | undefined;
  readonly report?: ((line: string) => void) | undefined;
  readonly cacheFolder?: string | undefined;
}

/**
 * An {@link Extra} for bootLab: the lab then runs with the proposal's module instead of Debian's.
 *
 * @throws LabError LAB_USAGE where the proposal can't be applied, LAB_IMAGE without the source package
 */
export async function proposalExtra(
  suite: Suite,
  proposal: Proposal,
  options: ProposalOptions = {},
): Promise<Extra> {
  const version = sourceVersions[suite];
  if (version === undefined || (proposal !== 'info-flag' && suite !== 'bullseye')) {
    throw new LabError(
      'LAB_USAGE',
      `The proposal ${proposal} can't be applied to ${suite}: info-flag is for bullseye and trixie, the extensions for bullseye, where 9 and 10 are free.`,
    );
  }
  const { cacheFolder = labCacheFolder() } = options;
  const kernelSource = await ensureSource(suite, version, { ...options, cacheFolder });
  const sources = join(cacheFolder, 'proposals', `${suite}-${proposal}`);
  await mkdir(sources, { recursive: true });
  const ours = join(repositoryRoot(), 'scripts/lab/proposals');
  for (const file of [
    ...(await readdir(kernelSource)).map((name) => join(kernelSource, name)),
    join(ours, 'Makefile'),
    join(ours, `${proposal}.patch`),
  ]) {
    await copyFile(file, join(sources, basename(file)));
  }
  return {
    name: `proposal-${proposal}`,
    sources,
    product: 'vfio_iommu_type1.ko',
    makeArguments: [`PROPOSAL=${proposal}`],
  };
}

/** A folder with the type1 driver's source files, from Debian's linux-source package. */
async function ensureSource(
  suite: Suite,
  version: string,
  { cacheFolder, signal, report = () => undefined }: ProposalOptions & { cacheFolder: string },
): Promise<string> {
  const folder = join(cacheFolder, 'sources', `${suite}-${version}`);
  const build = async (temporaryFolder: string): Promise<void> => {
    report(`Fetching linux-source-${version} of Debian ${suite} (once).`);
    const root = join(temporaryFolder, 'root');
    await unpackPackages(suite, root, [`linux-source-${version}`], { signal });
    const name = `linux-source-${version}`;
    const archive = join(root, 'usr/src', `${name}.tar.xz`);
    // `--wildcards` does not fail for a file that this version does not have.
    const wanted = `${name}/drivers/vfio/vfio*`;
    await run(['tar', '-xJf', archive, '-C', temporaryFolder, '--wildcards', wanted], signal);
    const drivers = join(temporaryFolder, name, 'drivers/vfio');
    for (const file of await readdir(drivers)) {
      if (sourceFiles.includes(file))
        await rename(join(drivers, file), join(temporaryFolder, file));
    }
    for (const rest of [root, join(temporaryFolder, name)]) {
      await rm(rest, { recursive: true, force: true });
    }
  };
  await buildFolderOnce(folder, build, { signal });
  return folder;
}

async function run(argv: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const { exitCode, lines } = await runTool(argv, { signal });
  if (exitCode === 0) return;
  throw new LabError(
    'LAB_IMAGE',
    `${argv[0] ?? ''} failed (exit code ${exitCode}):\n${lines.slice(-8).join('\n')}`,
  );
}
