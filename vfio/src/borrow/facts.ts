/** Gathers what refusal.ts needs to explain why a process's files could not be had. */
import { readFile, readlink, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { isErrno } from '../errors.js';
import type { Kernel } from '../kernel/kernel.js';
import type { AccessFacts } from './refusal.js';

/** Bit of CAP_SYS_PTRACE in /proc/PID/status' CapEff (include/uapi/linux/capability.h). */
const CAP_SYS_PTRACE = 19n;

/** Never throws: what can't be read stays undefined. */
export async function gatherAccessFacts(
  kernel: Kernel,
  pid: number,
  procRoot = '/proc',
): Promise<AccessFacts> {
  const theirs = join(procRoot, String(pid));
  const [status, comm, owner, scope, sameUserNamespace, ourProfile, theirProfile] =
    await Promise.all([
      attempt(() => readFile(join(procRoot, 'self/status'), 'utf8')),
      attempt(() => readFile(join(theirs, 'comm'), 'utf8')),
      attempt(() => stat(theirs)),
      attempt(() => readFile(join(procRoot, 'sys/kernel/yama/ptrace_scope'), 'utf8')),
      compareUserNamespaces(join(procRoot, 'self'), theirs),
      readAppArmorProfile(join(procRoot, 'self/attr')),
      readAppArmorProfile(join(theirs, 'attr')),
    ]);
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(status ?? '')?.[1];
  const seccomp = /^Seccomp:\s*(\d)/m.exec(status ?? '')?.[1];
  return {
    pid,
    comm: comm?.trim(),
    ourUid: process.geteuid?.() ?? -1,
    theirUid: owner?.uid,
    capSysPtrace:
      effective === undefined
        ? undefined
        : ((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n,
    ptraceScope: scope === undefined ? undefined : Number(scope),
    sameUserNamespace,
    seccompFilter: seccomp === undefined ? undefined : seccomp === '2',
    refusedToOurselves: refusedToOurselves(kernel),
    ourAppArmorProfile: ourProfile,
    theirAppArmorProfile: theirProfile,
    kernelRelease: release(),
  };
}

/**
 * The link that names a process's user namespace needs the very access that may have been refused. Its
 * uid_map does not, and is written in terms of the reader's namespace, or of the parent's if that is the
 * process's own (uid_m_show): where it differs from ours the namespaces do, as they may where it does not.
 */
async function compareUserNamespaces(ours: string, theirs: string): Promise<boolean | undefined> {
  const both = async (read: (folder: string) => Promise<string>): Promise<boolean | undefined> => {
    const [our, their] = await Promise.all([
      attempt(() => read(ours)),
      attempt(() => read(theirs)),
    ]);
    return our === undefined || their === undefined ? undefined : our === their;
  };
  const byLink = await both((folder) => readlink(join(folder, 'ns/user')));
  if (byLink !== undefined) return byLink;
  const byMap = await both((folder) => readFile(join(folder, 'uid_map'), 'utf8'));
  return byMap === false ? false : undefined;
}

/** `NAME (MODE)`, or `unconfined`; on older kernels only where SELinux's label would be. */
async function readAppArmorProfile(folder: string): Promise<string | undefined> {
  const label =
    (await attempt(() => readFile(join(folder, 'apparmor/current'), 'utf8'))) ??
    (await attempt(() => readFile(join(folder, 'current'), 'utf8')));
  const profile = label?.replace('\0', '').trim();
  return profile !== undefined && /\((?:enforce|kill|prompt|complain)\)$/.test(profile)
    ? profile
    : undefined;
}

/** With what the system calls fail for our own process, over which nobody needs any right (ptrace_may_access). */
function refusedToOurselves(kernel: Kernel): string | undefined {
  let pidfd: number | undefined;
  try {
    pidfd = kernel.pidfdOpen(process.pid);
    kernel.close(kernel.pidfdGetfd(pidfd, pidfd));
    return undefined;
  } catch (error) {
    return isErrno(error, 'EPERM', 'EACCES', 'ENOSYS') ? error.errnoName : undefined;
  } finally {
    if (pidfd !== undefined) kernel.close(pidfd);
  }
}

async function attempt<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
