/**
 * Everything that this package throws.
 *
 *     Error
 *      └── QmpError                    code, cause; never thrown itself
 *           ├── QmpConnectError        QMP_CONNECT_FAILED   no connection, or the peer closed it before the greeting
 *           │                          QMP_NO_GREETING      connected, but no greeting came in time
 *           │                          QMP_NEGOTIATION      the peer refused qmp_capabilities or guest-sync
 *           ├── QmpCommandError        QMP_COMMAND_FAILED   QEMU answered with an error: its class and description
 *           ├── QmpTimeoutError        QMP_TIMEOUT          no reply, or no event, within the time given
 *           ├── QmpAbortedError        QMP_ABORTED          the caller's AbortSignal fired; cause is its reason
 *           ├── QmpDisconnectedError   QMP_DISCONNECTED     the connection ended while something waited for it
 *           ├── QmpProtocolError       QMP_PROTOCOL         the peer sent what is not QMP
 *           │    └── QmpLimitError     QMP_LIMIT            a message over the limits for size, nesting or commands in flight
 *           ├── QmpOverflowError       QMP_EVENT_OVERFLOW   a subscription with `overflow: 'error'` was not read fast enough
 *           ├── QmpStateError          QMP_STATE            called in a state that does not allow it; `state` names it
 *           ├── QmpArgumentError       QMP_ARGUMENT         what the caller passed can't be sent or understood
 *           └── QmpUnsupportedError    QMP_UNSUPPORTED      this QEMU, or this installation, lacks what was asked for
 *
 * Codes are stable: program against `error.code`, show `error.message`.
 */

/** The stable codes of {@link QmpError}; the tree at the head of errors.ts says which class carries which. */
export type QmpErrorCode =
  | 'QMP_CONNECT_FAILED'
  | 'QMP_NO_GREETING'
  | 'QMP_NEGOTIATION'
  | 'QMP_COMMAND_FAILED'
  | 'QMP_TIMEOUT'
  | 'QMP_ABORTED'
  | 'QMP_DISCONNECTED'
  | 'QMP_PROTOCOL'
  | 'QMP_LIMIT'
  | 'QMP_EVENT_OVERFLOW'
  | 'QMP_STATE'
  | 'QMP_ARGUMENT'
  | 'QMP_UNSUPPORTED';

/** The root of the tree: anything thrown by this package on purpose. */
export abstract class QmpError extends Error {
  /** Stable and meant for programs; the message is meant for people and may change. */
  readonly code: QmpErrorCode;

  constructor(code: QmpErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.name = new.target.name;
  }
}

/** No usable connection could be made. `address` is what was tried. */
export class QmpConnectError extends QmpError {
  readonly address: string;

  constructor(
    code: 'QMP_CONNECT_FAILED' | 'QMP_NO_GREETING' | 'QMP_NEGOTIATION',
    address: string,
    message: string,
    cause?: unknown,
  ) {
    super(code, message, cause);
    this.address = address;
  }

  /** There is no socket, or nobody listens on it: QEMU has not made it yet, or has ended. */
  get nobodyListens(): boolean {
    const code = this.cause instanceof Error && 'code' in this.cause ? this.cause.code : undefined;
    return code === 'ENOENT' || code === 'ECONNREFUSED';
  }
}

/** QEMU executed the command and answered `{"error": ...}`. */
export class QmpCommandError extends QmpError {
  /** The command as it was sent. */
  readonly command: string;
  /**
   * Its arguments as they were sent, secrets included. Not enumerable, so that logging the error
   * does not print a password.
   */
  declare readonly arguments: unknown;
  /** QAPI `QapiErrorClass`: GenericError, CommandNotFound, DeviceNotActive, DeviceNotFound, KVMMissingCap. */
  readonly errorClass: string;
  /** QEMU's own sentence. */
  readonly description: string;

  constructor(command: string, args: unknown, errorClass: string, description: string) {
    super(
      'QMP_COMMAND_FAILED',
      `${command} failed: ${description}${errorClass === 'GenericError' ? '' : ` (${errorClass})`}`,
    );
    this.command = command;
    Object.defineProperty(this, 'arguments', { value: args, enumerable: false });
    this.errorClass = errorClass;
    this.description = description;
  }
}

/** Nothing came within the time given. A command that was sent may still be executed by QEMU. */
export class QmpTimeoutError extends QmpError {
  /** The command or event that was waited for. */
  readonly waitedFor: string;
  readonly timeoutMs: number;

  constructor(waitedFor: string, timeoutMs: number, message: string) {
    super('QMP_TIMEOUT', message);
    this.waitedFor = waitedFor;
    this.timeoutMs = timeoutMs;
  }
}

/** The caller's AbortSignal fired. A command that was already sent may still be executed by QEMU. */
export class QmpAbortedError extends QmpError {
  constructor(waitedFor: string, reason: unknown) {
    super('QMP_ABORTED', `Waiting for ${waitedFor} was aborted by the caller.`, reason);
  }
}

/** The connection ended: QEMU quit, was killed, or closed the monitor. */
export class QmpDisconnectedError extends QmpError {
  constructor(message: string, cause?: unknown) {
    super('QMP_DISCONNECTED', message, cause);
  }
}

/** The peer broke the protocol. The connection is given up: nothing after that can be trusted. */
export class QmpProtocolError extends QmpError {
  /** The beginning of what was received, for the bug report; empty if there is nothing to show. */
  readonly received: string;

  constructor(
    message: string,
    received = '',
    cause?: unknown,
    code: 'QMP_PROTOCOL' | 'QMP_LIMIT' = 'QMP_PROTOCOL',
  ) {
    const shown = received.length > 120 ? `${received.slice(0, 120)}...` : received;
    super(code, shown === '' ? message : `${message} Received: ${JSON.stringify(shown)}`, cause);
    this.received = shown;
  }
}

/** A message exceeds one of the `limits` of the client's options. */
export class QmpLimitError extends QmpProtocolError {
  constructor(message: string, received = '') {
    super(message, received, undefined, 'QMP_LIMIT');
  }
}

/** A subscription with `overflow: 'error'` held its limit of unread events when one more came. */
export class QmpOverflowError extends QmpError {
  constructor(limit: number) {
    super(
      'QMP_EVENT_OVERFLOW',
      `The subscription already held ${limit} unread events when another one came. ` +
        `Read it faster, filter more, raise its limit, or let it drop events (overflow: 'drop-oldest').`,
    );
  }
}

/** A method was called in a state that does not allow it. */
export class QmpStateError extends QmpError {
  /** The client's state at the time of the call. */
  readonly state: string;

  constructor(state: string, message: string) {
    super('QMP_STATE', message);
    this.state = state;
  }
}

/** What the caller passed can't be sent as QMP, or is not an address. Nothing was sent. */
export class QmpArgumentError extends QmpError {
  constructor(message: string, cause?: unknown) {
    super('QMP_ARGUMENT', message, cause);
  }
}

/** The connected QEMU, or this installation, lacks what was asked for. Nothing was sent. */
export class QmpUnsupportedError extends QmpError {
  constructor(message: string, cause?: unknown) {
    super('QMP_UNSUPPORTED', message, cause);
  }
}
