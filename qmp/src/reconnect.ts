import type { QmpError } from './errors.js';

export interface ReconnectOptions {
  /** Before the first attempt. Default 100 ms. It doubles with each failed attempt. */
  readonly initialDelayMs?: number;
  /** The longest time between two attempts. Default 5 s. */
  readonly maxDelayMs?: number;
  /** Attempts before the client gives up and closes. Default: no limit. */
  readonly maxAttempts?: number;
  /** Called after each successful reconnect with what was lost. */
  readonly onGap?: (gap: ConnectionGap) => void;
}

/** A time without connection, and what it cost. */
export interface ConnectionGap {
  /** Why the connection ended. */
  readonly reason: QmpError;
  /** Milliseconds since 1970. */
  readonly lostAtMs: number;
  /** Milliseconds since 1970. */
  readonly backAtMs: number;
  readonly attempts: number;
  /** Commands that were sent and not answered: executed or not, nobody knows. */
  readonly unanswered: readonly string[];
  /**
   * Whether the monitor now belongs to another QEMU process: known if the versions differ, or, with a
   * native binding on a unix socket, from the peer's pid. Undefined if it can't be told.
   */
  readonly otherQemu: boolean | undefined;
  /** All of that in words. */
  readonly message: string;
}

/** The time before attempt `attempt` (1, 2, ...), in milliseconds. */
export function delayBeforeMs(attempt: number, options: ReconnectOptions): number {
  const { initialDelayMs = 100, maxDelayMs = 5000 } = options;
  return Math.min(initialDelayMs * 2 ** (attempt - 1), maxDelayMs);
}

export function describeGap(gap: Omit<ConnectionGap, 'message'>): string {
  const seconds = ((gap.backAtMs - gap.lostAtMs) / 1000).toFixed(1);
  const who = {
    true: 'The monitor now belongs to another QEMU: what was set up before is gone.',
    false: 'It is the same QEMU.',
    undefined: 'Whether it is the same QEMU is not known.',
  }[String(gap.otherQemu) as 'true' | 'false' | 'undefined'];
  const commands =
    gap.unanswered.length === 0
      ? 'No command was left without a reply.'
      : `Without a reply, so executed or not: ${gap.unanswered.join(', ')}.`;
  return `No connection for ${seconds} s (attempts: ${gap.attempts}). Events of that time are lost: QEMU does not repeat them. ${commands} ${who}`;
}
