/** Gathers what refusal.ts needs to explain why a process's files could not be had. */
import { readFile, readlink, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { AccessFacts } from './refusal.js';

/** Bit of CAP_SYS_PTRACE in /proc/PID/status' CapEff (include/uapi/linux/capability.h). */
const CAP_SYS_PTRACE = 19n;

/** Never throws: what can't be read stays undefined. */
export async function gatherAccessFacts(pid: number, procRoot = '/proc'): Promise<AccessFacts> {
  const theirs = join(procRoot, String(pid));
  const [status, comm, owner, scope, ourNamespace, theirNamespace, profile] = await Promise.all([
    attempt(() => readFile(join(procRoot, 'self/status'), 'utf8')),
    attempt(() => readFile(join(theirs, 'comm'), 'utf8')),
    attempt(() => stat(theirs)),
    attempt(() => readFile(join(procRoot, 'sys/kernel/yama/ptrace_scope'), 'utf8')),
    attempt(() => readlink(join(procRoot, 'self/ns/user'))),
    attempt(() => readlink(join(theirs, 'ns/user'))),
    attempt(() => readFile(join(procRoot, 'self/attr/apparmor/current'), 'utf8')),
  ]);
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(status ?? '')?.[1];
  const seccomp = /^Seccomp:\s*(\d)/m.exec(status ?? '')?.[1];
  const label = profile?.trim();
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
    sameUserNamespace:
      ourNamespace === undefined || theirNamespace === undefined
        ? undefined
        : ourNamespace === theirNamespace,
    seccompFilter: seccomp === undefined ? undefined : seccomp === '2',
    appArmorProfile: label === undefined || label === 'unconfined' ? undefined : label,
    kernelRelease: release(),
  };
}

async function attempt<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
