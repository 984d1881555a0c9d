/**
 * What is built inside the lab from sources: dirtygen (a kernel module) and the guest's boot sector.
 * Kept apart from the image and named by the hash of the sources, so that an edit rebuilds just that.
 *
 * The build runs in L1, booted from the dev root: it needs neither a compiler nor root rights on the
 * host, and is the same everywhere.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { repositoryRoot } from '../repository.js';
import type { Accelerator } from './accelerator.js';
import { buildFolderOnce } from './atomic.js';
import { newConsoleLog } from './console-log.js';
import { LabError } from './errors.js';
import type { Image } from './image.js';
import { startVm } from './vm.js';

/** Something that `make` builds in the dev root. */
export interface Extra {
  readonly name: string;
  /** Folder with the sources and a Makefile that takes OUT (writable) and, for modules, KDIR. */
  readonly sources: string;
  /** The file that it makes in OUT. */
  readonly product: string;
  /** More `NAME=value` arguments for make. */
  readonly makeArguments?: readonly string[] | undefined;
}

/** The extras that every boot of the lab has, as far as their sources exist. */
export function standardExtras(): Extra[] {
  const lab = join(repositoryRoot(), 'scripts/lab');
  return [
    { name: 'dirtygen', sources: join(lab, 'dirtygen'), product: 'dirtygen.ko' },
    { name: 'workload', sources: join(lab, 'workload'), product: 'workload.bin' },
  ].filter(({ sources }) => existsSync(join(sources, 'Makefile')));
}

export interface ExtraOptions {
  readonly cacheFolder: string;
  readonly accelerator: Accelerator;
  readonly signal?: AbortSignal | undefined;
  readonly report: (line: string) => void;
}

/**
 * Builds the extra if need be.
 *
 * @returns the path of its product on the host
 * @throws LabError LAB_BUILD with the compiler's output
 */
export async function ensureExtra(
  image: Image,
  extra: Extra,
  { cacheFolder, accelerator, signal, report }: ExtraOptions,
): Promise<string> {
  const hash = createHash('sha256')
    .update(image.id)
    .update(JSON.stringify(extra.makeArguments ?? []))
    .update(await hashOfFolder(extra.sources))
    .digest('hex')
    .slice(0, 12);
  const folders = join(cacheFolder, 'extras');
  const prefix = `${image.suite}-${extra.name}-`;
  const folder = join(folders, `${prefix}${hash}`);
  await buildFolderOnce(
    folder,
    async (temporaryFolder) => {
      report(`Building ${extra.name} for kernel ${image.kernelRelease} inside the lab.`);
      await build(image, extra, temporaryFolder, { cacheFolder, accelerator, signal, report });
    },
    { signal },
  );
  const now = new Date();
  await utimes(folder, now, now);
  await removeOld(folders, prefix, folder, now);
  return join(folder, extra.product);
}

async function build(
  image: Image,
  extra: Extra,
  out: string,
  { cacheFolder, accelerator, signal }: ExtraOptions,
): Promise<void> {
  const consoleLog = await newConsoleLog(cacheFolder);
  const vm = await startVm({
    accelerator,
    kernel: image.kernel,
    initramfs: image.initramfs,
    root: image.devRoot,
    memoryMiB: 2048,
    cpus: 2,
    shares: [
      { source: extra.sources, target: '/src', writable: false },
      { source: out, target: '/out', writable: true },
    ],
    forwards: [],
    modules: [],
    files: [],
    links: [],
    command: [
      ...['make', '-C', '/src', 'OUT=/out'],
      `KDIR=/usr/src/linux-headers-${image.kernelRelease}`,
      ...(extra.makeArguments ?? []),
    ],
    workingFolder: '/src',
    environment: {},
    consoleLog,
    bootLimitMs: 120_000,
    signal,
  });
  const output: Buffer[] = [];
  for (const stream of [vm.stdout, vm.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk));
  }
  const exitCode = await vm.exitCode;
  if (exitCode !== 0 || !existsSync(join(out, extra.product))) {
    throw new LabError(
      'LAB_BUILD',
      `${extra.name} could not be built for kernel ${image.kernelRelease} (make's exit code ${exitCode}):\n` +
        Buffer.concat(output).toString(),
    );
  }
  // The module alone is kept; kbuild's intermediate files are many times its size.
  for (const name of await readdir(out)) {
    if (name !== extra.product) await rm(join(out, name), { recursive: true, force: true });
  }
  await rm(consoleLog, { force: true });
}

async function hashOfFolder(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) {
    hash.update(`${relative(folder, file)}\0`);
    hash.update(
      createHash('sha256')
        .update(await readFile(file))
        .digest(),
    );
  }
  return hash.digest('hex');
}

/** Removes builds of older sources that no clone used for an hour. */
async function removeOld(
  folders: string,
  prefix: string,
  current: string,
  now: Date,
): Promise<void> {
  for (const name of await readdir(folders)) {
    const folder = join(folders, name);
    if (!name.startsWith(prefix) || folder === current) continue;
    if (now.getTime() - (await stat(folder)).mtimeMs > 60 * 60 * 1000) {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
