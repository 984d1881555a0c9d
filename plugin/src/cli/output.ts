/** What every command does with its end: the error as one paragraph, the exit code, JSON. */
import { BorrowError } from 'linux-vfio-ts';
import {
  QmpAbortedError,
  QmpArgumentError,
  QmpDisconnectedError,
  QmpStateError,
} from 'qemu-qmp-client-ts';
import { PrecopyError, exitCodes, messageOf, type ExitCode } from '../errors.js';
import { toJson } from '../journal/json.js';

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof PrecopyError) return error.exitCode;
  if (error instanceof QmpArgumentError) return exitCodes.usage;
  if (error instanceof QmpAbortedError) return exitCodes.cancelled;
  return exitCodes.failed;
}

/** An error in one paragraph: what happened, and what to do next. */
export function describeError(error: unknown): string {
  if (error instanceof PrecopyError) return `${error.message} ${error.next}`;
  return messageOf(error);
}

/** An error for programs (`--json`). */
function errorToJson(error: unknown): Record<string, unknown> {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return {
    error: {
      code: typeof code === 'string' ? code : 'INTERNAL',
      message: messageOf(error),
      ...(error instanceof PrecopyError ? { next: error.next } : {}),
      ...(error instanceof BorrowError ? { next: error.fixes.join(' ') } : {}),
    },
  };
}

/** That the monitor is gone, in place of what the client says of a command that can't be sent then. */
export function orMonitorGone(error: unknown, address: string): unknown {
  if (!(error instanceof QmpDisconnectedError || error instanceof QmpStateError)) return error;
  return new PrecopyError(
    'MONITOR',
    `The monitor ${address} is gone: its QEMU has ended, or closed the connection.`,
    'If that QEMU still runs, run the command again.',
    { cause: error },
  );
}

/** Prints an error where the user or a program (`--json`) looks for it, and returns its exit code. */
export function reportError(command: string, error: unknown, json: boolean): ExitCode {
  if (json) process.stdout.write(`${toJson(errorToJson(error))}\n`);
  else process.stderr.write(`precopy ${command}: ${describeError(error)}\n`);
  return exitCodeOf(error);
}

/**
 * A signal that fires on Ctrl-C and SIGTERM, and after `timeoutMs` if given. While it is in use the
 * process does not end by itself on those signals: the command ends it when all is in order.
 */
export function interruptSignal(timeoutMs?: number): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      controller.abort(new PrecopyError('CANCELLED', `interrupted by ${name}`, ''));
    });
  }
  if (timeoutMs === undefined) return controller.signal;
  const timer = setTimeout(() => {
    controller.abort(
      new PrecopyError('CANCELLED', `the time limit of ${timeoutMs / 1000} s passed`, ''),
    );
  }, timeoutMs);
  timer.unref();
  return controller.signal;
}

/** A signal that fires when nobody reads standard output any more (`| head`). */
export function readerGoneSignal(): AbortSignal {
  const controller = new AbortController();
  process.stdout.once('error', () => {
    controller.abort();
  });
  return controller.signal;
}

/** Characters in a line of a terminal; 80 where that is not known. */
export function widthOf(stream: NodeJS.WriteStream): number {
  // A terminal that was not told its size says 0.
  return stream.isTTY && stream.columns > 0 ? stream.columns : 80;
}
