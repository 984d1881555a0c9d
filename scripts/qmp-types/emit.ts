/** Writes a {@link Graph} as TypeScript: one named type for each object, enumeration and alternate. */
import type {
  Command,
  EnumNode,
  Event,
  Graph,
  Marks,
  Node,
  ObjectNode,
  UnionNode,
} from './graph.js';

type NamedNode = EnumNode | ObjectNode | UnionNode;

/** A type's name is the shortest path to it: `QueryMigrateReturnRam`. */
interface Place {
  readonly name: string;
  /** The path in words, for the documentation. */
  readonly place: string;
  readonly node: Node;
}

interface Named extends Place {
  readonly node: NamedNode;
}

/** These take members that the schema does not list (`'gen': false` in QEMU's qapi/). */
const OPEN_COMMANDS: ReadonlySet<string> = new Set(['device_add']);

export interface EmitOptions {
  /** The name of the exported description: `Qemu10_0`. */
  readonly typeName: string;
  /** Where `qapi.js` and `json/value.js` are, seen from the written file. */
  readonly sourceFolder: string;
}

export function emitTypes(graph: Graph, options: EmitOptions): string {
  return new Emitter(graph, options).emit();
}

class Emitter {
  readonly #graph: Graph;
  readonly #options: EmitOptions;
  readonly #names = new Map<Node, Named>();
  readonly #taken = new Set<string>(['Commands', 'Events', 'Int', 'Empty', 'JsonValue']);

  constructor(graph: Graph, options: EmitOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#taken.add(options.typeName);
    this.#nameAll();
  }

  emit(): string {
    const { commands, events, versions } = this.#graph;
    const types = [...this.#names.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const subject =
      versions.length === 1
        ? `QEMU ${versions.join()}.`
        : `QEMU ${versions.join(', ')} together:\n * what only some of them have is marked, and optional.`;
    return [
      `/**\n * The commands and events of ${subject}\n *\n` +
        ` * Generated from query-qmp-schema by scripts/qmp-types. Do not edit.\n */`,
      `import type { Empty, Int } from '${this.#options.sourceFolder}/qapi.js';`,
      `import type { JsonValue } from '${this.#options.sourceFolder}/json/value.js';`,
      '',
      `/** For \`QmpClient<${this.#options.typeName}>\`. */`,
      `export interface ${this.#options.typeName} { commands: Commands; events: Events }`,
      '',
      'export interface Commands {',
      ...commands.map((command) => this.#command(command)),
      '}',
      '',
      'export interface Events {',
      ...events.map((event) => this.#event(event)),
      '}',
      '',
      ...types.map((type) => this.#declaration(type)),
    ].join('\n');
  }

  /** Shortest name first (Dijkstra), so that a type that is used in many places gets its shortest. */
  #nameAll(): void {
    const waiting: Place[] = [
      ...this.#graph.commands.flatMap(({ name, arguments: args, returns }) => [
        { name: `${pascal(name)}Arguments`, place: `arguments of \`${name}\``, node: args },
        {
          name: `${pascal(name)}Return${returns.kind === 'array' ? 'Item' : ''}`,
          place: `result of \`${name}\``,
          node: returns,
        },
      ]),
      ...this.#graph.events.map(({ name, data }) => ({
        name: `${pascal(name)}Event`,
        place: `data of the event \`${name}\``,
        node: data,
      })),
    ];
    const byLength: Place[][] = [];
    const push = (place: Place): void => {
      (byLength[place.name.length] ??= []).push(place);
    };
    waiting.forEach(push);
    for (let length = 0; length < byLength.length; length++) {
      // Parts of one of these are longer, except what stands in an array: the list may grow.
      const places = byLength[length] ?? [];
      places.sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const place of places) {
        const { node } = place;
        if (node.kind === 'array') {
          places.push({ ...place, node: node.element });
        } else if (node.kind !== 'builtin' && !isEmpty(node) && !this.#names.has(node)) {
          this.#names.set(node, { ...place, name: this.#free(place.name), node });
          parts(node, place.name, place.place).forEach(push);
        }
      }
    }
  }

  #free(name: string): string {
    let free = name;
    for (let n = 2; this.#taken.has(free); n++) free = `${name}${n}`;
    this.#taken.add(free);
    return free;
  }

  #command(command: Command): string {
    const { name, arguments: args, returns, oob } = command;
    const lines = [
      ...(oob ? ['May be executed out of band.'] : []),
      ...(OPEN_COMMANDS.has(name)
        ? ["Takes the device's own properties as well, which the schema does not list."]
        : []),
      ...this.#markLines(command),
    ];
    const open = OPEN_COMMANDS.has(name) ? ' & { [property: string]: JsonValue | undefined }' : '';
    return `${doc(lines)}${quote(name)}: { arguments: ${this.#reference(args)}${open}; returns: ${this.#reference(returns)} };`;
  }

  #event(event: Event): string {
    return `${doc(this.#markLines(event))}${quote(event.name)}: ${this.#reference(event.data)};`;
  }

  #declaration({ name, node, place }: Named): string {
    const head = doc([`${place.charAt(0).toUpperCase()}${place.slice(1)}.`]);
    switch (node.kind) {
      case 'enum': {
        const values = node.values.map(
          (value) => `${doc(this.#markLines(value))}| ${JSON.stringify(value.name)}`,
        );
        return `${head}export type ${name} =\n${values.join('\n')};\n`;
      }
      case 'union':
        return `${head}export type ${name} = ${this.#union(node)};\n`;
      case 'object':
        return node.variants.length === 0
          ? `${head}export interface ${name} ${this.#members(node, undefined)}\n`
          : `${head}export type ${name} = ${this.#taggedUnion(node)};\n`;
    }
  }

  #members(node: ObjectNode, without: string | undefined): string {
    const lines = node.members
      .filter((member) => member.name !== without)
      .map((member) => {
        const type = this.#reference(member.type);
        const declared = member.optional ? `?: ${type} | undefined` : `: ${type}`;
        return `${doc(this.#markLines(member))}${quote(member.name)}${declared};`;
      });
    return `{\n${lines.join('\n')}\n}`;
  }

  #taggedUnion(node: ObjectNode): string {
    const tag = quote(node.tag ?? 'type');
    const bare = node.variants.filter(({ type }) => isEmpty(type)).map((variant) => variant.case);
    const cases = node.variants
      .filter(({ type }) => !isEmpty(type))
      .map(
        (variant) =>
          `| ({ ${tag}: ${JSON.stringify(variant.case)} } & ${this.#reference(variant.type)})`,
      );
    if (bare.length > 0) {
      cases.push(`| { ${tag}: ${bare.map((name) => JSON.stringify(name)).join(' | ')} }`);
    }
    const common = node.members.some((member) => member.name !== node.tag)
      ? `${this.#members(node, node.tag)} & `
      : '';
    return `${common}(\n${cases.join('\n')}\n)`;
  }

  #union(node: UnionNode): string {
    return [...new Set(node.options.map((option) => this.#reference(option)))].join(' | ');
  }

  #reference(node: Node): string {
    switch (node.kind) {
      case 'builtin':
        return builtins[node.jsonType] ?? 'JsonValue';
      case 'array': {
        const element = this.#reference(node.element);
        return /^\w+$/.test(element) ? `readonly ${element}[]` : `readonly (${element})[]`;
      }
      default:
        return this.#names.get(node)?.name ?? 'Empty';
    }
  }

  #markLines({ features, onlyIn }: Marks): string[] {
    const several = this.#graph.versions.length > 1;
    const lines = onlyIn === undefined ? [] : [`Only in QEMU ${onlyIn.join(', ')}.`];
    for (const [feature, versions] of features) {
      const where = several ? ` in QEMU ${versions.join(', ')}` : '';
      if (feature === 'deprecated') lines.push(`@deprecated${where}`);
      else if (feature === 'unstable') lines.push(`@experimental unstable${where}`);
      else lines.push(`QAPI feature \`${feature}\`${where}.`);
    }
    // Tags must come after the prose.
    return lines.sort((a, b) => Number(a.startsWith('@')) - Number(b.startsWith('@')));
  }
}

const builtins: Readonly<Record<string, string>> = {
  string: 'string',
  int: 'Int',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
  value: 'JsonValue',
};

function parts(node: NamedNode, name: string, place: string): Place[] {
  switch (node.kind) {
    case 'enum':
      return [];
    case 'union':
      return node.options.map((option) => ({
        name: `${name}${optionName(option)}`,
        place,
        node: option,
      }));
    case 'object':
      return [
        ...node.members.map((member) => ({
          name: `${name}${pascal(member.name)}`,
          place: `\`${member.name}\` in the ${place}`,
          node: member.type,
        })),
        ...node.variants.map((variant) => ({
          name: `${name}${pascal(variant.case)}`,
          place: `variant \`${variant.case}\` of the ${place}`,
          node: variant.type,
        })),
      ];
  }
}

function optionName(node: Node): string {
  switch (node.kind) {
    case 'object':
      return 'Object';
    case 'enum':
      return 'Choice';
    default:
      return 'Value';
  }
}

function isEmpty(node: Node): boolean {
  return node.kind === 'object' && node.members.length === 0 && node.variants.length === 0;
}

function pascal(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return words
    .map((word) => (word === word.toUpperCase() ? word.toLowerCase() : word))
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('');
}

function quote(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function doc(lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return lines.length === 1
    ? `/** ${lines.join()} */\n`
    : `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`;
}
