/**
 * QMP's wire format: one JSON object a line, in UTF-8. The decoder takes bytes as they arrive, cut
 * anywhere, and gives whole messages. It knows nothing of sockets.
 *
 * QEMU ends a line with CR LF and escapes line breaks inside strings, so a line feed never stands
 * inside a value. A monitor with `pretty=on` spreads one object over several lines, of which the
 * first is a lone `{` and the last begins with `}`. The guest agent puts the byte 0xFF, which UTF-8
 * does not have, before a reply to say: forget what came before.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { QmpLimitError, QmpProtocolError } from './errors.js';
import { hasLongDigitRun, parseJson } from './json/parse.js';
import { isJsonObject, type JsonObject } from './json/value.js';

/** What a peer may make us hold. */
export interface CodecLimits {
  /** The longest message in bytes. QEMU's own limit for its input is 64 MiB. */
  readonly maxMessageBytes: number;
  /** Levels of arrays and objects inside each other. QEMU's own limit for its input is 1024. */
  readonly maxNesting: number;
}

export const defaultCodecLimits: CodecLimits = {
  maxMessageBytes: 64 * 1024 * 1024,
  maxNesting: 1024,
};

/** Called once for each message, in order. `text` is its line as received. */
export type MessageHandler = (message: JsonObject, text: string) => void;

const LINE_FEED = 0x0a;
const SENTINEL = 0xff;

export class MessageDecoder {
  readonly #limits: CodecLimits;
  /** The unfinished line: `#held` is a growing buffer of which `#heldBytes` are used. */
  #held = Buffer.alloc(0);
  #heldBytes = 0;
  /** The lines so far of an object spread over several lines (`pretty=on`). */
  #pretty: string[] = [];
  #prettyLength = 0;

  constructor(limits: CodecLimits = defaultCodecLimits) {
    this.#limits = limits;
  }

  /** Bytes of an unfinished message: what is lost if the connection ends now. */
  get pendingBytes(): number {
    return this.#heldBytes + this.#prettyLength;
  }

  /**
   * Takes the next bytes and hands every message that they complete to `handle`.
   *
   * @throws QmpProtocolError if a line is not UTF-8, not JSON or not an object
   * @throws QmpLimitError if a message exceeds the limits
   */
  push(chunk: Buffer, handle: MessageHandler): void {
    const lastLineFeed = chunk.lastIndexOf(LINE_FEED);
    if (lastLineFeed === -1) {
      this.#hold(chunk);
      return;
    }
    const lines = this.#takeHeldWith(chunk.subarray(0, lastLineFeed + 1));
    this.#hold(chunk.subarray(lastLineFeed + 1));
    this.#decodeLines(lines, handle);
  }

  /** `lines` ends with a line feed. Decodes and searches it as a whole: far cheaper than by line. */
  #decodeLines(lines: Buffer, handle: MessageHandler): void {
    const text = decodeText(lines);
    if (text === undefined) {
      this.#decodeOddLines(lines, handle);
      return;
    }
    const mayHaveLongIntegers = hasLongDigitRun(lines);
    let start = 0;
    while (start < text.length) {
      const end = text.indexOf('\n', start);
      this.#line(text.slice(start, end), mayHaveLongIntegers, handle);
      start = end + 1;
    }
  }

  /** Somewhere in these lines is a byte that is not UTF-8: find out in which, and whether it is the agent's. */
  #decodeOddLines(lines: Buffer, handle: MessageHandler): void {
    let start = 0;
    while (start < lines.length) {
      const end = lines.indexOf(LINE_FEED, start);
      const line = lines.subarray(start, end);
      const wanted = line.subarray(line.lastIndexOf(SENTINEL) + 1);
      const text = decodeText(wanted);
      if (text === undefined) {
        throw new QmpProtocolError(
          'The peer sent bytes that are not UTF-8: this is not a QMP server, or its output is mixed with something else.',
          wanted.toString('latin1'),
        );
      }
      this.#line(text, true, handle);
      start = end + 1;
    }
  }

  #line(line: string, mayHaveLongIntegers: boolean, handle: MessageHandler): void {
    if (this.#pretty.length > 0 || line === '{\r' || line === '{') {
      this.#prettyLine(line, handle);
      return;
    }
    if (line === '\r' || line === '') return;
    this.#message(line, mayHaveLongIntegers, handle);
  }

  #prettyLine(line: string, handle: MessageHandler): void {
    this.#pretty.push(line);
    this.#prettyLength += line.length;
    if (this.#prettyLength > this.#limits.maxMessageBytes) throw this.#tooLong(line);
    if (!line.startsWith('}')) return;
    const text = this.#pretty.join('\n');
    this.#pretty = [];
    this.#prettyLength = 0;
    this.#message(text, true, handle);
  }

  #message(text: string, mayHaveLongIntegers: boolean, handle: MessageHandler): void {
    const { maxMessageBytes, maxNesting } = this.#limits;
    if (text.length > maxMessageBytes) throw this.#tooLong(text);
    // n levels need at least 2n characters: short messages need no look.
    if (text.length > 2 * maxNesting && nestsDeeperThan(text, maxNesting)) {
      throw new QmpLimitError(
        `The peer sent a message nested deeper than ${maxNesting} levels.`,
        text,
      );
    }
    let message;
    try {
      message = parseJson(text, mayHaveLongIntegers);
    } catch (error) {
      throw new QmpProtocolError('The peer sent a line that is not JSON.', text, error);
    }
    if (!isJsonObject(message)) {
      throw new QmpProtocolError('The peer sent JSON that is not an object.', text);
    }
    handle(message, text);
  }

  /** Appends to the unfinished line. Doubling the buffer keeps a peer that sends byte by byte linear. */
  #hold(bytes: Buffer): void {
    const total = this.#heldBytes + bytes.length;
    if (total > this.#limits.maxMessageBytes) {
      throw this.#tooLong(this.#held.toString('latin1', 0, Math.min(this.#heldBytes, 200)));
    }
    if (total > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(total, this.#held.length * 2, 4096));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes = total;
  }

  #takeHeldWith(rest: Buffer): Buffer {
    if (this.#heldBytes === 0) return rest;
    const whole = Buffer.concat([this.#held.subarray(0, this.#heldBytes), rest]);
    this.#heldBytes = 0;
    // One long reply must not keep its memory for the life of the connection.
    if (this.#held.length > 1024 * 1024) this.#held = Buffer.alloc(0);
    return whole;
  }

  #tooLong(text: string): QmpLimitError {
    return new QmpLimitError(
      `The peer sent a message longer than ${this.#limits.maxMessageBytes} bytes (limits.maxMessageBytes).`,
      text,
    );
  }
}

/** undefined if the bytes are not UTF-8. */
function decodeText(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function nestsDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // skip the string: brackets in it don't count
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) {
          if (text.charCodeAt(i) === 0x5c) i++;
        }
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > limit) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
    }
  }
  return false;
}
