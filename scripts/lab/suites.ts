import { createHash } from 'node:crypto';

/** The Debian suites that the lab can boot; each stands for a kernel and a QEMU. */
export const suites = ['bullseye', 'bookworm', 'trixie', 'sid'] as const;
export type Suite = (typeof suites)[number];
export const defaultSuite: Suite = 'trixie';

export function isSuite(text: string): text is Suite {
  return (suites as readonly string[]).includes(text);
}

/** What one image is made of. Everything that changes the built files must be in here. */
export interface Recipe {
  readonly suite: Suite;
  /** Raised by hand when the code that builds images changes what it builds. */
  readonly revision: number;
  /** The root that L1 runs from: kernel, QEMU for L2, and what the host's Node needs. */
  readonly runPackages: readonly string[];
  /** The root that kernel modules and the boot sector are built in. Same kernel version. */
  readonly devPackages: readonly string[];
}

export function recipeOf(suite: Suite): Recipe {
  // busybox-static is PID 1's shell and fills in for every tool that the root does not have; kmod
  // because busybox's modprobe can't read xz-compressed modules reliably.
  const base = ['base-files', 'busybox-static', 'kmod', 'dash', 'libc6'];
  return {
    suite,
    revision: 2,
    runPackages: [
      ...base,
      'linux-image-amd64',
      'qemu-system-x86',
      'seabios',
      'libstdc++6',
      'bash',
      'coreutils',
    ],
    devPackages: [
      ...base,
      'linux-headers-amd64',
      ...['gcc', 'libc6-dev', 'make', 'binutils', 'perl'],
      // The commands that kbuild calls; busybox's are there only when the VM runs.
      ...['coreutils', 'diffutils', 'findutils', 'grep', 'mawk', 'sed'],
    ],
  };
}

/** A name for the recipe's content: twelve hex digits. */
export function recipeHash(recipe: Recipe): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12);
}
