// Rows as one JSON parameter: every column's type reads its own text, as it does behind COPY.

import { quoteIdentifier, quoteLiteral } from './names.js';
import type { RowTexts } from './row-texts.js';
import type { Table, TableColumn } from './table.js';

/**
 * One row: its texts by column, json columns apart. In JSON a text would be a JSON string to them, and
 * null would be NULL.
 */
export function rowJson({ columns }: Table, texts: RowTexts): string {
  const plain: string[] = [];
  const json: string[] = [];
  for (const [index, column] of columns.entries()) {
    const member = `${JSON.stringify(column.name)}:${JSON.stringify(texts[index] ?? null)}`;
    (isJson(column) ? json : plain).push(member);
  }
  return `[{${plain.join(',')}},{${json.join(',')}}]`;
}

/** The query that gives the columns of the rows in `$1`, and their order as `tidegate_order`. */
export function rowsFrom(table: Table): string {
  const columns = table.columns.map((column) => {
    const name = quoteIdentifier(column.name);
    if (!isJson(column)) return `given.${name}`;
    return `(rows.pair->1->>${quoteLiteral(column.name)})::${column.type} AS ${name}`;
  });
  return `SELECT ${columns.join(', ')}, rows.tidegate_order
    FROM json_array_elements($1::json) WITH ORDINALITY AS rows(pair, tidegate_order),
      LATERAL json_populate_record(NULL::${table.name}, rows.pair->0) AS given`;
}

function isJson({ value }: TableColumn): boolean {
  return value.kind === 'json';
}
