/**
 * The initramfs of L1. Its base (busybox and the modules that mount the root) belongs to the image;
 * what one boot needs (scripts, command, dirtygen) is appended to it as a second cpio archive.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { cpioArchive, type CpioEntry } from './cpio.js';
import { LabError } from './errors.js';

/** What it takes to mount the root over 9p and to talk to the host. */
const bootModules = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];

/** Reads depmod's `modules.dep`: file → the files it needs, in the order that modprobe would use. */
export function parseModulesDep(text: string): Map<string, string[]> {
  const dependencies = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    // depmod lists the nearest dependency first; it must be loaded last.
    const needs = line
      .slice(colon + 1)
      .split(/\s+/)
      .filter((file) => file !== '');
    dependencies.set(line.slice(0, colon), needs.reverse());
  }
  return dependencies;
}

/** The module's name as the kernel has it, from the name of its file. */
export function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/** The files to insert, in order, so that the named modules are loaded; built-in ones are left out. */
export function loadOrder(
  names: readonly string[],
  dependencies: ReadonlyMap<string, readonly string[]>,
  builtIn: ReadonlySet<string>,
): string[] {
  const order = new Set<string>();
  for (const name of names) {
    const file = [...dependencies.keys()].find((candidate) => moduleName(candidate) === name);
    if (file === undefined) {
      if (builtIn.has(name)) continue;
      throw new LabError(
        'LAB_IMAGE',
        `The kernel has no module ${name}, which the lab boots with.`,
      );
    }
    for (const needed of [...(dependencies.get(file) ?? []), file]) order.add(needed);
  }
  return [...order];
}

/**
 * The base archive.
 *
 * @param folder the kernel's modules, with depmod's `modules.dep` and kbuild's `modules.builtin`
 * @param busybox the root's statically linked one
 */
export async function baseInitramfs(folder: string, busybox: string): Promise<Buffer> {
  const dependencies = parseModulesDep(await readFile(join(folder, 'modules.dep'), 'utf8'));
  const builtIn = await readFile(join(folder, 'modules.builtin'), 'utf8');
  const files = loadOrder(bootModules, dependencies, new Set(builtIn.split('\n').map(moduleName)));
  const entries: CpioEntry[] = [
    ...['bin', 'dev', 'proc', 'sys', 'modules', 'lower', 'upper', 'root'].map(
      (path): CpioEntry => ({ path, kind: 'folder' }),
    ),
    { path: 'bin/busybox', kind: 'file', data: await readFile(busybox), executable: true },
  ];
  for (const [index, file] of files.entries()) {
    entries.push({
      // Numbered, as the init script loads them in the order of their names.
      path: `modules/${String(index).padStart(2, '0')}-${moduleName(file)}.ko`,
      kind: 'file',
      data: await uncompressedModule(join(folder, file), busybox),
    });
  }
  return cpioArchive(entries);
}

async function uncompressedModule(file: string, busybox: string): Promise<Buffer> {
  if (file.endsWith('.ko')) return await readFile(file);
  if (file.endsWith('.ko.gz')) return gunzipSync(await readFile(file));
  if (file.endsWith('.ko.xz')) {
    const { stdout } = await promisify(execFile)(busybox, ['unxz', '-c', file], {
      encoding: 'buffer',
      maxBuffer: 256 * 2 ** 20,
    });
    return stdout;
  }
  throw new LabError('LAB_IMAGE', `${file} is compressed in a way that the lab does not know.`);
}
