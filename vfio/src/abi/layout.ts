/**
 * C structures written down once: name, fields in order, natural alignment (the uapi headers used here
 * have no packed structures). test/unit/vfio/abi compares every size and offset with the C compiler.
 *
 * Little endian, as on every machine that VFIO type1 runs on.
 */
import { MalformedReplyError } from '../errors.js';

export type Scalar = 'u8' | 'u16' | 'u32' | 's32' | 'u64';
export type FieldType = Scalar | Layout<Fields>;
export type Fields = Readonly<Record<string, FieldType>>;

type ValueOf<T extends FieldType> = T extends 'u64'
  ? bigint
  : T extends Scalar
    ? number
    : T extends Layout<infer F>
      ? Values<F>
      : never;

/** The values of a structure: `bigint` for 64-bit fields, `number` for the others. */
export type Values<F extends Fields> = { [K in keyof F]: ValueOf<F[K]> };

/** A structure of the kernel's ABI. */
export interface Layout<F extends Fields> {
  /** The C name without `struct`. */
  readonly name: string;
  readonly fields: F;
  /** sizeof, in bytes. */
  readonly size: number;
  readonly alignment: number;
  /** offsetof for each field, in bytes. */
  readonly offsets: { readonly [K in keyof F]: number };
  /** Writes the fields that are given; the others keep what `memory` holds. */
  write(memory: Uint8Array, values: Partial<Values<F>>, at?: number): void;
  /** A new, otherwise zeroed structure with `room` bytes behind it. */
  create(values: Partial<Values<F>>, room?: number): Uint8Array;
  /**
   * Reads all fields.
   *
   * @throws {@link MalformedReplyError} if the structure does not fit into `memory` at `at`.
   */
  read(memory: Uint8Array, at?: number): Values<F>;
}

const scalarBytes: Record<Scalar, number> = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8 };

function sizeOf(type: FieldType): number {
  return typeof type === 'string' ? scalarBytes[type] : type.size;
}

function alignmentOf(type: FieldType): number {
  return typeof type === 'string' ? scalarBytes[type] : type.alignment;
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function viewOf(memory: Uint8Array): DataView {
  return new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
}

function readField(view: DataView, memory: Uint8Array, type: FieldType, at: number): unknown {
  switch (type) {
    case 'u8':
      return view.getUint8(at);
    case 'u16':
      return view.getUint16(at, true);
    case 'u32':
      return view.getUint32(at, true);
    case 's32':
      return view.getInt32(at, true);
    case 'u64':
      return view.getBigUint64(at, true);
    default:
      return type.read(memory, at);
  }
}

function writeField(
  view: DataView,
  memory: Uint8Array,
  type: FieldType,
  at: number,
  value: unknown,
): void {
  switch (type) {
    case 'u8':
      view.setUint8(at, value as number);
      return;
    case 'u16':
      view.setUint16(at, value as number, true);
      return;
    case 'u32':
      view.setUint32(at, value as number, true);
      return;
    case 's32':
      view.setInt32(at, value as number, true);
      return;
    case 'u64':
      view.setBigUint64(at, value as bigint, true);
      return;
    default:
      type.write(memory, value as Partial<Values<Fields>>, at);
  }
}

/** Lays out a C structure. A field named `__reserved` and the like is written as in the header. */
export function struct<const F extends Fields>(name: string, fields: F): Layout<F> {
  let end = 0;
  let alignment = 1;
  const places: { key: string; type: FieldType; offset: number }[] = [];
  for (const [key, type] of Object.entries(fields)) {
    const offset = align(end, alignmentOf(type));
    places.push({ key, type, offset });
    end = offset + sizeOf(type);
    alignment = Math.max(alignment, alignmentOf(type));
  }
  const size = align(end, alignment);
  const layout: Layout<F> = {
    name,
    fields,
    size,
    alignment,
    offsets: Object.fromEntries(places.map(({ key, offset }) => [key, offset])) as {
      [K in keyof F]: number;
    },
    write(memory, values, at = 0) {
      const view = viewOf(memory);
      for (const { key, type, offset } of places) {
        const value = values[key];
        if (value !== undefined) writeField(view, memory, type, at + offset, value);
      }
    },
    create(values, room = 0) {
      const memory = new Uint8Array(size + room);
      layout.write(memory, values);
      return memory;
    },
    read(memory, at = 0) {
      if (at < 0 || at + size > memory.byteLength) {
        throw new MalformedReplyError(
          `struct ${name} (${size} bytes) does not fit at offset ${at} of ${memory.byteLength} bytes.`,
        );
      }
      const view = viewOf(memory);
      return Object.fromEntries(
        places.map(({ key, type, offset }) => [key, readField(view, memory, type, at + offset)]),
      ) as Values<F>;
    },
  };
  return layout;
}
