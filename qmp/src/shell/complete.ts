/** Completion and help, from the connected QEMU's schema. Pure. */
import type { SchemaType } from '../schema/info.js';
import type { QapiSchema } from '../schema/schema.js';

/**
 * What may stand at the end of `line`: commands, then arguments (`name=`), then enum values.
 *
 * @returns the candidates, and the part of the line that they replace, as node:readline wants them
 */
export function complete(schema: QapiSchema, line: string): [candidates: string[], part: string] {
  const part = /\S*$/.exec(line)?.[0] ?? '';
  const before = line.slice(0, line.length - part.length).trim();
  if (before === '' || before === 'help') {
    const names = [...schema.commands.keys(), ...(before === '' ? ['help', 'exit'] : [])];
    return [matching(names.sort(), part), part];
  }
  const command = schema.commands.get(before.split(/\s+/)[0] ?? '');
  if (command === undefined) return [[], part];
  const equals = part.indexOf('=');
  if (equals >= 0) {
    const values = schema
      .resolve(command.argumentsType, part.slice(0, equals))
      .flatMap(valuesOf)
      .map((value) => `${part.slice(0, equals)}=${value} `);
    return [matching(values, part), part];
  }
  const dot = part.lastIndexOf('.');
  const path = dot < 0 ? '' : part.slice(0, dot);
  const types =
    dot < 0
      ? [command.argumentsType]
      : schema.resolve(command.argumentsType, path).map((type) => type.name);
  const members = types.flatMap((type) => schema.membersOf(type));
  const given = new Set(before.split(/\s+/).map((word) => word.split('=')[0]));
  const names = members
    .map((member) => `${path === '' ? '' : `${path}.`}${member.name}`)
    .filter((name) => !given.has(name));
  return [
    matching(
      [...new Set(names)].sort().map((name) => `${name}=`),
      part,
    ),
    part,
  ];
}

/** `help COMMAND`: its arguments, types and what it returns. */
export function help(schema: QapiSchema, name: string): string {
  const command = schema.commands.get(name);
  if (command === undefined) {
    const similar = [...schema.commands.keys()].filter((other) => other.includes(name));
    return `This QEMU has no command ${name}.${similar.length > 0 ? ` It has: ${similar.join(', ')}.` : ''}`;
  }
  const marks = [...command.features, ...(command.oob ? ['may be executed out of band'] : [])];
  const lines = [`${name}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`];
  const list = (title: string, typeName: string): void => {
    const members = schema.membersOf(typeName);
    lines.push(members.length === 0 ? `  ${title}: none` : `  ${title}:`);
    for (const member of members) {
      const type = describeType(schema, schema.type(member.type));
      const features = member.features.length > 0 ? ` (${member.features.join(', ')})` : '';
      lines.push(`    ${member.name}${member.optional ? '?' : ''}: ${type}${features}`);
    }
  };
  list('arguments', command.argumentsType);
  const returns = schema.type(command.returnsType);
  if (returns.kind === 'object' || returns.kind === 'array') list('returns', command.returnsType);
  else lines.push(`  returns: ${describeType(schema, returns)}`);
  return lines.join('\n');
}

function describeType(schema: QapiSchema, type: SchemaType): string {
  switch (type.kind) {
    case 'builtin':
      return type.jsonType === 'value' ? 'any' : type.jsonType;
    case 'enum':
      return type.values.map(({ name }) => name).join(' | ');
    case 'array':
      return `list of ${describeType(schema, schema.type(type.element))}`;
    case 'alternate':
      return type.types.map((name) => describeType(schema, schema.type(name))).join(' or ');
    case 'object':
      return `{${type.members.map(({ name, optional }) => `${name}${optional ? '?' : ''}`).join(', ')}}`;
  }
}

function valuesOf(type: SchemaType): string[] {
  if (type.kind === 'enum') return type.values.map(({ name }) => name);
  return type.kind === 'builtin' && type.jsonType === 'boolean' ? ['true', 'false'] : [];
}

function matching(candidates: readonly string[], part: string): string[] {
  return candidates.filter((candidate) => candidate.startsWith(part));
}
