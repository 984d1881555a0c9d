import { QmpProtocolError } from '../errors.js';
import type { JsonValue } from '../json/value.js';
import {
  readSchemaInfo,
  type SchemaCommand,
  type SchemaEvent,
  type SchemaMember,
  type SchemaType,
} from './info.js';

/**
 * A question to a QEMU's schema. Paths go from member to member with dots, through arrays and into
 * any variant of a union: `ram.dirty-sync-count`, `capabilities.capability`.
 */
export type SchemaQuestion =
  | {
      readonly command: string;
      /** Has the command this argument? */
      readonly argument?: string;
      /** Has its result this member? */
      readonly returns?: string;
      /** Has the argument or result named above, an enumeration, this value? */
      readonly value?: string;
      /** Has the command, argument or result named above this QAPI feature? */
      readonly feature?: string;
    }
  | {
      readonly event: string;
      /** Has its data this member? */
      readonly member?: string;
      /** Has the member named above, an enumeration, this value? */
      readonly value?: string;
      /** Has the event or member named above this QAPI feature? */
      readonly feature?: string;
    };

/** The commands, events and types that one QEMU has, from its `query-qmp-schema`. */
export class QapiSchema {
  readonly commands: ReadonlyMap<string, SchemaCommand>;
  readonly events: ReadonlyMap<string, SchemaEvent>;
  readonly types: ReadonlyMap<string, SchemaType>;

  /** @throws QmpProtocolError if `reply` is not what query-qmp-schema returns */
  constructor(reply: JsonValue) {
    if (!Array.isArray(reply)) throw new QmpProtocolError('query-qmp-schema returned no list.');
    const commands = new Map<string, SchemaCommand>();
    const events = new Map<string, SchemaEvent>();
    const types = new Map<string, SchemaType>();
    for (const item of reply) {
      const info = readSchemaInfo(item);
      if (info.kind === 'command') commands.set(info.name, info);
      else if (info.kind === 'event') events.set(info.name, info);
      else types.set(info.name, info);
    }
    this.commands = commands;
    this.events = events;
    this.types = types;
  }

  /** The type of that (masked) name. @throws QmpProtocolError if the schema does not define it */
  type(name: string): SchemaType {
    const type = this.types.get(name);
    if (type === undefined) {
      throw new QmpProtocolError(`The schema refers to a type ${name} that it does not define.`);
    }
    return type;
  }

  /**
   * Whether this QEMU has what is asked for.
   *
   * It says what the schema says: a command may still be refused (no such device, not built in), and
   * `device_add` takes the device's properties besides the arguments that the schema lists.
   */
  supports(question: SchemaQuestion): boolean {
    const start = 'command' in question ? this.#inCommand(question) : this.#inEvent(question);
    if (start === undefined) return false;
    const { value, feature } = question;
    if (feature !== undefined && !start.features.has(feature)) return false;
    return value === undefined || start.types.some((type) => this.#enumHas(type, value));
  }

  /**
   * The types that a path of members leads to, from a type by its name: several where unions or
   * alternates branch; none if there is no such member.
   */
  resolve(typeName: string, path: string): readonly SchemaType[] {
    return this.#walk(typeName, path)?.types ?? [];
  }

  /** The members of a type as one would write them: through arrays, of all variants. */
  membersOf(typeName: string): SchemaMember[] {
    return this.#members([this.type(typeName)]);
  }

  #inCommand(question: Extract<SchemaQuestion, { command: string }>): Place | undefined {
    const command = this.commands.get(question.command);
    if (command === undefined) return undefined;
    const { argument, returns } = question;
    if (argument !== undefined) return this.#walk(command.argumentsType, argument);
    if (returns !== undefined) return this.#walk(command.returnsType, returns);
    return {
      types: this.#flatten([this.type(command.returnsType)]),
      features: new Set(command.features),
    };
  }

  #inEvent(question: Extract<SchemaQuestion, { event: string }>): Place | undefined {
    const event = this.events.get(question.event);
    if (event === undefined) return undefined;
    return question.member === undefined
      ? { types: [], features: new Set(event.features) }
      : this.#walk(event.dataType, question.member);
  }

  #walk(typeName: string, path: string): Place | undefined {
    let types = [this.type(typeName)];
    let members: SchemaMember[] = [];
    for (const name of path.split('.')) {
      members = this.#members(types).filter((member) => member.name === name);
      if (members.length === 0) return undefined;
      types = members.map((member) => this.type(member.type));
    }
    return {
      types: this.#flatten(types),
      features: new Set(members.flatMap((member) => member.features)),
    };
  }

  /** The members of the objects among these types and of their variants. */
  #members(types: readonly SchemaType[]): SchemaMember[] {
    return this.#flatten(types).flatMap((type) =>
      type.kind === 'object'
        ? [
            ...type.members,
            ...this.#members(type.variants.map((variant) => this.type(variant.type))),
          ]
        : [],
    );
  }

  /** Arrays replaced by their elements, alternates by what they may be. */
  #flatten(types: readonly SchemaType[]): SchemaType[] {
    return types.flatMap((type) => {
      switch (type.kind) {
        case 'array':
          return this.#flatten([this.type(type.element)]);
        case 'alternate':
          return this.#flatten(type.types.map((name) => this.type(name)));
        default:
          return [type];
      }
    });
  }

  #enumHas(type: SchemaType, value: string): boolean {
    return type.kind === 'enum' && type.values.some(({ name }) => name === value);
  }
}

/** Where a path led to. */
interface Place {
  readonly types: readonly SchemaType[];
  readonly features: ReadonlySet<string>;
}
