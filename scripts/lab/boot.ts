/** Boots the lab for one command: image, extras, accelerator, shares. The lab's API for TypeScript. */
import { readFile, realpath, mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { chooseAccelerator } from './accelerator.js';
import { newConsoleLog } from './console-log.js';
import { LabError } from './errors.js';
import { ensureExtra, standardExtras, type Extra } from './extras.js';
import { hostNode } from './host-node.js';
import { ensureImage, type Image } from './image.js';
import { imageWithKernel, type LabKernel } from './kernels.js';
import { ensureLayer, type LabLayer } from './layers.js';
import { labCacheFolder } from './paths.js';
import type { Forward, Share } from './qemu-command.js';
import { defaultSuite, type Suite } from './suites.js';
import { startVm, type TerminalSize, type Vm } from './vm.js';

export interface LabOptions {
  /** The command and its arguments; runs as root in the clone's folder. */
  readonly command: readonly string[];
  /** Default trixie. */
  readonly suite?: Suite | undefined;
  /** Default: the suite's own. */
  readonly kernel?: LabKernel | undefined;
  /** More programs than the image has. */
  readonly layer?: LabLayer | undefined;
  /** Folder of the host that is writable in L1 as /out; made if it does not exist. */
  readonly out?: string | undefined;
  /** Ports of the host's 127.0.0.1 that lead into L1. The command must listen on all addresses. */
  readonly forwards?: readonly Forward[] | undefined;
  /** More environment variables for the command. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** L1's memory. Default 6144; it is taken from the host as L1 touches it. */
  readonly memoryMiB?: number | undefined;
  /** Default 2. */
  readonly cpus?: number | undefined;
  /** Limit for everything from power-on to the command's end. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** Command and arguments that start QEMU, e.g. `chrt --rr 1`. */
  readonly launcher?: readonly string[] | undefined;
  /** More modules or files to build and to load, e.g. a patched vfio_iommu_type1. */
  readonly extras?: readonly Extra[] | undefined;
  /** Gives the command a terminal in place of stdout and stderr. */
  readonly terminal?: TerminalSize | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told in plain lines what takes time before the boot. */
  readonly report?: ((line: string) => void) | undefined;
  readonly cacheFolder?: string | undefined;
}

export interface Lab extends Vm, AsyncDisposable {
  readonly kernelRelease: string;
  readonly accelerator: 'tcg' | 'kvm';
  /** L1's kernel console, kept after L1's end. */
  readonly consoleLog: string;
  /** Ends L1 at once, if it still runs. */
  close(): Promise<void>;
}

/** Power-on to the command's start; it takes 4 s on two idle cores. */
const bootLimitMs = 120_000;

/** What VFIO needs in L1: the container, the PCI driver, and mediated devices for dirtygen. */
const modules = ['vfio', 'vfio_iommu_type1', 'vfio_pci', 'mdev', 'vfio_mdev'];

/** Where L1 has the share of a layer, before it lies over /usr. */
const layerTarget = '/lab/layer';

/**
 * Builds what is not built yet and boots L1 with the command.
 *
 * @returns as soon as QEMU runs; `started` and `exitCode` tell how it goes on
 * @throws LabError; the signal's reason when aborted
 */
export async function bootLab(options: LabOptions): Promise<Lab> {
  const { report = () => undefined, cacheFolder = labCacheFolder() } = options;
  const closing = new AbortController();
  const signals = [closing.signal, ...(options.signal ? [options.signal] : [])];
  const prepared = await prepareLab({ ...options, report, cacheFolder });
  const { image, layerFolder, accelerator, products } = prepared;

  const root = repositoryRoot();
  const node = await hostNode(image.runRoot);
  if (options.out !== undefined) await mkdir(options.out, { recursive: true });
  const shares: Share[] = [
    { source: root, target: root, writable: false },
    ...node.shares,
    ...(layerFolder === undefined
      ? []
      : [{ source: layerFolder, target: layerTarget, writable: false }]),
    ...(options.out === undefined
      ? []
      : [{ source: await realpath(options.out), target: '/out', writable: true }]),
  ];
  const consoleLog = await newConsoleLog(cacheFolder);
  const { timeoutMs } = options;
  if (timeoutMs !== undefined) {
    setTimeout(() => {
      closing.abort(
        new LabError(
          'LAB_TIMEOUT',
          `The time limit of ${timeoutMs / 1000} s passed. L1's console log: ${consoleLog}`,
        ),
      );
    }, timeoutMs).unref();
  }
  const vm = await startVm({
    accelerator,
    kernel: image.kernel,
    initramfs: image.initramfs,
    root: image.runRoot,
    memoryMiB: options.memoryMiB ?? 6144,
    cpus: options.cpus ?? 2,
    shares,
    forwards: options.forwards ?? [],
    layers: layerFolder === undefined ? [] : [layerTarget],
    modules,
    files: await Promise.all(
      products.map(async (file) => ({ name: basename(file), data: await readFile(file) })),
    ),
    links: node.links,
    command: options.command,
    workingFolder: root,
    environment: {
      PATH: `${node.programFolder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/lab/applets`,
      ...(node.libraryFolder === undefined ? {} : { LD_LIBRARY_PATH: node.libraryFolder }),
      HOME: '/root',
      LANG: 'C.UTF-8',
      PRECOPY_LAB: image.suite,
      ...(options.kernel === undefined ? {} : { PRECOPY_LAB_KERNEL: options.kernel }),
      ...options.environment,
    },
    terminal: options.terminal,
    consoleLog,
    launcher: options.launcher,
    bootLimitMs,
    signal: AbortSignal.any(signals),
  });
  const close = async (): Promise<void> => {
    closing.abort(new LabError('LAB_ABORTED', 'The lab was closed.'));
    await vm.exitCode.catch(() => undefined);
  };
  return {
    ...vm,
    kernelRelease: image.kernelRelease,
    accelerator,
    consoleLog,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Builds image and extras without booting (`lab setup`). */
export async function prepareLab({
  suite = defaultSuite,
  kernel,
  layer,
  extras = [],
  signal,
  report = () => undefined,
  cacheFolder = labCacheFolder(),
}: Pick<
  LabOptions,
  'suite' | 'kernel' | 'layer' | 'extras' | 'signal' | 'report' | 'cacheFolder'
>): Promise<{
  image: Image;
  layerFolder: string | undefined;
  accelerator: 'tcg' | 'kvm';
  products: string[];
}> {
  const suiteImage = await ensureImage(suite, { signal, report, cacheFolder });
  const image =
    kernel === undefined
      ? suiteImage
      : await imageWithKernel(suiteImage, kernel, { signal, report, cacheFolder });
  const layerFolder =
    layer === undefined
      ? undefined
      : await ensureLayer(suite, layer, { signal, report, cacheFolder });
  const accelerator = await chooseAccelerator(image, cacheFolder, { signal });
  const products: string[] = [];
  for (const extra of [...standardExtras(), ...extras]) {
    products.push(await ensureExtra(image, extra, { cacheFolder, accelerator, signal, report }));
  }
  return { image, layerFolder, accelerator, products };
}
