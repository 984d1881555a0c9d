/**
 * Kernels for L1 that Debian does not have: its kernel's source (the linux-source package) with a small
 * configuration and a patch of ours (scripts/lab/kernels/NAME.*), everything built in. The image's root stays
 * as it is.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { buildFolderOnce } from './atomic.js';
import { linkBasicCommands, unpackPackages } from './debian.js';
import { LabError } from './errors.js';
import { hashOfFolder } from './hash.js';
import { busyboxOf, type Image } from './image.js';
import { baseInitramfs } from './initramfs.js';
import { canRunInRoot, runInRoot } from './root-shell.js';
import type { Suite } from './suites.js';
import { useFolder } from './unused.js';

/** `iommufd`: iommufd with its selftest's mock IOMMU, VFIO cdevs, type1. No Debian kernel has iommufd. */
export const labKernels = ['iommufd'] as const;
export type LabKernel = (typeof labKernels)[number];

export function isLabKernel(text: string): text is LabKernel {
  return (labKernels as readonly string[]).includes(text);
}

/** The suite whose source package they are built from, in a root of that suite. */
const sourceSuite: Suite = 'trixie';
const sourcePackage = 'linux-source-6.12';

/** Suites whose dev root runs the programs that kbuild leaves in the headers: its glibc is not older. */
const suitesWithKernels: readonly Suite[] = ['trixie', 'sid'];

const buildPackages = [
  ...['base-files', 'libc6', 'dash', 'coreutils', 'diffutils', 'findutils', 'grep', 'mawk', 'sed'],
  ...['gcc', 'libc6-dev', 'make', 'binutils', 'flex', 'bison', 'm4', 'bc', 'perl', 'libelf-dev'],
  ...['tar', 'xz-utils', 'gzip', 'patch', sourcePackage],
];

export interface KernelOptions {
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  readonly report: (line: string) => void;
}

/**
 * The image with another kernel, which is built if there is none of this configuration yet: minutes.
 *
 * @throws LabError LAB_USAGE for a suite that it does not go with; LAB_IMAGE without the source package;
 *   LAB_BUILD; the signal's reason when aborted
 */
export async function imageWithKernel(
  image: Image,
  kernel: LabKernel,
  { cacheFolder, signal, report }: KernelOptions,
): Promise<Image> {
  if (!suitesWithKernels.includes(image.suite)) {
    const known = suitesWithKernels.join(' and ');
    throw new LabError('LAB_USAGE', `The kernel ${kernel} goes with ${known}, not ${image.suite}.`);
  }
  const sources = join(repositoryRoot(), 'scripts/lab/kernels');
  const hash = createHash('sha256')
    .update(JSON.stringify([sourceSuite, buildPackages]))
    .update(await hashOfFolder(sources))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cacheFolder, 'kernels', `${kernel}-${hash}`);
  await buildFolderOnce(
    folder,
    async (temporaryFolder) => {
      const startMs = performance.now();
      report(`Building the kernel ${kernel} in ${folder} (once; minutes).`);
      // A build takes minutes, in which the clone may change.
      const copy = join(temporaryFolder, 'sources');
      await cp(sources, copy, { recursive: true });
      const product = join(temporaryFolder, 'product');
      await mkdir(product);
      await buildKernel(kernel, copy, join(temporaryFolder, 'root'), product, { signal, report });
      await writeFile(
        join(product, 'initramfs.cpio'),
        await baseInitramfs(join(product, 'modules'), busyboxOf(image.runRoot)),
      );
      report(`The kernel took ${((performance.now() - startMs) / 1000).toFixed(0)} s.`);
    },
    {
      signal,
      onWait: () => {
        report(`Waiting for another process that builds the kernel ${kernel}.`);
      },
    },
  );
  await useFolder(folder, `${kernel}-`);
  const product = join(folder, 'product');
  return {
    ...image,
    id: `${image.id}-${kernel}-${hash}`,
    kernelRelease: (await readFile(join(product, 'release'), 'utf8')).trim(),
    kernel: join(product, 'vmlinuz'),
    initramfs: join(product, 'initramfs.cpio'),
    kernelHeaders: join(product, 'headers'),
  };
}

async function buildKernel(
  kernel: LabKernel,
  sources: string,
  root: string,
  product: string,
  { signal, report }: Omit<KernelOptions, 'cacheFolder'>,
): Promise<void> {
  await unpackPackages(sourceSuite, root, buildPackages, { signal, report });
  await linkBasicCommands(root);
  if (!(await canRunInRoot(root, signal))) {
    throw new LabError(
      'LAB_BUILD',
      'A kernel is built in a user namespace, which this machine forbids. Run this as root, or allow unprivileged user namespaces.',
    );
  }
  const { exitCode, lines } = await runInRoot(
    root,
    [
      { source: sources, target: '/tmp/src', writable: false },
      { source: product, target: '/tmp/out', writable: true },
    ],
    [...['sh', '/tmp/src/build', `/usr/src/${sourcePackage}.tar.xz`], ...[kernel, '/tmp/out']],
    signal,
  );
  if (exitCode !== 0 || !existsSync(join(product, 'headers'))) {
    const end = lines.slice(-20).map((line) => `  ${line}`);
    throw new LabError(
      'LAB_BUILD',
      [`The kernel ${kernel} could not be built (exit code ${exitCode}):`, ...end].join('\n'),
    );
  }
  await rm(root, { recursive: true });
}
