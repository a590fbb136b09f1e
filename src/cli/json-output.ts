// Results for machines: one JSON document, 64-bit numbers to the digit.

import { printPretty } from '../manifest/json/print.js';
import type { JsonValue } from '../manifest/json/value.js';
import { printableJson } from './printable.js';

/** What a result is made of. Members that are undefined are left out. */
export type Jsonable =
  | undefined
  | null
  | boolean
  | string
  | number
  | bigint
  | readonly Jsonable[]
  | ReadonlyMap<string, Jsonable>
  | JsonTree
  | { readonly [name: string]: Jsonable };

/** A value that is JSON already, to the digit. */
export class JsonTree {
  constructor(readonly value: JsonValue) {}
}

/** A document that ends with a line break, and can send no command to a terminal that shows it. */
export function toJsonText(value: Jsonable): string {
  return `${printableJson(printPretty(toJsonValue(value)))}\n`;
}

function toJsonValue(value: Jsonable): JsonValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value;
  // A lone surrogate cannot be written as UTF-8.
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'bigint') return { numberText: value.toString() };
  if (typeof value === 'number') {
    return Number.isFinite(value) ? { numberText: String(value) } : null;
  }
  if (value instanceof JsonTree) return value.value;
  if (isList(value)) return value.map(toJsonValue);
  const members = value instanceof Map ? [...value] : Object.entries(value);
  return new Map(
    members
      .filter(([, member]) => member !== undefined)
      .map(([name, member]: [string, Jsonable]) => [name.toWellFormed(), toJsonValue(member)]),
  );
}

function isList(value: object): value is readonly Jsonable[] {
  return Array.isArray(value);
}
