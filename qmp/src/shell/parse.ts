/** What a person types at the shell, as a command. */
import { QmpArgumentError } from '../errors.js';
import { parseJson } from '../json/parse.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.js';

export interface TypedCommand {
  readonly command: string;
  readonly arguments: JsonObject;
}

/**
 * Reads a line: `{"execute": ...}` as it is, or a command and its arguments:
 *
 *     migrate-set-parameters max-bandwidth=1000000 downtime-limit=300
 *     blockdev-add driver=qcow2 node-name=d file.driver=file file.filename="/a b"
 *     migrate-set-capabilities capabilities=[{"capability": "events", "state": true}]
 *
 * A value is JSON if it can be read as JSON, a string otherwise; `'...'` is always a string. Dots in
 * a name make nested objects.
 *
 * @throws QmpArgumentError
 */
export function parseLine(line: string): TypedCommand {
  const text = line.trim();
  if (text.startsWith('{')) return parseMessage(text);
  const [command = '', ...words] = splitWords(text);
  const args: JsonObject = {};
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals <= 0) {
      throw new QmpArgumentError(`"${word}" is no argument: write NAME=VALUE, or a JSON message.`);
    }
    setPath(args, word.slice(0, equals), parseValue(word.slice(equals + 1)));
  }
  return { command, arguments: args };
}

function parseMessage(text: string): TypedCommand {
  let message: JsonValue;
  try {
    message = parseJson(text);
  } catch (error) {
    throw new QmpArgumentError(`This is not JSON: ${String(error)}`, error);
  }
  const { execute, arguments: args } = isJsonObject(message) ? message : {};
  if (typeof execute !== 'string') throw new QmpArgumentError('The message lacks "execute".');
  return { command: execute, arguments: isJsonObject(args) ? args : {} };
}

/** At white space, but not inside quotes or brackets. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (quote !== '') {
      if (character === '\\' && quote === '"') word += text.charAt(i++);
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") {
      quote = character;
    } else if (character === '{' || character === '[') {
      depth++;
    } else if (character === '}' || character === ']') {
      depth--;
    } else if (/\s/.test(character) && depth <= 0) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += text.charAt(i);
  }
  if (quote !== '') throw new QmpArgumentError(`A quote (${quote}) is not closed.`);
  if (word !== '') words.push(word);
  return words;
}

function parseValue(text: string): JsonValue {
  if (text.startsWith("'") && text.endsWith("'")) return text.slice(1, -1);
  try {
    return parseJson(text);
  } catch (error) {
    if (/^[[{"]/.test(text)) {
      throw new QmpArgumentError(`${text} begins like JSON and is none: ${String(error)}`, error);
    }
    return text;
  }
}

function setPath(object: JsonObject, path: string, value: JsonValue): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let target = object;
  for (const name of names) {
    const next = Object.hasOwn(target, name) ? target[name] : undefined;
    if (next !== undefined && !isJsonObject(next)) {
      throw new QmpArgumentError(`${path}: ${name} is a value already, it can have no members.`);
    }
    const inner: JsonObject = next ?? {};
    target[name] = inner;
    target = inner;
  }
  target[last] = value;
}
