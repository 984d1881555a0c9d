import { parseJson } from './json/parse.js';
import { isJsonObject, type JsonObject, type JsonValue } from './json/value.js';
import type { DataOf, EventName, Qapi } from './qapi.js';

/** One event, as QEMU sent it and as it arrived here. */
export interface QmpEvent<Name extends string = string, Data = JsonObject> {
  /** Such as `MIGRATION_PASS`. */
  readonly name: Name;
  /** Empty if the event has no data. */
  readonly data: Data;
  /**
   * When QEMU sent it, in microseconds since 1970 by QEMU's host's clock; undefined if QEMU could not
   * read the clock (it then sends seconds = -1) or the peer sends none.
   */
  readonly qemuTimeUs: number | undefined;
  /** When it arrived, in milliseconds since 1970 by our own monotonic clock (`performance`). */
  readonly arrivedAtMs: number;
}

/** The event of that name as the generated types describe it; one of several for several names. */
export type EventOf<Q extends Qapi, Name extends string> =
  Name extends EventName<Q> ? QmpEvent<Name, DataOf<Q, Name>> : QmpEvent<Name>;

/** @internal */
export function readEvent(message: JsonObject, name: string, arrivedAtMs: number): QmpEvent {
  const { data, timestamp } = message as { data?: JsonValue; timestamp?: JsonValue };
  return {
    name,
    data: readData(data),
    qemuTimeUs: isJsonObject(timestamp) ? readTimestamp(timestamp) : undefined,
    arrivedAtMs,
  };
}

/** libvirt's virt-qemu-qmp-proxy (up to 12 at least) sends the data as a string of JSON. */
function readData(data: JsonValue | undefined): JsonObject {
  if (isJsonObject(data)) return data;
  if (typeof data !== 'string') return {};
  try {
    const value = parseJson(data);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function readTimestamp(timestamp: JsonObject): number | undefined {
  const { seconds, microseconds } = timestamp as { seconds?: JsonValue; microseconds?: JsonValue };
  if (typeof seconds !== 'number' || typeof microseconds !== 'number' || seconds < 0) {
    return undefined;
  }
  return seconds * 1e6 + microseconds;
}
