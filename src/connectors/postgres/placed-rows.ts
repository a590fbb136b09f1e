// A row of a source's table, as texts of the server: where it stands, what it says, and its record.

import { quoteLiteral } from './names.js';
import { digestOf, type Place } from './place.js';
import { valueOf } from './read-values.js';
import type { DescribedTable } from './source-table.js';

export interface PlacedRow<Rec> {
  readonly place: Place;
  readonly record: Rec;
}

/** For a comparison with `(transaction, key)`. */
export function tupleOf({ keyType }: DescribedTable, { transaction, key }: Place): string {
  return `(${quoteLiteral(transaction)}::xid8, ${quoteLiteral(key)}::${keyType})`;
}

/** Changes when the server is started, and from one server or table to another. */
export function lifeStatement(table: string): string {
  return `SELECT concat(extract(epoch FROM pg_postmaster_start_time()), ' ', current_database(),
    ' ${table}') AS life`;
}

export function digestOfRow(
  row: Readonly<Record<string, unknown>>,
  { shape, columns }: DescribedTable,
): string {
  const names = columns.map(({ name }) => name);
  const values = columns.map((_, index) => row[`c${index}`]);
  return digestOf(JSON.stringify([shape, names]), values);
}

export function placed<Rec>(
  row: Readonly<Record<string, unknown>>,
  { columns }: DescribedTable,
): PlacedRow<Rec> {
  const place = { transaction: String(row.transaction), key: String(row.key) };
  const record = Object.fromEntries(
    columns.map((column, index) => [column.name, valueOf(row[`c${index}`], column)]),
  );
  return { place, record: record as Rec };
}
