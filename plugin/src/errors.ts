/**
 * What precopy throws. Every error has a stable `code`, says what happened and what to do next, and
 * keeps its cause.
 *
 *   PrecopyError
 *    ├─ USAGE                    bad arguments                                          exit 2
 *    ├─ NOT_SUPPORTED            this VM, kernel or QEMU can't do it                    exit 3
 *    ├─ NO_ACCESS                the kernel or QEMU refused us                          exit 1
 *    ├─ MONITOR                  the QMP socket is missing, busy, or not QMP            exit 1
 *    ├─ LINK                     the link to the destination's host can't be measured   exit 1
 *    ├─ LIBVIRT                  libvirt refused, or can't be reached                   exit 1
 *    ├─ MIGRATION_FAILED         QEMU gave the migration up; says where the guest is    exit 1
 *    ├─ VERIFY_DIFFERS           the destination's RAM is not the source's              exit 4
 *    └─ CANCELLED                cancelled, interrupted or timed out                    exit 5
 */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notSupported: 3,
  differs: 4,
  cancelled: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const exitCodeOf = {
  USAGE: exitCodes.usage,
  NOT_SUPPORTED: exitCodes.notSupported,
  NO_ACCESS: exitCodes.failed,
  MONITOR: exitCodes.failed,
  LINK: exitCodes.failed,
  LIBVIRT: exitCodes.failed,
  MIGRATION_FAILED: exitCodes.failed,
  VERIFY_DIFFERS: exitCodes.differs,
  CANCELLED: exitCodes.cancelled,
} as const satisfies Record<string, ExitCode>;

export type PrecopyErrorCode = keyof typeof exitCodeOf;

export class PrecopyError extends Error {
  override readonly name = 'PrecopyError';
  readonly code: PrecopyErrorCode;
  /** What the user can do about it; one or two sentences. */
  readonly next: string;

  constructor(code: PrecopyErrorCode, what: string, next: string, options?: ErrorOptions) {
    super(what, options);
    this.code = code;
    this.next = next;
  }

  get exitCode(): ExitCode {
    return exitCodeOf[this.code];
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
