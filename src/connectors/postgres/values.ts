// JavaScript values as PostgreSQL reads them: each column's type reads its own text.

import { TidegateError } from '../../errors.js';
import { printArray, type ArrayElements } from './array-text.js';
import type { ValueType } from './column-types.js';
import { dateTextOf, isDateType } from './date-text.js';
import { isPlainObject, jsonText, JsonText } from './json-text.js';

export interface Column {
  readonly name: string;
  /** As `format_type` names it, for messages. */
  readonly type: string;
  readonly value: ValueType;
}

/** A text as a field of COPY's text format. */
export function copyField(text: string): string {
  return needsEscape.test(text) ? text.replace(escaped, escapeOne) : text;
}

const needsEscape = /[\\\n\r\t]/;
const escaped = /[\\\n\r\t]/g;
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function escapeOne(character: string): string {
  return escapes[character] ?? character;
}

/**
 * A value, not null and not undefined, as the text from which the column's type reads it.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_ROW`, naming the column and what it was given, without the
 * value itself.
 */
export function columnText(value: unknown, column: Column): string {
  const { kind } = column.value;
  if (kind === 'json') return jsonColumnText(value, column);
  if (kind === 'array' && Array.isArray(value)) return arrayText(value, column);
  return scalarText(value, column.value, column);
}

function scalarText(value: unknown, type: ValueType, column: Column): string {
  switch (typeof value) {
    case 'string':
      return checkedText(value, column);
    case 'number':
      // JavaScript prints -0 as 0.
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return String(value);
    case 'boolean':
      return value ? 't' : 'f';
    case 'object':
      return objectText(value, type, column);
    case 'undefined':
    case 'function':
    case 'symbol':
      throw doesNotFit(column, `a value of type ${typeof value}`);
  }
}

function checkedText(value: string, column: Column): string {
  // A lone half of a surrogate pair would be stored as another character, in silence.
  if (!value.isWellFormed()) throw doesNotFit(column, 'a text that is not Unicode');
  if (value.includes('\0')) throw doesNotFit(column, 'a text with a zero character in it');
  return value;
}

function objectText(value: object | null, type: ValueType, column: Column): string {
  if (value instanceof Date) return dateText(value, type, column);
  if (value instanceof Uint8Array) return bytesText(value, type, column);
  if (value instanceof JsonText) return value.text;
  const ofDriver = driverText(value, type);
  if (ofDriver !== undefined) return checkedText(ofDriver, column);
  throw doesNotFit(column, Array.isArray(value) ? 'an array' : objectNamed(value));
}

function objectNamed(value: object | null): string {
  const { constructor } = (value ?? {}) as { readonly constructor?: { readonly name?: unknown } };
  const name = typeof constructor === 'function' ? constructor.name : '';
  return name === 'Object' || name === '' ? 'an object' : `an object of class ${name}`;
}

/** Points, circles and intervals as `pg` hands them out. */
function driverText(value: object | null, type: ValueType): string | undefined {
  const { toPostgres, x, y, radius } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof toPostgres === 'function') {
    const text: unknown = toPostgres.call(value, (inner: unknown) => inner);
    return typeof text === 'string' ? text : undefined;
  }
  if (!isPlainObject(value) || typeof x !== 'number' || typeof y !== 'number') return undefined;
  if (type.name === 'point') return `(${x},${y})`;
  return type.name === 'circle' && typeof radius === 'number'
    ? `<(${x},${y}),${radius}>`
    : undefined;
}

function dateText(value: Date, { name, isText }: ValueType, column: Column): string {
  if (Number.isNaN(value.getTime())) throw doesNotFit(column, 'an invalid date');
  if (isText) return value.toISOString();
  if (!isDateType(name)) throw doesNotFit(column, 'a Date');
  const text = dateTextOf(value, name);
  if (text !== undefined) return text;
  throw doesNotFit(column, 'a Date that is no midnight of UTC: give the day as text (YYYY-MM-DD)');
}

function bytesText(value: Uint8Array, { name }: ValueType, column: Column): string {
  if (name !== 'bytea') throw doesNotFit(column, 'bytes');
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
}

function jsonColumnText(value: unknown, column: Column): string {
  try {
    return checkedText(jsonText(value), column);
  } catch (error) {
    const what =
      error instanceof Error ? error.message.replace(/^a json value was given /, '') : '';
    throw doesNotFit(column, what, error);
  }
}

/** An element of a json array is one JSON value, also when it is an array. */
function arrayText(values: readonly unknown[], column: Column): string {
  const { element, delimiter } = column.value;
  if (element === undefined) throw doesNotFit(column, 'an array');
  const convert = (all: readonly unknown[]): ArrayElements =>
    Array.from(all, (value) => {
      if (value === null || value === undefined) return null;
      if (element.kind === 'json') return jsonColumnText(value, column);
      return Array.isArray(value) ? convert(value) : scalarText(value, element, column);
    });
  return printArray(convert(values), delimiter);
}

function doesNotFit(column: Column, what: string, cause?: unknown): TidegateError {
  return new TidegateError(
    'TIDEGATE_POSTGRES_ROW',
    `column ${column.name} of type ${column.type} was given ${what}`,
    { details: { column: column.name, type: column.type }, cause },
  );
}
