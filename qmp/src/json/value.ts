/**
 * JSON as QMP uses it. QAPI integers are 64 bits wide: one that a double can't hold exactly
 * (outside ±(2^53 - 1)) is a bigint, every other number is a number.
 */
export type JsonValue = null | boolean | number | bigint | string | JsonArray | JsonObject;
export type JsonArray = JsonValue[];
export interface JsonObject {
  [name: string]: JsonValue;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
