/**
 * QEMU's limits for its input (qobject/json-streamer.c). What exceeds them must never be sent: QEMU
 * refuses it in the middle, takes the rest of the line for further commands, and with OOB more than 7
 * of those at once end QEMU itself with a failed assertion in monitor/qmp.c (seen with 7.2 and 10.0),
 * and the guest with it.
 */
import { QmpArgumentError } from './errors.js';

/** MAX_NESTING: levels of arrays and objects, the message itself included. */
export const QEMU_MAX_NESTING = 1024;
/** MAX_TOKEN_SIZE: bytes of one message. */
const QEMU_MAX_BYTES = 64 * 1024 * 1024;
/** MAX_TOKEN_COUNT: brackets, commas, colons, strings, numbers and keywords of one message. */
const QEMU_MAX_TOKENS = 2 * 1024 * 1024;

/** @throws QmpArgumentError if QEMU would refuse that line for its size */
export function refuseTooLong(
  command: string,
  line: string,
  limits: { readonly maxMessageBytes: number },
): void {
  // Short lines, that is nearly all, need no closer look.
  if (line.length < QEMU_MAX_TOKENS && line.length * 3 < limits.maxMessageBytes) return;
  const maxBytes = Math.min(limits.maxMessageBytes, QEMU_MAX_BYTES - 1);
  const bytes = Buffer.byteLength(line);
  if (bytes > maxBytes) {
    throw new QmpArgumentError(
      `The arguments of ${command} make a message of ${bytes} bytes; ${maxBytes} is the most ` +
        `(limits.maxMessageBytes, and QEMU's own limit).`,
    );
  }
  const tokens = countTokens(line);
  if (tokens > QEMU_MAX_TOKENS) {
    throw new QmpArgumentError(
      `The arguments of ${command} make a message of ${tokens} JSON tokens; QEMU takes ${QEMU_MAX_TOKENS}.`,
    );
  }
}

/** Tokens as QEMU's lexer counts them, in JSON without white space between them. */
function countTokens(json: string): number {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^"{}[\],:]+/g;
  let tokens = 0;
  while (token.exec(json) !== null) tokens++;
  return tokens;
}
