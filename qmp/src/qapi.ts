/**
 * How generated QAPI types describe a QEMU, and how the client reads that description. The types
 * themselves are in generated/, made from the `query-qmp-schema` of real QEMUs.
 */
import type { JsonObject, JsonValue } from './json/value.js';

/**
 * A QAPI integer: number within ±(2^53 - 1), bigint beyond. The schema does not tell widths, so any
 * may be a bigint; `Number(value)` if only the magnitude matters, `BigInt(value)` to calculate exactly.
 */
export type Int = number | bigint;

/** An empty object: no arguments, no data, or a command that returns nothing. */
export type Empty = Record<string, never>;

/** The commands and events of a QEMU version: {@link Qemu} or one of the subpaths `qapi/...`. */
export interface Qapi {
  readonly commands: object;
  readonly events: object;
}

/** Names of the commands that the types know. */
export type CommandName<Q extends Qapi> = keyof Q['commands'] & string;

/** Names of the events that the types know. */
export type EventName<Q extends Qapi> = keyof Q['events'] & string;

/** The arguments of a command; any object for one that the types don't know. */
export type ArgumentsOf<Q extends Qapi, Name extends string> =
  Name extends CommandName<Q>
    ? Q['commands'][Name] extends { arguments: infer Arguments }
      ? Arguments
      : never
    : object;

/** What a command returns; any JSON for one that the types don't know. */
export type ReturnsOf<Q extends Qapi, Name extends string> =
  Name extends CommandName<Q>
    ? Q['commands'][Name] extends { returns: infer Returns }
      ? Returns
      : never
    : JsonValue;

/** The data of an event; any object for one that the types don't know. */
export type DataOf<Q extends Qapi, Name extends string> =
  Name extends EventName<Q> ? Q['events'][Name] : JsonObject;
