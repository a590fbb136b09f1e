// A record as the texts of its columns, or the reason why the table cannot take it.

import { isTidegateError, TidegateError } from '../../errors.js';
import { isPlainObject, JsonText } from './json-text.js';
import type { Table, TableColumn } from './table.js';
import { columnText } from './values.js';

/** The text of each column in the order of the table, null for NULL. */
export type RowTexts = readonly (string | null)[];

export class RowEncoder {
  readonly #table: Table;
  readonly #known: ReadonlySet<string>;

  constructor(table: Table) {
    this.#table = table;
    this.#known = new Set(table.columns.map(({ name }) => name));
  }

  /**
   * Every record is looked at: a property that is passed over is lost without a word. Only a record's
   * own properties count; one that is missing or undefined is NULL.
   *
   * @param place Of the record in its epoch, from 1, for the message.
   * @throws TidegateError `TIDEGATE_POSTGRES_ROW`.
   */
  texts(record: unknown, place?: number): RowTexts {
    try {
      return this.#texts(record);
    } catch (error) {
      if (!isTidegateError(error)) throw error;
      const which = place === undefined ? 'a record' : `record ${place} of the epoch`;
      const { code, message, details, cause } = error;
      throw new TidegateError(code, `${which}${separator(message)}${message}`, { details, cause });
    }
  }

  #texts(record: unknown): RowTexts {
    const { columns, name } = this.#table;
    if (!isPlainObject(record)) {
      throw refused(
        `is ${whatIs(record)}, not a plain object with columns of ${name} (${this.#list()})`,
      );
    }
    const own = Object.keys(record);
    const stray = own.find((property) => !this.#known.has(property));
    if (stray !== undefined) {
      throw refused(
        `has ${stray.slice(0, 100)}, which is none of the columns written to ${name} (${this.#list()})`,
      );
    }
    if (own.length === 0)
      throw refused(`has none of the columns written to ${name} (${this.#list()})`);
    // A property that is inherited (`constructor`) is none of the record's.
    return columns.map((column) =>
      textIn(Object.hasOwn(record, column.name) ? record[column.name] : undefined, column),
    );
  }

  #list(): string {
    return this.#table.columns.map(({ name }) => name).join(', ');
  }
}

function textIn(value: unknown, column: TableColumn): string | null {
  if (value !== null && value !== undefined) return columnText(value, column);
  if (column.refusesNull !== undefined) throw refused(column.refusesNull);
  return null;
}

function whatIs(record: unknown): string {
  if (record === null || record === undefined) return String(record);
  if (Array.isArray(record)) return 'an array';
  if (typeof record !== 'object') return `a ${typeof record}`;
  if (record instanceof JsonText) return 'a JsonText';
  const { constructor } = record as { readonly constructor?: { readonly name?: unknown } };
  return `an instance of ${typeof constructor === 'function' ? constructor.name : 'a class'}`;
}

function separator(message: string): string {
  return message.startsWith('column ') ? ': ' : ' ';
}

function refused(what: string): TidegateError {
  return new TidegateError('TIDEGATE_POSTGRES_ROW', what);
}
