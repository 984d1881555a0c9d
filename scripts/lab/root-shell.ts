/**
 * Runs a program of an unpacked root on the host, as if that were the root folder, without root
 * rights: in a user and a mount namespace of its own (unshare(1) of util-linux).
 */
import { findProgram, runTool, type ToolResult } from './process.js';
import type { Share } from './qemu-command.js';

/** $1 is the root, then SOURCE TARGET pairs up to `--`, then the program. Errors are told by 99. */
const script = `
root=$1; shift
{
  mount -t tmpfs tmp "$root/tmp" && mount --rbind /dev "$root/dev" &&
    mount --rbind /proc "$root/proc" || exit 99
  while [ "$1" != -- ]; do
    mkdir -p "$root$2" && mount --rbind "$1" "$root$2" || exit 99
    shift 2
  done
  shift
} 2>/dev/null
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
`;

/** An ordinary user's PATH may lack the folders where chroot is. */
const environment = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

function commandLine(root: string, shares: readonly Share[], argv: readonly string[]): string[] {
  const pairs = shares.flatMap(({ source, target }) => [source, target]);
  const unshare = ['unshare', '--user', '--map-root-user', '--mount', '--'];
  return [...unshare, 'sh', '-c', script, 'sh', root, ...pairs, '--', ...argv];
}

/**
 * Whether this machine lets us do that: some containers and security modules forbid it.
 */
export async function canRunInRoot(root: string, signal?: AbortSignal): Promise<boolean> {
  for (const program of ['unshare', 'chroot', 'mount']) {
    if ((await findProgram(program, environment)) === undefined) return false;
  }
  const { exitCode } = await runTool(commandLine(root, [], ['true']), { signal, environment });
  return exitCode === 0;
}

/** Shares' targets must be below /tmp, which is empty but for them. Call canRunInRoot first. */
export async function runInRoot(
  root: string,
  shares: readonly Share[],
  argv: readonly string[],
  signal?: AbortSignal,
): Promise<ToolResult> {
  return await runTool(commandLine(root, shares, argv), { signal, environment });
}
