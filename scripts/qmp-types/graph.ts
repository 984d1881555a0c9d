/**
 * The types of one or several QEMU versions as one graph. Several versions are merged: a member or
 * value that only some versions have is kept and marked, and such a member is optional. So code
 * written against the merged types runs with each of these versions.
 */
import type { QapiSchema, SchemaType } from 'qemu-qmp-client-ts';

/** A QEMU version such as `10.0` and its schema. */
export interface VersionedSchema {
  readonly version: string;
  readonly schema: QapiSchema;
}

/** What the documentation says about a command, member, event or value. */
export interface Marks {
  /** QAPI features such as `deprecated`, with the versions that have them. */
  readonly features: ReadonlyMap<string, readonly string[]>;
  /** The versions that have it; undefined if all do. */
  readonly onlyIn: readonly string[] | undefined;
}

export interface Member extends Marks {
  readonly name: string;
  readonly optional: boolean;
  readonly type: Node;
}

export interface EnumValue extends Marks {
  readonly name: string;
}

export interface BuiltinNode {
  readonly kind: 'builtin';
  readonly jsonType: string;
}
export interface EnumNode {
  readonly kind: 'enum';
  values: readonly EnumValue[];
}
export interface ArrayNode {
  readonly kind: 'array';
  element: Node;
}
export interface ObjectNode {
  readonly kind: 'object';
  members: readonly Member[];
  tag: string | undefined;
  variants: readonly { readonly case: string; readonly type: Node }[];
}
/** An alternate, or what different versions made of one type. */
export interface UnionNode {
  readonly kind: 'union';
  options: readonly Node[];
}
export type Node = BuiltinNode | EnumNode | ArrayNode | ObjectNode | UnionNode;

export interface Command extends Marks {
  readonly name: string;
  readonly arguments: Node;
  readonly returns: Node;
  readonly oob: boolean;
}

export interface Event extends Marks {
  readonly name: string;
  readonly data: Node;
}

export interface Graph {
  readonly versions: readonly string[];
  readonly commands: readonly Command[];
  readonly events: readonly Event[];
}

/** A type by its masked name in each of the versions that have it. */
type Sources = readonly { readonly from: VersionedSchema; readonly type: string }[];

export function buildGraph(schemas: readonly VersionedSchema[]): Graph {
  return new GraphBuilder(schemas).build();
}

class GraphBuilder {
  readonly #schemas: readonly VersionedSchema[];
  /** Types may refer to themselves: each combination of sources becomes one node. */
  readonly #nodes = new Map<string, Node>();

  constructor(schemas: readonly VersionedSchema[]) {
    this.#schemas = schemas;
  }

  build(): Graph {
    return {
      versions: this.#schemas.map(({ version }) => version),
      commands: this.#collect((schema) => schema.commands).map(({ name, found }) => ({
        name,
        ...this.#marks(found, this.#schemas),
        arguments: this.#node(found.map(({ from, item }) => ({ from, type: item.argumentsType }))),
        returns: this.#node(found.map(({ from, item }) => ({ from, type: item.returnsType }))),
        oob: found.some(({ item }) => item.oob),
      })),
      events: this.#collect((schema) => schema.events).map(({ name, found }) => ({
        name,
        ...this.#marks(found, this.#schemas),
        data: this.#node(found.map(({ from, item }) => ({ from, type: item.dataType }))),
      })),
    };
  }

  #collect<Item>(
    choose: (schema: QapiSchema) => ReadonlyMap<string, Item>,
  ): { name: string; found: { from: VersionedSchema; item: Item }[] }[] {
    const names = new Set(this.#schemas.flatMap(({ schema }) => [...choose(schema).keys()]));
    return [...names].sort().map((name) => ({
      name,
      found: this.#schemas.flatMap((from) => {
        const item = choose(from.schema).get(name);
        return item === undefined ? [] : [{ from, item }];
      }),
    }));
  }

  #node(sources: Sources): Node {
    const key = sources.map(({ from, type }) => `${from.version}:${type}`).join(' ');
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const byKind = new Map<string, Sources>();
    for (const source of sources) {
      const type = source.from.schema.type(source.type);
      const kind = type.kind === 'builtin' ? `builtin ${type.jsonType}` : type.kind;
      byKind.set(kind, [...(byKind.get(kind) ?? []), source]);
    }
    const [[, only] = [], ...others] = byKind;
    if (only !== undefined && others.length === 0) return this.#sameKind(key, only);
    const union: UnionNode = { kind: 'union', options: [] };
    this.#nodes.set(key, union);
    union.options = [...byKind.values()].map((group) => this.#node(group));
    return union;
  }

  /** All sources are of one kind. The node is known before its parts are made: they may refer to it. */
  #sameKind(key: string, sources: Sources): Node {
    const types = sources.map(({ from, type }) => ({ from, item: from.schema.type(type) }));
    const kind = types[0]?.item.kind;
    const remember = <N extends Node>(node: N): N => {
      this.#nodes.set(key, node);
      return node;
    };
    switch (kind) {
      case 'enum': {
        const found = ofKind(types, 'enum');
        return remember({ kind, values: this.#values(found) });
      }
      case 'array': {
        const found = ofKind(types, 'array');
        const node = remember<ArrayNode>({ kind, element: { kind: 'builtin', jsonType: 'value' } });
        node.element = this.#node(found.map(({ from, item }) => ({ from, type: item.element })));
        return node;
      }
      case 'object': {
        const found = ofKind(types, 'object');
        const tag = found.find(({ item }) => item.tag !== undefined)?.item.tag;
        const node = remember<ObjectNode>({ kind, members: [], tag, variants: [] });
        node.members = this.#members(found);
        node.variants = this.#variants(found);
        return node;
      }
      case 'alternate': {
        const found = ofKind(types, 'alternate');
        const node = remember<UnionNode>({ kind: 'union', options: [] });
        node.options = this.#alternatives(found);
        return node;
      }
      default: {
        const [first] = ofKind(types, 'builtin');
        return remember({ kind: 'builtin', jsonType: first?.item.jsonType ?? 'value' });
      }
    }
  }

  #values(found: Found<'enum'>): EnumValue[] {
    const names = new Set(found.flatMap(({ item }) => item.values.map(({ name }) => name)));
    return [...names].map((name) => {
      const having = found.flatMap(({ from, item }) =>
        item.values.filter((value) => value.name === name).map((value) => ({ from, item: value })),
      );
      return {
        name,
        ...this.#marks(
          having,
          found.map(({ from }) => from),
        ),
      };
    });
  }

  #members(found: Found<'object'>): Member[] {
    const names = new Set(found.flatMap(({ item }) => item.members.map(({ name }) => name)));
    return [...names].map((name) => {
      const having = found.flatMap(({ from, item }) =>
        item.members
          .filter((member) => member.name === name)
          .map((member) => ({ from, item: member })),
      );
      return {
        name,
        ...this.#marks(
          having,
          found.map(({ from }) => from),
        ),
        optional: having.length < found.length || having.some(({ item }) => item.optional),
        type: this.#node(having.map(({ from, item }) => ({ from, type: item.type }))),
      };
    });
  }

  #variants(found: Found<'object'>): { case: string; type: Node }[] {
    const cases = new Set(
      found.flatMap(({ item }) => item.variants.map((variant) => variant.case)),
    );
    return [...cases].map((name) => ({
      case: name,
      type: this.#node(
        found.flatMap(({ from, item }) =>
          item.variants
            .filter((variant) => variant.case === name)
            .map(({ type }) => ({ from, type })),
        ),
      ),
    }));
  }

  /** Alternatives are told apart by their JSON type, so those of one kind belong together. */
  #alternatives(found: Found<'alternate'>): Node[] {
    const byKind = new Map<string, Sources>();
    for (const { from, item } of found) {
      for (const type of item.types) {
        const target = from.schema.type(type);
        const kind = target.kind === 'builtin' ? target.jsonType : target.kind;
        byKind.set(kind, [...(byKind.get(kind) ?? []), { from, type }]);
      }
    }
    return [...byKind.values()].map((sources) => this.#node(sources));
  }

  #marks(
    having: readonly { from: VersionedSchema; item: { features: readonly string[] } }[],
    all: readonly VersionedSchema[],
  ): Marks {
    const features = new Map<string, string[]>();
    for (const { from, item } of having) {
      for (const feature of item.features) {
        features.set(feature, [...(features.get(feature) ?? []), from.version]);
      }
    }
    return {
      features,
      onlyIn: having.length < all.length ? having.map(({ from }) => from.version) : undefined,
    };
  }
}

type Found<Kind extends SchemaType['kind']> = readonly {
  readonly from: VersionedSchema;
  readonly item: Extract<SchemaType, { kind: Kind }>;
}[];

function ofKind<Kind extends SchemaType['kind']>(
  types: readonly { from: VersionedSchema; item: SchemaType }[],
  kind: Kind,
): Found<Kind> {
  return types.map(({ from, item }) => {
    if (item.kind !== kind) throw new Error(`Expected ${kind}, got ${item.kind} ${item.name}.`);
    return { from, item: item as Extract<SchemaType, { kind: Kind }> };
  });
}
