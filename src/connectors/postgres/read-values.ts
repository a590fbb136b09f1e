// What PostgreSQL's texts are in JavaScript: a value where it holds the same, otherwise the text itself.

import { TidegateError } from '../../errors.js';
import { parseArray, type ArrayElements } from './array-text.js';
import type { CatalogColumn, ValueType } from './column-types.js';
import { parseJson, parseJsonAsWritten } from './json-text.js';
import { quoteIdentifier } from './names.js';

/**
 * Settings of the transaction in which rows are read: a text means the same in every session that
 * reads it, whatever the role, the pool or the server have set.
 */
export const readingSettings: readonly string[] = [
  "SET LOCAL datestyle = 'ISO, YMD'",
  "SET LOCAL intervalstyle = 'postgres'",
  "SET LOCAL timezone = 'UTC'",
  'SET LOCAL extra_float_digits = 1',
  "SET LOCAL bytea_output = 'hex'",
  "SET LOCAL lc_monetary = 'C'",
];

/**
 * A column as text. By `concat`, which is what the type itself says: a cast would cut the blanks of
 * `character(n)`; and a composite value of NULLs is no NULL.
 */
export function textOf({ name, value }: CatalogColumn): string {
  const column = `given.${quoteIdentifier(name)}`;
  // The text of an amount names a currency.
  if (value.name === 'money') return `${column}::money::numeric::text`;
  return `CASE num_nulls(${column}) WHEN 0 THEN concat(${column}) END`;
}

/** @param text Of the column, or null. */
export function valueOf(text: unknown, column: CatalogColumn): unknown {
  return typeof text === 'string' ? read(text, column.value, column) : null;
}

function read(text: string, type: ValueType, column: CatalogColumn): unknown {
  if (type.kind === 'array') return readArray(text, type, column);
  switch (type.name) {
    case 'bool':
      return text === 't';
    case 'int2':
    case 'int4':
    case 'oid':
      return wholeNumber(text, column);
    case 'float4':
    case 'float8':
      return Number(text);
    case 'bytea':
      return Buffer.from(text.slice(2), 'hex');
    case 'json':
      return parseJsonAsWritten(text);
    case 'jsonb':
      return parseJson(text);
    default:
      return text;
  }
}

function wholeNumber(text: string, { name }: CatalogColumn): number {
  const number = Number(text);
  if (String(number) === text) return number;
  throw new TidegateError(
    'TIDEGATE_POSTGRES_SOURCE',
    `column ${name} holds an integer that its type at the start did not allow: start again`,
  );
}

/** As text where JavaScript has no such array: with a lower bound, or of JSON in two dimensions. */
function readArray(
  text: string,
  { element, delimiter }: ValueType,
  column: CatalogColumn,
): unknown {
  const elements = parseArray(text, delimiter);
  if (elements === undefined || element === undefined) return text;
  if (element.kind === 'json' && elements.some(Array.isArray)) return text;
  const convert = (all: ArrayElements): readonly unknown[] =>
    all.map((one) => {
      if (one === null) return null;
      return typeof one === 'string' ? read(one, element, column) : convert(one);
    });
  return convert(elements);
}
