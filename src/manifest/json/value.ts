// JSON as it was read, numbers to the digit: what tidegate keeps of members it does not know.

/** A number by its text, so that no digit and no exponent is lost on the way through. */
export interface JsonNumber {
  readonly numberText: string;
}

/** A JSON value as this parser gives it: members in a map, numbers as they are written. */
export type JsonValue =
  null | boolean | string | JsonNumber | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

/** `Array.isArray` does not tell a readonly array from the rest. */
export function isJsonArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isJsonObject(value: JsonValue): value is ReadonlyMap<string, JsonValue> {
  return value instanceof Map;
}
