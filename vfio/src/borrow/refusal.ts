/**
 * Why another process's files could not be had, and what to do about it. Pure: the facts are gathered in
 * facts.ts.
 *
 * pidfd_getfd(2) asks ptrace_may_access(PTRACE_MODE_ATTACH_REALCREDS), kernel/ptrace.c: same real,
 * effective and saved uid and gid, the target dumpable, its capabilities a subset of ours in the same user
 * namespace, or CAP_SYS_PTRACE over the target's user namespace; then the LSMs (Yama, AppArmor, SELinux).
 * The links in /proc/PID/fd ask for PTRACE_MODE_READ, which Yama does not restrict.
 */
import { VfioError } from '../errors.js';

/** What could be learnt about us and the process whose files we want. Undefined: not readable. */
export interface AccessFacts {
  readonly pid: number;
  /** `comm` of the process, such as `qemu-system-x86`. */
  readonly comm?: string | undefined;
  /** Effective uid of this process. */
  readonly ourUid: number;
  /** Owner of /proc/PID: its effective uid, or 0 if it is not dumpable. */
  readonly theirUid?: number | undefined;
  /** Whether CAP_SYS_PTRACE is in our effective set (in our own user namespace). */
  readonly capSysPtrace?: boolean | undefined;
  /** /proc/sys/kernel/yama/ptrace_scope. */
  readonly ptraceScope?: number | undefined;
  /** Whether both are in the same user namespace. */
  readonly sameUserNamespace?: boolean | undefined;
  /** Whether we run under a seccomp filter (`Seccomp: 2`). */
  readonly seccompFilter?: boolean | undefined;
  /**
   * With which errno pidfd_open or pidfd_getfd fails where we ask for a file of our own: EPERM, EACCES or
   * ENOSYS, of a seccomp filter or an old kernel. Undefined: they work.
   */
  readonly refusedToOurselves?: string | undefined;
  /** Our AppArmor profile with its mode, if we have one. */
  readonly ourAppArmorProfile?: string | undefined;
  /** The process's; AppArmor asks it only if we have one. */
  readonly theirAppArmorProfile?: string | undefined;
  readonly kernelRelease: string;
}

/** Code and advice for one refusal. */
export interface Refusal {
  readonly code: BorrowErrorCode;
  /** What it means, in one or two sentences. */
  readonly meaning: string;
  /** What to do, most likely first; each is a complete instruction. */
  readonly fixes: readonly string[];
}

export type BorrowErrorCode =
  | 'VFIO_BORROW_NO_PROCESS'
  | 'VFIO_BORROW_NO_FD'
  | 'VFIO_BORROW_OLD_KERNEL'
  | 'VFIO_BORROW_SECCOMP'
  | 'VFIO_BORROW_PTRACE_SCOPE'
  | 'VFIO_BORROW_OTHER_USER'
  | 'VFIO_BORROW_USER_NAMESPACE'
  | 'VFIO_BORROW_NOT_DUMPABLE'
  | 'VFIO_BORROW_LSM'
  | 'VFIO_BORROW_PID_NAMESPACE'
  | 'VFIO_BORROW_TOO_MANY_FILES'
  | 'VFIO_BORROW_FAILED';

/** Another process's files could not be listed or duplicated. */
export class BorrowError extends VfioError {
  override readonly name = 'BorrowError';
  declare readonly code: BorrowErrorCode;
  readonly pid: number;
  readonly fixes: readonly string[];

  constructor(what: string, pid: number, refusal: Refusal, options?: ErrorOptions) {
    const advice = refusal.fixes.map((fix) => ` ${fix}`).join('');
    super(refusal.code, `${what}: ${refusal.meaning}${advice}`, options);
    this.pid = pid;
    this.fixes = refusal.fixes;
  }
}

const asRoot = 'Run this command as root, or give it CAP_SYS_PTRACE.';

/** Explains the refusal of `call` with `errnoName`, as far as the facts allow. */
export function explainRefusal(call: string, errnoName: string, facts: AccessFacts): Refusal {
  switch (errnoName) {
    case 'ESRCH':
    case 'ENOENT':
      return {
        code: 'VFIO_BORROW_NO_PROCESS',
        meaning: `process ${facts.pid} does not exist (any more).`,
        fixes: ['Check that the guest still runs and that the pid is of this pid namespace.'],
      };
    case 'EBADF':
      return {
        code: 'VFIO_BORROW_NO_FD',
        meaning: 'that process has closed the file in the meantime (a device was unplugged?).',
        fixes: ['List its files again.'],
      };
    case 'EMFILE':
    case 'ENFILE':
      return {
        code: 'VFIO_BORROW_TOO_MANY_FILES',
        meaning: 'this process (EMFILE) or the machine (ENFILE) has no file descriptor left.',
        fixes: ['Raise the limit (ulimit -n), or close borrowed files that are no longer used.'],
      };
    case 'ENOSYS':
      return explainMissingCall(call, facts);
    case 'EPERM':
    case 'EACCES':
      return explainPermission(call, facts);
    default:
      return {
        code: 'VFIO_BORROW_FAILED',
        meaning: `${call} failed with ${errnoName}, which this program has no explanation for.`,
        fixes: [],
      };
  }
}

function explainMissingCall(call: string, facts: AccessFacts): Refusal {
  const [since, needed] =
    call === 'pidfd_open' ? ['5.3', [5, 3] as const] : ['5.6', [5, 6] as const];
  if (facts.seccompFilter === true && !isOlder(facts.kernelRelease, needed)) {
    return {
      code: 'VFIO_BORROW_SECCOMP',
      meaning: `kernel ${facts.kernelRelease} has ${call}, but this process runs under a seccomp filter that hides it (a container runtime's default profile?).`,
      fixes: [`Allow ${call} in the seccomp profile, or run outside the container.`],
    };
  }
  return {
    code: 'VFIO_BORROW_OLD_KERNEL',
    meaning: `kernel ${facts.kernelRelease} has no ${call}, which came with Linux ${since}.`,
    fixes: [`Use Linux ${since} or later (dirty page tracking itself came with 5.8).`],
  };
}

/** What /proc refuses (PTRACE_MODE_READ) no seccomp filter does, and not Yama, which restricts attaching. */
function explainPermission(call: string, facts: AccessFacts): Refusal {
  const who = facts.comm === undefined ? `process ${facts.pid}` : `${facts.comm} (${facts.pid})`;
  const attaching = call === 'pidfd_getfd';
  if (call.startsWith('pidfd_') && facts.refusedToOurselves !== undefined) {
    return {
      code: 'VFIO_BORROW_SECCOMP',
      meaning: `${call} fails with ${facts.refusedToOurselves} even where this process asks for a file of its own, so a seccomp filter refuses it (a container runtime's default profile?).`,
      fixes: [
        'Allow pidfd_open, pidfd_getfd and process_vm_readv in the seccomp profile, or run outside the container.',
      ],
    };
  }
  if (facts.sameUserNamespace === false) {
    return {
      code: 'VFIO_BORROW_USER_NAMESPACE',
      meaning: `${who} lives in another user namespace, where our privileges do not count.`,
      fixes: ['Run this command as root in the initial user namespace.'],
    };
  }
  if (facts.capSysPtrace === true) {
    if (attaching && facts.ptraceScope === 3) return ptraceScope(facts, who);
    const byAppArmor = appArmor(facts, who, 'refuses');
    if (byAppArmor) return byAppArmor;
    return {
      code: 'VFIO_BORROW_LSM',
      meaning: `we have CAP_SYS_PTRACE over ${who}, so a security module (SELinux, AppArmor) refuses.`,
      fixes: [
        'Look for the denial in the audit log (ausearch -m avc, or journalctl -k -g apparmor), and allow ptrace of QEMU there.',
      ],
    };
  }
  if (facts.theirUid !== undefined && facts.theirUid !== facts.ourUid) {
    if (facts.theirUid === 0) {
      return {
        code: 'VFIO_BORROW_OTHER_USER',
        meaning: `${who} belongs to root or is not dumpable, and we are uid ${facts.ourUid} without CAP_SYS_PTRACE.`,
        fixes: [asRoot],
      };
    }
    return {
      code: 'VFIO_BORROW_OTHER_USER',
      meaning: `${who} runs as uid ${facts.theirUid}, we as uid ${facts.ourUid} without CAP_SYS_PTRACE.`,
      fixes: [asRoot, `Or run it as uid ${facts.theirUid} where Yama's ptrace_scope is 0.`],
    };
  }
  if (attaching && facts.ptraceScope !== undefined && facts.ptraceScope > 0) {
    return ptraceScope(facts, who);
  }
  const byAppArmor = appArmor(facts, who, 'may refuse');
  if (byAppArmor) return byAppArmor;
  return {
    code: 'VFIO_BORROW_NOT_DUMPABLE',
    meaning: `${who} has the same user, so it must be marked as not dumpable or hold capabilities that we lack (ptrace(2), PR_SET_DUMPABLE).`,
    fixes: [asRoot],
  };
}

/** AppArmor asks our profile, if we have one, and then also that of the process. */
function appArmor(
  facts: AccessFacts,
  who: string,
  refuses: 'refuses' | 'may refuse',
): Refusal | undefined {
  const { ourAppArmorProfile: ours, theirAppArmorProfile: theirs } = facts;
  if (ours === undefined) return undefined;
  const byOurs = enforces(ours) ? `"${ours}" of this process` : undefined;
  const byTheirs = theirs !== undefined && enforces(theirs) ? `"${theirs}" of ${who}` : undefined;
  const profiles = byOurs && byTheirs ? `${byOurs}, or ${byTheirs},` : (byOurs ?? byTheirs);
  if (profiles === undefined) return undefined;
  const capability = facts.theirUid === facts.ourUid ? '' : ' and "capability sys_ptrace"';
  const back = byTheirs === undefined ? '' : ', and "ptrace (readby, tracedby)" in the other';
  return {
    code: 'VFIO_BORROW_LSM',
    meaning: `AppArmor's profile ${profiles} ${refuses} ptrace of ${who}.`,
    fixes: [
      `Allow "ptrace (read, trace)"${capability} in the profile of this process${back}, or run it without one; journalctl -k -g apparmor shows denials.`,
    ],
  };
}

/** Modes but these allow what the profile does not. */
function enforces(profile: string): boolean {
  return /\((?:enforce|kill|prompt)\)$/.test(profile);
}

function ptraceScope(facts: AccessFacts, who: string): Refusal {
  const scope = facts.ptraceScope ?? 0;
  const level =
    scope === 1
      ? 'only a parent may trace its children'
      : scope === 2
        ? 'only processes with CAP_SYS_PTRACE may trace'
        : 'nobody may trace, not even root, until the next boot';
  return {
    code: 'VFIO_BORROW_PTRACE_SCOPE',
    meaning: `Yama's ptrace_scope is ${scope} (${level}), so ${who} can't be borrowed from.`,
    fixes:
      scope === 3
        ? ['Set kernel.yama.ptrace_scope to 0, 1 or 2 in sysctl.d and reboot the host.']
        : [asRoot, ...(scope === 1 ? ['Or set sysctl kernel.yama.ptrace_scope=0.'] : [])],
  };
}

/** Whether a release such as `5.10.0-35-amd64` is older than [major, minor]. */
function isOlder(release: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(release);
  const [, ourMajor = '0', ourMinor = '0'] = match ?? [];
  return Number(ourMajor) < major || (Number(ourMajor) === major && Number(ourMinor) < minor);
}
