/**
 * What `query-qmp-schema` returns, checked where it enters. The shapes are QEMU's own
 * (qapi/introspect.json): types have masked names (numbers), commands and events their real ones.
 */
import { QmpProtocolError } from '../errors.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.js';

export interface SchemaMember {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
  readonly features: readonly string[];
}

export interface SchemaEnumValue {
  readonly name: string;
  readonly features: readonly string[];
}

export interface SchemaVariant {
  /** The tag's value that selects it. */
  readonly case: string;
  readonly type: string;
}

export interface SchemaBuiltin {
  readonly kind: 'builtin';
  readonly name: string;
  readonly jsonType:
    'string' | 'number' | 'int' | 'boolean' | 'null' | 'object' | 'array' | 'value';
}

export interface SchemaEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly values: readonly SchemaEnumValue[];
}

export interface SchemaArray {
  readonly kind: 'array';
  readonly name: string;
  readonly element: string;
}

export interface SchemaObject {
  readonly kind: 'object';
  readonly name: string;
  readonly members: readonly SchemaMember[];
  /** The member whose value selects a variant; undefined if there are none. */
  readonly tag: string | undefined;
  readonly variants: readonly SchemaVariant[];
  readonly features: readonly string[];
}

/** One of several types, told apart by their JSON type. */
export interface SchemaAlternate {
  readonly kind: 'alternate';
  readonly name: string;
  readonly types: readonly string[];
}

export type SchemaType = SchemaBuiltin | SchemaEnum | SchemaArray | SchemaObject | SchemaAlternate;

export interface SchemaCommand {
  readonly kind: 'command';
  readonly name: string;
  readonly argumentsType: string;
  readonly returnsType: string;
  /** May be executed out of band. */
  readonly oob: boolean;
  readonly features: readonly string[];
}

export interface SchemaEvent {
  readonly kind: 'event';
  readonly name: string;
  readonly dataType: string;
  readonly features: readonly string[];
}

export type SchemaInfo = SchemaType | SchemaCommand | SchemaEvent;

/** Checks one item of the reply to `query-qmp-schema`. @throws QmpProtocolError */
export function readSchemaInfo(item: JsonValue): SchemaInfo {
  if (!isJsonObject(item)) throw malformed(item);
  const name = text(item, 'name');
  const features = strings(item, 'features');
  switch (item['meta-type']) {
    case 'builtin':
      return { kind: 'builtin', name, jsonType: jsonType(item) };
    case 'enum':
      return { kind: 'enum', name, values: enumValues(item) };
    case 'array':
      return { kind: 'array', name, element: text(item, 'element-type') };
    case 'object':
      return {
        kind: 'object',
        name,
        members: objects(item, 'members').map(readMember),
        tag: item['tag'] === undefined ? undefined : text(item, 'tag'),
        variants: objects(item, 'variants').map((variant) => ({
          case: text(variant, 'case'),
          type: text(variant, 'type'),
        })),
        features,
      };
    case 'alternate':
      return {
        kind: 'alternate',
        name,
        types: objects(item, 'members').map((member) => text(member, 'type')),
      };
    case 'command':
      return {
        kind: 'command',
        name,
        argumentsType: text(item, 'arg-type'),
        returnsType: text(item, 'ret-type'),
        oob: item['allow-oob'] === true,
        features,
      };
    case 'event':
      return { kind: 'event', name, dataType: text(item, 'arg-type'), features };
    default:
      throw malformed(item);
  }
}

function readMember(member: JsonObject): SchemaMember {
  return {
    name: text(member, 'name'),
    type: text(member, 'type'),
    // QEMU says "default": null for every optional member; it never tells the default itself.
    optional: 'default' in member,
    features: strings(member, 'features'),
  };
}

/** `members` (with features) since QEMU 6.2, only `values` before. */
function enumValues(item: JsonObject): SchemaEnumValue[] {
  if (item['members'] === undefined) {
    return strings(item, 'values').map((name) => ({ name, features: [] }));
  }
  return objects(item, 'members').map((member) => ({
    name: text(member, 'name'),
    features: strings(member, 'features'),
  }));
}

const jsonTypes: ReadonlySet<string> = new Set<SchemaBuiltin['jsonType']>([
  'string',
  'number',
  'int',
  'boolean',
  'null',
  'object',
  'array',
  'value',
]);

function jsonType(item: JsonObject): SchemaBuiltin['jsonType'] {
  const type = text(item, 'json-type');
  if (!jsonTypes.has(type)) throw malformed(item);
  return type as SchemaBuiltin['jsonType'];
}

function text(item: JsonObject, member: string): string {
  const value = item[member];
  if (typeof value !== 'string') throw malformed(item);
  return value;
}

function objects(item: JsonObject, member: string): JsonObject[] {
  const value = item[member] ?? [];
  if (!Array.isArray(value) || !value.every(isJsonObject)) throw malformed(item);
  return value;
}

function strings(item: JsonObject, member: string): string[] {
  const value = item[member] ?? [];
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) {
    throw malformed(item);
  }
  return value;
}

function malformed(item: JsonValue): QmpProtocolError {
  return new QmpProtocolError(
    'query-qmp-schema returned an item that is not as qapi/introspect.json says.',
    JSON.stringify(item, (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    ),
  );
}
