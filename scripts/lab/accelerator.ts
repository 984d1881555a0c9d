/**
 * KVM or TCG for L1. That /dev/kvm opens says little (nested virtualization may be broken), so KVM
 * is used only after a VM really ran under it; the verdict is kept until the machine reboots.
 */
import { constants } from 'node:fs';
import { access, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LabError } from './errors.js';
import type { Image } from './image.js';
import { requireProgram } from './process.js';
import { startVm } from './vm.js';

export type Accelerator = 'tcg' | 'kvm';

/** A VM that works under KVM starts its command in about 2 s. */
const trialMs = 15_000;

export async function chooseAccelerator(
  image: Image,
  cacheFolder: string,
  {
    signal,
    environment = process.env,
  }: { signal?: AbortSignal | undefined; environment?: NodeJS.ProcessEnv } = {},
): Promise<Accelerator> {
  const asked = environment['PRECOPY_LAB_ACCELERATOR'];
  if (asked === 'tcg' || asked === 'kvm') return asked;
  if (asked) {
    throw new LabError('LAB_USAGE', `PRECOPY_LAB_ACCELERATOR is "${asked}"; it can be tcg or kvm.`);
  }
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return 'tcg';
  }
  const qemu = await requireProgram('qemu-system-x86_64');
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const key = `${bootId.trim()} ${qemu} ${(await stat(qemu)).mtimeMs}`;
  const file = join(cacheFolder, 'accelerator.json');
  const known = await readVerdict(file);
  if (known?.key === key) return known.accelerator;
  const accelerator = (await trialBoot(image, cacheFolder, signal)) ? 'kvm' : 'tcg';
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, `${JSON.stringify({ key, accelerator })}\n`);
  await rename(`${file}.${process.pid}`, file);
  return accelerator;
}

async function readVerdict(
  file: string,
): Promise<{ key: string; accelerator: Accelerator } | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof found !== 'object' || found === null) return undefined;
    const { key, accelerator } = found as { key?: unknown; accelerator?: unknown };
    if (typeof key !== 'string' || (accelerator !== 'tcg' && accelerator !== 'kvm')) {
      return undefined;
    }
    return { key, accelerator };
  } catch {
    return undefined;
  }
}

async function trialBoot(
  image: Image,
  cacheFolder: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const vm = await startVm({
    accelerator: 'kvm',
    kernel: image.kernel,
    initramfs: image.initramfs,
    root: image.runRoot,
    memoryMiB: 1024,
    cpus: 2,
    shares: [],
    forwards: [],
    layers: [],
    modules: [],
    files: [],
    links: [],
    command: ['true'],
    workingFolder: '/',
    environment: {},
    consoleLog: join(cacheFolder, 'kvm-trial.log'),
    bootLimitMs: trialMs,
    signal,
  });
  vm.stdout.resume();
  vm.stderr.resume();
  try {
    return (await vm.exitCode) === 0;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LabError && error.code === 'LAB_BOOT') return false;
    throw error;
  }
}
