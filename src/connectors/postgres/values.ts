// JavaScript values as PostgreSQL reads them: as text for COPY, as JSON for upserts.

import { TidegateError } from '../../errors.js';

/** How values of a column are written: as they are, as JSON, or element by element. */
export type ColumnKind = 'scalar' | 'json' | 'array';

export interface Column {
  readonly name: string;
  /** As `format_type` names it, for messages. */
  readonly type: string;
  readonly kind: ColumnKind;
}

/** The field of a record in COPY's text format. */
export function copyField(value: unknown, column: Column): string {
  if (value === null || value === undefined) return '\\N';
  if (typeof value === 'number' && column.kind === 'scalar') return String(value);
  const text = columnText(value, column);
  return needsEscape.test(text) ? text.replace(escaped, escapeOne) : text;
}

/** The field of a record as a JSON value from which the column's type can read itself. */
export function jsonField(value: unknown, column: Column): string {
  if (value === null || value === undefined) return 'null';
  if (column.kind === 'json') return jsonText(value, column);
  if (column.kind === 'array' && Array.isArray(value)) {
    return `[${value.map((element) => jsonElement(element, column)).join(',')}]`;
  }
  return JSON.stringify(scalarText(value, column));
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

function columnText(value: unknown, column: Column): string {
  if (column.kind === 'json') return jsonText(value, column);
  if (column.kind === 'array' && Array.isArray(value)) return arrayLiteral(value, column);
  return scalarText(value, column);
}

function scalarText(value: unknown, column: Column): string {
  switch (typeof value) {
    case 'string':
      // A lone half of a surrogate pair would be stored as another character, in silence.
      if (!value.isWellFormed()) throw doesNotFit(column, 'a text that is not Unicode');
      return value;
    case 'number':
    case 'bigint':
      return String(value);
    case 'boolean':
      return value ? 't' : 'f';
    case 'object':
      if (value instanceof Date) return dateText(value, column);
      if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
      throw doesNotFit(column, Array.isArray(value) ? 'an array' : 'an object');
    case 'undefined':
    case 'function':
    case 'symbol':
      throw doesNotFit(column, `a value of type ${typeof value}`);
  }
}

function dateText(value: Date, column: Column): string {
  if (Number.isNaN(value.getTime())) throw doesNotFit(column, 'an invalid date');
  const text = value.toISOString();
  // PostgreSQL has no signed years: it writes five digits plain and the years before one as BC.
  if (text.startsWith('-')) throw doesNotFit(column, 'a date before the year 0');
  return text.startsWith('+') ? text.slice(2) : text;
}

function jsonText(value: unknown, column: Column): string {
  // Its type leaves out that a function or a symbol gives undefined.
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw doesNotFit(column, `a value of type ${typeof value}`);
  return text;
}

function arrayLiteral(values: readonly unknown[], column: Column): string {
  const elements = values.map((element) => {
    if (element === null || element === undefined) return 'NULL';
    if (Array.isArray(element)) return arrayLiteral(element, column);
    return `"${scalarText(element, column).replace(/[\\"]/g, '\\$&')}"`;
  });
  return `{${elements.join(',')}}`;
}

function jsonElement(element: unknown, column: Column): string {
  if (element === null || element === undefined) return 'null';
  if (Array.isArray(element)) {
    return `[${element.map((inner) => jsonElement(inner, column)).join(',')}]`;
  }
  return JSON.stringify(scalarText(element, column));
}

function doesNotFit(column: Column, what: string): TidegateError {
  return new TidegateError(
    'TIDEGATE_POSTGRES_ROW',
    `column ${column.name} of type ${column.type} was given ${what}`,
    { details: { column: column.name, type: column.type } },
  );
}
