/**
 * What is built inside the lab from sources: dirtygen (a kernel module) and the guest's boot sector.
 * Kept apart from the image and named by the hash of the sources, so that an edit rebuilds just that.
 *
 * The compiler is the dev root's, so that every machine builds the same: on the host in a user
 * namespace, or, where that is forbidden, in a VM booted from the dev root. Neither needs root rights.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import type { Accelerator } from './accelerator.js';
import { buildFolderOnce } from './atomic.js';
import { newConsoleLog } from './console-log.js';
import { LabError } from './errors.js';
import { hashOfFolder } from './hash.js';
import type { Image } from './image.js';
import type { ToolResult } from './process.js';
import type { Share } from './qemu-command.js';
import { canRunInRoot, runInRoot } from './root-shell.js';
import { useFolder } from './unused.js';
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

/** The extras that every boot of the lab has, as far as their sources are there. */
export function standardExtras(): Extra[] {
  const lab = join(repositoryRoot(), 'scripts/lab');
  const extras: Extra[] = [
    { name: 'workload', sources: join(lab, 'workload'), product: 'workload.bin' },
    { name: 'dirtygen', sources: join(lab, 'dirtygen'), product: 'dirtygen.ko' },
  ];
  return extras.filter(({ sources }) => existsSync(join(sources, 'Makefile')));
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
      report(`Building ${extra.name} for kernel ${image.kernelRelease}.`);
      await build(image, extra, temporaryFolder, { cacheFolder, accelerator, signal, report });
    },
    { signal },
  );
  await useFolder(folder, prefix);
  return join(folder, extra.product);
}

async function build(
  image: Image,
  extra: Extra,
  out: string,
  options: ExtraOptions,
): Promise<void> {
  const shares: Share[] = [
    { source: extra.sources, target: '/tmp/src', writable: false },
    { source: out, target: '/tmp/out', writable: true },
    ...(image.kernelHeaders === undefined
      ? []
      : [{ source: image.kernelHeaders, target: '/tmp/headers', writable: false }]),
  ];
  const make = [
    ...['make', '-j2', '-C', '/tmp/src', 'OUT=/tmp/out'],
    `KDIR=${image.kernelHeaders === undefined ? `/usr/src/linux-headers-${image.kernelRelease}` : '/tmp/headers'}`,
    ...(extra.makeArguments ?? []),
  ];
  const { exitCode, lines } = (await canRunInRoot(image.devRoot, options.signal))
    ? await runInRoot(image.devRoot, shares, make, options.signal)
    : await runInVm(image, shares, make, options);
  if (exitCode !== 0 || !existsSync(join(out, extra.product))) {
    throw new LabError(
      'LAB_BUILD',
      `${extra.name} could not be built for kernel ${image.kernelRelease} (make's exit code ${exitCode}):\n` +
        lines.map((line) => `  ${line}`).join('\n'),
    );
  }
  // The product alone is kept; kbuild's intermediate files are many times its size.
  for (const name of await readdir(out)) {
    if (name !== extra.product) await rm(join(out, name), { recursive: true, force: true });
  }
}

/** Some 50 times slower than on the host itself, and possible everywhere. */
async function runInVm(
  image: Image,
  shares: readonly Share[],
  argv: readonly string[],
  { cacheFolder, accelerator, signal, report }: ExtraOptions,
): Promise<ToolResult> {
  report('This machine forbids user namespaces, so the compiler runs in the VM: a few minutes.');
  const consoleLog = await newConsoleLog(cacheFolder);
  const vm = await startVm({
    accelerator,
    kernel: image.kernel,
    initramfs: image.initramfs,
    root: image.devRoot,
    memoryMiB: 2048,
    cpus: 2,
    shares,
    forwards: [],
    layers: [],
    modules: [],
    files: [],
    links: [],
    command: argv,
    workingFolder: '/',
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
  await rm(consoleLog, { force: true });
  return { exitCode, lines: Buffer.concat(output).toString().split('\n') };
}
