/**
 * Integer-safe parsing, fast where it can be.
 *
 * `JSON.parse` rounds integers beyond 2^53. Such an integer has at least 16 digits, so a text
 * without a run of 16 digits is left to `JSON.parse`; only the others take the exact parser.
 * (Node 22's `context.source` of a reviver would do as well, but Node 20 has none, and a reviver
 * makes every message several times slower.)
 */
import type { JsonArray, JsonObject, JsonValue } from './value.js';

/** The shortest integer that a double may not hold, 9007199254740993, has this many digits. */
const LONG_INTEGER_DIGITS = 16;

const ZERO = 0x30;

/**
 * Whether bytes hold 16 or more digits in a row. Looks at every 16th byte only: no such run fits
 * between two of them.
 */
export function hasLongDigitRun(bytes: Uint8Array): boolean {
  for (let i = LONG_INTEGER_DIGITS - 1; i < bytes.length; i += LONG_INTEGER_DIGITS) {
    if (!isDigit(bytes[i])) continue;
    let first = i;
    while (isDigit(bytes[first - 1])) first--;
    let end = i + 1;
    while (end - first < LONG_INTEGER_DIGITS && isDigit(bytes[end])) end++;
    if (end - first >= LONG_INTEGER_DIGITS) return true;
  }
  return false;
}

function isDigit(code = 0): boolean {
  // One comparison, since this is asked for every 16th byte that a peer sends.
  return (code - ZERO) >>> 0 <= 9;
}

const LONG_DIGITS = /\d{16}/;

/**
 * Parses one JSON text. Integers outside ±(2^53 - 1) become bigint.
 *
 * @param text one JSON value; white space around it is allowed
 * @param mayHaveLongIntegers false if the caller knows (from a cheaper look at its bytes) that the text
 *   has no run of 16 digits
 * @throws SyntaxError if the text is not JSON
 * @throws RangeError if a text with long integers is nested deeper than the call stack allows
 *   (some thousand levels; the codec's nesting limit is far below)
 */
export function parseJson(text: string, mayHaveLongIntegers = true): JsonValue {
  const value = JSON.parse(text) as JsonValue;
  if (!mayHaveLongIntegers || !LONG_DIGITS.test(text)) return value;
  return new ExactParser(text).parse();
}

/** For texts that `JSON.parse` has already found valid: it checks nothing again. */
class ExactParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): JsonValue {
    this.#skipWhiteSpace();
    return this.#value();
  }

  #value(): JsonValue {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case '"':
        return this.#string();
      case 't':
        this.#at += 'true'.length;
        return true;
      case 'f':
        this.#at += 'false'.length;
        return false;
      case 'n':
        this.#at += 'null'.length;
        return null;
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    const object: JsonObject = {};
    this.#next();
    while (this.#text[this.#at] !== '}') {
      const name = this.#string();
      this.#skipWhiteSpace();
      this.#next(); // the colon
      setMember(object, name, this.#value());
      this.#skipWhiteSpace();
      if (this.#text[this.#at] === ',') this.#next();
    }
    this.#at++;
    return object;
  }

  #array(): JsonArray {
    const array: JsonArray = [];
    this.#next();
    while (this.#text[this.#at] !== ']') {
      array.push(this.#value());
      this.#skipWhiteSpace();
      if (this.#text[this.#at] === ',') this.#next();
    }
    this.#at++;
    return array;
  }

  #string(): string {
    const start = this.#at;
    let end = this.#text.indexOf('"', start + 1);
    while (this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1);
    this.#at = end + 1;
    const inner = this.#text.slice(start + 1, end);
    return inner.includes('\\') ? (JSON.parse(`"${inner}"`) as string) : inner;
  }

  /** A quote is escaped if an odd number of backslashes stands before it. */
  #isEscaped(quote: number): boolean {
    let backslashes = 0;
    while (this.#text[quote - 1 - backslashes] === '\\') backslashes++;
    return backslashes % 2 === 1;
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const token = NUMBER.exec(this.#text)?.[0] ?? '';
    this.#at += token.length;
    const value = Number(token);
    return Number.isSafeInteger(value) || !INTEGER.test(token) ? value : BigInt(token);
  }

  /** Steps over the character at hand and the white space behind it. */
  #next(): void {
    this.#at++;
    this.#skipWhiteSpace();
  }

  #skipWhiteSpace(): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character !== ' ' && character !== '\n' && character !== '\r' && character !== '\t')
        return;
      this.#at++;
    }
  }
}

const NUMBER = /[-+.\deE]+/y;
const INTEGER = /^-?\d+$/;

/** Like JSON.parse: `__proto__` is an ordinary own member, never the prototype. */
function setMember(object: JsonObject, name: string, value: JsonValue): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    object[name] = value;
  }
}
