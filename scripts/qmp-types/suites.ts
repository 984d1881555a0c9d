/**
 * QEMUs of other versions than the installed one, from Debian's packages: unpacked into the cache
 * folder, not installed, and run with their own loader and libraries.
 *
 *   node scripts/dist/qmp-types/suites.js unpack SUITE...   e.g. trixie (QEMU 10.0), sid (11.x)
 *   node scripts/dist/qmp-types/suites.js run SUITE PROGRAM ARGS...
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildFolderOnce } from '../lab/atomic.js';
import { unpackPackages } from '../lab/debian.js';
import { labCacheFolder } from '../lab/paths.js';

const PACKAGES = ['qemu-system-x86', 'seabios', 'qemu-utils', 'qemu-guest-agent', 'libc6'];

function folderOf(suite: string): string {
  return join(dirname(labCacheFolder()), 'qemu', suite);
}

/**
 * Unpacks the QEMU of a suite once; some 20 s and 400 MB.
 *
 * @throws LabError LAB_IMAGE, LAB_TOOL_MISSING
 */
export async function unpackSuite(suite: string): Promise<void> {
  await unpackOnce(suite, PACKAGES, folderOf(suite));
}

async function unpackOnce(
  suite: string,
  packages: readonly string[],
  target: string,
): Promise<void> {
  await buildFolderOnce(target, (folder) => unpackPackages(suite, join(folder, 'root'), packages));
}

/** The command that runs a program of a suite; unpacks the suite first if need be. */
export async function suiteCommand(suite: string, program: string): Promise<string[]> {
  await unpackSuite(suite);
  const root = join(folderOf(suite), 'root');
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((folder) =>
    join(root, folder),
  );
  const binary = ['usr/bin', 'usr/sbin']
    .map((folder) => join(root, folder, program))
    .find((path) => existsSync(path));
  const loader = libraries
    .map((folder) => join(folder, 'ld-linux-x86-64.so.2'))
    .find((path) => existsSync(path));
  if (binary === undefined || loader === undefined) {
    throw new Error(`Debian ${suite} as unpacked in ${root} has no ${program}.`);
  }
  const firmware = program.startsWith('qemu-system')
    ? ['qemu', 'seabios'].flatMap((name) => ['-L', join(root, 'usr/share', name)])
    : [];
  // QEMU 7.2 is built with its accelerators as modules, and looks for them in the system's folder.
  const modules = join(root, 'usr/lib/x86_64-linux-gnu/qemu');
  return [
    ...['env', `QEMU_MODULE_DIR=${modules}`, loader, '--library-path', libraries.join(':')],
    ...[binary, ...firmware],
  ];
}

/** The QEMU of a suite, taken apart as those want it who put a launcher before QEMU. */
export async function suiteQemu(
  suite: string,
): Promise<{ launcher: string[]; qemu: string; args: string[] }> {
  const command = await suiteCommand(suite, 'qemu-system-x86_64');
  const at = command.findIndex((word) => word.endsWith('/qemu-system-x86_64'));
  return {
    launcher: command.slice(0, at),
    qemu: command[at] ?? '',
    args: command.slice(at + 1),
  };
}

/** Python with the reference library qemu.qmp, which Debian has in sid (python3-qemu.qmp). */
export async function pythonQmpCommand(): Promise<{
  command: string[];
  environment: Record<string, string>;
}> {
  const folder = join(dirname(labCacheFolder()), 'qemu', 'python');
  await unpackOnce('sid', ['python3-qemu.qmp', 'libc6'], folder);
  const root = join(folder, 'root');
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  return {
    command: [
      ...[join(libraries, 'ld-linux-x86-64.so.2'), '--library-path', libraries],
      join(root, 'usr/bin/python3'),
    ],
    environment: {
      PYTHONHOME: join(root, 'usr'),
      PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
    },
  };
}

if (import.meta.filename === process.argv[1]) {
  const [action, ...rest] = process.argv.slice(2);
  if (action === 'unpack' && rest.length > 0) {
    for (const suite of rest) await unpackSuite(suite);
  } else if (action === 'run' && rest.length >= 2) {
    const [suite = '', program = '', ...args] = rest;
    const [command = '', ...first] = await suiteCommand(suite, program);
    process.exitCode = spawnSync(command, [...first, ...args], { stdio: 'inherit' }).status ?? 1;
  } else {
    console.error('usage: suites.js unpack SUITE... | suites.js run SUITE PROGRAM ARGS...');
    process.exitCode = 2;
  }
}
