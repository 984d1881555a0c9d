/** Debian packages, unpacked into a folder without root rights: no maintainer script runs. */
import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LabError } from './errors.js';
import { debianMirror } from './mirror.js';
import { requireProgram, runTool } from './process.js';

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told what mmdebstrap says. */
  readonly report?: ((line: string) => void) | undefined;
}

/**
 * Unpacks the packages and all they depend on into `root`, a folder that does not exist yet.
 *
 * @throws LabError LAB_IMAGE, LAB_TOOL_MISSING; the signal's reason when aborted
 */
export async function unpackPackages(
  suite: string,
  root: string,
  packages: readonly string[],
  { signal, report = () => undefined }: UnpackOptions = {},
): Promise<void> {
  const mirror = debianMirror();
  const result = await runTool(
    [
      await requireProgram('mmdebstrap'),
      '--mode=chrootless',
      '--variant=extract',
      '--format=directory',
      '--architectures=amd64',
      `--include=${packages.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      // sid's and old suites' Release files may be past their date; signatures are still checked.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      '--aptopt=Acquire::Retries "3"',
      suite,
      root,
      ...(mirror === undefined ? [] : [mirror]),
    ],
    {
      signal,
      onLine: (line) => {
        if (/^[IE]: (?!skipping)/.test(line)) report(`  ${basename(root)}: ${line.slice(3)}`);
      },
    },
  );
  if (result.exitCode !== 0) {
    throw new LabError(
      'LAB_IMAGE',
      [
        `mmdebstrap could not unpack Debian ${suite} (exit code ${result.exitCode}):`,
        ...result.lines.slice(-12).map((line) => `  ${line}`),
        'If the archive is not reachable from here, name a mirror in PRECOPY_DEBIAN_MIRROR.',
      ].join('\n'),
    );
  }
}

/** What maintainer scripts would have made: /bin/sh, and something for each basic command. */
export async function linkBasicCommands(root: string): Promise<void> {
  for (const [name, target] of [
    ['bin/sh', 'dash'],
    ['usr/bin/awk', 'mawk'],
  ] as const) {
    if (!existsSync(join(root, name))) await symlink(target, join(root, name));
  }
}
