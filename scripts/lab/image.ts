/**
 * Lab images: a Debian root to run L1 from, one with the same kernel's headers and a compiler, the
 * kernel, and the base of the initramfs. Built without root rights: mmdebstrap only unpacks the
 * packages, no maintainer script runs.
 */
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolderOnce } from './atomic.js';
import { linkBasicCommands, unpackPackages } from './debian.js';
import { LabError } from './errors.js';
import { baseInitramfs } from './initramfs.js';
import { labCacheFolder } from './paths.js';
import { runTool } from './process.js';
import { recipeHash, recipeOf, type Recipe, type Suite } from './suites.js';
import { useFolder } from './unused.js';

export interface Image {
  readonly suite: Suite;
  /** Identifies recipe and build, for whatever is cached per image. */
  readonly id: string;
  /** As `uname -r` says it in L1. */
  readonly kernelRelease: string;
  readonly kernel: string;
  readonly initramfs: string;
  readonly runRoot: string;
  readonly devRoot: string;
  /** What modules are built against; undefined: the headers of Debian's kernel, in the dev root. */
  readonly kernelHeaders?: string | undefined;
}

interface Manifest {
  readonly id: string;
  readonly kernelRelease: string;
}

export interface ImageOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told in plain lines what takes time. */
  readonly report?: ((line: string) => void) | undefined;
  readonly cacheFolder?: string | undefined;
}

/**
 * The image of a suite, built if there is none of this recipe yet (some 30 s on two cores and a fast
 * mirror).
 *
 * @throws LabError LAB_IMAGE, LAB_TOOL_MISSING; the signal's reason when aborted
 */
export async function ensureImage(suite: Suite, options: ImageOptions = {}): Promise<Image> {
  const { report = () => undefined, signal, cacheFolder = labCacheFolder() } = options;
  const recipe = recipeOf(suite);
  const images = join(cacheFolder, 'images');
  const folder = join(images, `${suite}-${recipeHash(recipe)}`);
  await buildFolderOnce(
    folder,
    async (temporaryFolder) => {
      const startMs = performance.now();
      report(`Building the lab image for Debian ${suite} in ${folder} (once).`);
      await buildImage(recipe, temporaryFolder, { signal, report });
      report(`The image took ${((performance.now() - startMs) / 1000).toFixed(0)} s.`);
    },
    {
      signal,
      onWait: () => {
        report(`Waiting for another process that builds the ${suite} image.`);
      },
    },
  );
  await useFolder(folder, `${suite}-`);
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  return {
    suite,
    id: manifest.id,
    kernelRelease: manifest.kernelRelease,
    kernel: join(folder, 'vmlinuz'),
    initramfs: join(folder, 'initramfs.cpio'),
    runRoot: join(folder, 'run'),
    devRoot: join(folder, 'dev'),
  };
}

async function buildImage(
  recipe: Recipe,
  folder: string,
  { signal, report }: { signal: AbortSignal | undefined; report: (line: string) => void },
): Promise<void> {
  if (process.arch !== 'x64') {
    throw new LabError(
      'LAB_IMAGE',
      `The lab's images are x86-64 and are prepared by running some of their own programs; this machine is ${process.arch}.`,
    );
  }
  const runRoot = join(folder, 'run');
  const devRoot = join(folder, 'dev');
  // Together, so that both see the same state of the archive and thus the same kernel version.
  const halves = new AbortController();
  const either = signal ? AbortSignal.any([signal, halves.signal]) : halves.signal;
  const results = await Promise.allSettled(
    (
      [
        [runRoot, recipe.runPackages],
        [devRoot, recipe.devPackages],
      ] as const
    ).map(async ([root, packages]) => {
      try {
        await unpackRoot(recipe.suite, root, packages, { signal: either, report });
      } catch (error) {
        halves.abort(error);
        throw error;
      }
    }),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;

  const [kernelRelease, ...others] = await readdir(join(runRoot, 'lib/modules'));
  if (kernelRelease === undefined || others.length > 0) {
    throw new LabError('LAB_IMAGE', `The ${recipe.suite} root must have exactly one kernel.`);
  }
  if (!existsSync(join(devRoot, 'usr/src', `linux-headers-${kernelRelease}`))) {
    throw new LabError(
      'LAB_IMAGE',
      `The archive serves kernel ${kernelRelease} without its headers: it is between two updates. Try again later.`,
    );
  }
  await runOwnProgram(runRoot, 'kmod', 'depmod', ['-b', runRoot, kernelRelease], signal);
  await writeFile(
    join(folder, 'initramfs.cpio'),
    await baseInitramfs(join(runRoot, 'lib/modules', kernelRelease), busyboxOf(runRoot)),
  );
  // Debian moved it from /boot to the modules with the kernels of forky.
  const kernel = [`boot/vmlinuz-${kernelRelease}`, `lib/modules/${kernelRelease}/vmlinuz`].find(
    (file) => existsSync(join(runRoot, file)),
  );
  if (kernel === undefined) throw new LabError('LAB_IMAGE', `No kernel in ${runRoot}.`);
  await symlink(join('run', kernel), join(folder, 'vmlinuz'));
  const manifest: Manifest = {
    id: `${recipe.suite}-${recipeHash(recipe)}-${kernelRelease}`,
    kernelRelease,
  };
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Unpacks the packages and all they depend on into `root`, and makes it fit to boot from. */
async function unpackRoot(
  suite: Suite,
  root: string,
  packages: readonly string[],
  { signal, report }: { signal: AbortSignal; report: (line: string) => void },
): Promise<void> {
  await unpackPackages(suite, root, packages, { signal, report });
  await linkBasicCommands(root);
  const applets = join(root, 'lab/applets');
  await mkdir(applets, { recursive: true });
  const { lines } = await runTool([busyboxOf(root), '--list'], { signal });
  for (const applet of lines) await symlink('/lab/busybox', join(applets, applet));
}

/** The root's statically linked busybox, which runs on the host as well. */
export function busyboxOf(root: string): string {
  for (const place of ['usr/bin/busybox', 'bin/busybox']) {
    if (existsSync(join(root, place))) return join(root, place);
  }
  throw new LabError('LAB_IMAGE', `No busybox in ${root}.`);
}

/** Runs a program of an unpacked root on the host, with the root's own loader and libraries. */
async function runOwnProgram(
  root: string,
  program: string,
  calledAs: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const folders = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((f) => join(root, f));
  const libraries = folders.filter((f) => existsSync(f));
  const loaders = libraries.flatMap((f) =>
    ['ld-linux-x86-64.so.2', 'ld-2.31.so'].map((name) => join(f, name)),
  );
  const loader = loaders.find((file) => existsSync(file));
  const file = ['usr/bin', 'bin'].map((f) => join(root, f, program)).find((f) => existsSync(f));
  if (loader === undefined || file === undefined) {
    throw new LabError('LAB_IMAGE', `${root} has no ${loader === undefined ? 'loader' : program}.`);
  }
  // kmod looks at the name it is called by; the loader passes on the one of the file it was given.
  const link = join(root, 'lab', calledAs);
  await symlink(file, link);
  try {
    const result = await runTool([loader, '--library-path', libraries.join(':'), link, ...args], {
      signal,
    });
    if (result.exitCode !== 0) {
      throw new LabError('LAB_IMAGE', `${calledAs} failed:\n${result.lines.join('\n')}`);
    }
  } finally {
    await rm(link);
  }
}
