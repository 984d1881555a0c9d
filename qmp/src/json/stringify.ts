import { QmpArgumentError } from '../errors.js';

/**
 * Writes a value as one line of JSON. A bigint is written as an integer; an integral number beyond
 * 2^53 as exactly the integer that it holds, without an exponent (QEMU takes `1e21` for a double).
 * Members whose value is undefined are left out.
 *
 * Not `JSON.stringify`: it throws on bigint, sends NaN and Infinity as null, and turns Buffers, Maps
 * and dates into something that no QMP command means.
 *
 * @param maxNesting levels of arrays and objects that are allowed; QEMU's own limit is 1024
 * @throws QmpArgumentError names the member that can't be sent
 */
export function stringifyJson(value: unknown, maxNesting = 1024): string {
  return write(value, '', maxNesting);
}

function write(value: unknown, path: string, levels: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    case 'number':
      return writeNumber(value, path);
    case 'object':
      if (value === null) return 'null';
      if (levels === 0) {
        throw new QmpArgumentError(
          `${place(path)} is nested too deeply, or refers to itself: QEMU refuses such a message.`,
        );
      }
      return Array.isArray(value)
        ? writeArray(value, path, levels - 1)
        : writeObject(value, path, levels - 1);
    default:
      throw new QmpArgumentError(`${place(path)} is ${typeof value}, which JSON does not have.`);
  }
}

function writeNumber(value: number, path: string): string {
  if (!Number.isFinite(value)) {
    throw new QmpArgumentError(`${place(path)} is ${value}, which JSON does not have.`);
  }
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? BigInt(value).toString()
    : String(value);
}

function writeArray(items: readonly unknown[], path: string, levels: number): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += ',';
    text += write(items[i], `${path}[${i}]`, levels);
  }
  return `${text}]`;
}

function writeObject(object: object, path: string, levels: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== null && prototype !== Object.prototype) {
    const kind = (object.constructor as { name?: string } | undefined)?.name ?? 'an instance';
    throw new QmpArgumentError(
      `${place(path)} is a ${kind}: only plain objects, arrays, strings, numbers, bigints, booleans ` +
        `and null can be sent.`,
    );
  }
  let text = '{';
  for (const [name, member] of Object.entries(object)) {
    if (member === undefined) continue;
    if (text !== '{') text += ',';
    text += `${JSON.stringify(name)}:${write(member, path === '' ? name : `${path}.${name}`, levels)}`;
  }
  return `${text}}`;
}

function place(path: string): string {
  return path === '' ? 'The message' : `The argument ${path}`;
}
