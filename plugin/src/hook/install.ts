/** Puts the hook where libvirt looks for it, and takes it away again. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PrecopyError, messageOf } from '../errors.js';
import { refusedStatus } from './status.js';

const hookFolder = '/etc/libvirt/hooks';
const mark = '# Installed by precopy: `precopy hook uninstall` removes it.';
/** A hook that hangs would hang libvirt: far above what it needs, far below what anybody waits. */
const limitSeconds = 5;

export interface InstallOptions {
  /** Stands before every path: for packages and tests. */
  readonly root: string;
  /** `hooks/qemu` instead of `hooks/qemu.d/precopy`: for libvirt before 6.5. */
  readonly singleFile: boolean;
}

/**
 * @returns what was done, a sentence
 * @throws PrecopyError USAGE if somebody else's file is in the way; NO_ACCESS
 */
export function installHook({ root, singleFile }: InstallOptions): string {
  const file = fileOf(root, singleFile);
  const present = read(file);
  if (present !== undefined && !present.includes(mark)) {
    throw new PrecopyError(
      'USAGE',
      `${file} is there already and is not precopy's; it was left as it is.`,
      singleFile
        ? 'Leave --single-file out: libvirt 6.5 and later runs the files of qemu.d beside it.'
        : 'Move it to another name in that folder.',
    );
  }
  const script = hookScript(process.execPath, join(import.meta.dirname, 'main.js'));
  writing(file, () => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, script);
    chmodSync(file, 0o755);
  });
  const kept = !singleFile && existsSync(fileOf(root, true)) ? ` ${fileOf(root, true)} stays.` : '';
  return `Installed ${file}.${kept} libvirtd looks for hooks when it starts or gets SIGHUP: systemctl reload libvirtd (or virtqemud).`;
}

/** Removes what `installHook` made, in either place. @returns what was done @throws PrecopyError NO_ACCESS */
export function uninstallHook(root: string): string {
  const ours = [fileOf(root, false), fileOf(root, true)].filter((file) =>
    read(file)?.includes(mark),
  );
  for (const file of ours) {
    writing(file, () => {
      rmSync(file);
    });
  }
  if (ours.length === 0) return 'No hook of precopy is installed.';
  return `Removed ${ours.join(' and ')}. Controllers that are attached stay until their domains end.`;
}

function fileOf(root: string, singleFile: boolean): string {
  return join(root, hookFolder, singleFile ? 'qemu' : 'qemu.d/precopy');
}

/**
 * A shell script between libvirt and Node, since Node may be missing, too old or killed: whatever
 * becomes of it, libvirt hears of a refusal or of nothing.
 */
export function hookScript(node: string, main: string): string {
  return `#!/bin/sh
${mark}
# docs/libvirt.md tells what it does. It fails for a configured refusal only.
[ -x ${quoted(node)} ] && [ -r ${quoted(main)} ] || exit 0
timeout -k 1 ${limitSeconds} ${quoted(node)} ${quoted(main)} "$@"
[ $? -eq ${refusedStatus} ] && exit 1
exit 0
`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function writing(file: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new PrecopyError(
      'NO_ACCESS',
      `${file} can't be written: ${messageOf(cause)}.`,
      'Hooks belong to root: run it with sudo.',
      { cause },
    );
  }
}
